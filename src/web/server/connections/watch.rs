//! The clock of one connection: whom it waits for, since when, and when that has been too long.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// How long a client may keep the server waiting.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For a request's head, from its first byte; for the first one, from the connection's
    /// beginning.
    pub head: Duration,
    /// Without a byte between two requests.
    pub idle: Duration,
    /// For the silences of a body that is read, together; and one second more for each
    /// [`SLOWEST_SENDER`] bytes.
    pub body: Duration,
    /// For the times in which nothing more of an answer can be sent, together; and one second more
    /// for each [`SLOWEST_READER`] bytes.
    pub answer: Duration,
    /// Without the whole head of a request, while connections are short.
    pub idle_in_a_crowd: Duration,
    /// In the middle of a body that is read, or of an answer, without a byte, while connections are
    /// short.
    pub silence_in_a_crowd: Duration,
    /// actix's own timers come first: they still answer 408.
    pub grace: Duration,
}

/// Bytes a second; slower senders are cut off in the end.
pub const SLOWEST_SENDER: u64 = 32 * 1024;
/// Bytes a second; slower readers are cut off in the end.
pub const SLOWEST_READER: u64 = 8 * 1024;
/// How soon a connection notices that there is a crowd.
const LOOK_ROUND: Duration = Duration::from_millis(500);

impl Patience {
    pub const USUAL: Self = Self {
        head: Duration::from_secs(10),
        idle: Duration::from_secs(75),
        body: Duration::from_mins(1),
        answer: Duration::from_secs(30),
        idle_in_a_crowd: Duration::from_secs(1),
        silence_in_a_crowd: Duration::from_secs(5),
        grace: Duration::from_secs(1),
    };

    /// [`Self::USUAL`]; tests divide it, by 0 for a patience without end.
    pub fn now() -> Self {
        fail::fail_point!("connections::patience", |by| Self::USUAL
            .divided(by.and_then(|by| by.parse().ok()).unwrap_or(1)));
        Self::USUAL
    }

    /// All but the patience in a crowd.
    #[cfg_attr(not(feature = "failpoints"), allow(dead_code, reason = "only tests shorten it"))]
    fn divided(self, by: u32) -> Self {
        let divided =
            |patience: Duration| patience.checked_div(by).unwrap_or(Duration::from_hours(24));
        let Self { head, idle, body, answer, grace, .. } = self;
        Self {
            head: divided(head),
            idle: divided(idle),
            body: divided(body),
            answer: divided(answer),
            grace: divided(grace),
            ..self
        }
    }

    /// For the silences of a body that is read.
    pub fn for_body(&self) -> Duration {
        fail::fail_point!("connections::body", |ms| Duration::from_millis(
            ms.and_then(|ms| ms.parse().ok()).unwrap_or(0)
        ));
        self.body
    }
}

/// How long somebody has kept the server waiting, and whether their bytes make up for it. Time that
/// the server takes itself does not count.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stall {
    since: Option<Instant>,
    before: Duration,
    bytes: u64,
}

impl Stall {
    /// Nothing moves now.
    pub fn begin(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// Bytes moved. Those before the first stall count for nothing: they only filled the system's
    /// buffers.
    pub fn end(&mut self, bytes: usize) {
        if let Some(since) = self.since.take() {
            self.before += since.elapsed();
        }
        if !self.before.is_zero() {
            self.bytes += bytes as u64;
        }
    }

    /// When it is too long; `None`: nobody waits.
    pub fn deadline(&self, patience: Duration, slowest: u64) -> Option<Instant> {
        let allowed = patience + Duration::from_secs(self.bytes / slowest);
        self.since.map(|since| since + allowed.saturating_sub(self.before))
    }
}

/// The connections of one listener.
#[derive(Debug)]
pub struct Crowd {
    open: AtomicUsize,
    /// With more than these, nobody is waited for longer than a moment.
    comfortable: usize,
}

impl Crowd {
    pub fn new(comfortable: usize) -> Self {
        Self { open: AtomicUsize::new(0), comfortable }
    }

    fn is_here(&self) -> bool {
        self.open.load(Ordering::Relaxed) > self.comfortable
    }
}

/// Who has to act next.
#[derive(Debug, Clone, Copy)]
enum NextMove {
    /// The client: a request's head, or the rest of a body that nobody reads.
    Client { since: Instant, until: Instant, has_begun: bool },
    /// The server: a request is being answered.
    Server,
}

/// The clock of one connection. Its task alone uses it.
#[derive(Debug)]
pub struct ConnectionWatch {
    patience: Patience,
    crowd: Arc<Crowd>,
    next_move: Cell<NextMove>,
    /// When a byte last went either way.
    moved: Cell<Instant>,
    /// A body is not read to its end yet.
    has_body_left: Cell<bool>,
    /// A handler waits for more of the body.
    waits_for_body: Cell<bool>,
    /// A body did not come in time.
    was_too_slow: Cell<bool>,
    /// The client does not read the answer.
    unread: Cell<Stall>,
    /// A handler has the body, and has not read it to its end.
    reads_body: Cell<bool>,
    /// How many steps of the connection's task in a row asked for no bytes.
    steps_without_reading: Cell<u32>,
}

/// A connection's task that goes on without asking for bytes has read as far ahead as it may (128
/// KiB), and wakes itself all the time until that is used up: it takes a core for as long as the
/// client reads no answer. No client of ours sends so many requests ahead.
const MOST_STEPS_WITHOUT_READING: u32 = 64;

impl ConnectionWatch {
    pub fn new(patience: Patience, crowd: &Arc<Crowd>) -> Rc<Self> {
        crowd.open.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        Rc::new(Self {
            patience,
            crowd: Arc::clone(crowd),
            next_move: Cell::new(NextMove::Client {
                since: now,
                until: now + patience.head,
                has_begun: true,
            }),
            moved: Cell::new(now),
            has_body_left: Cell::new(false),
            waits_for_body: Cell::new(false),
            was_too_slow: Cell::new(false),
            unread: Cell::default(),
            reads_body: Cell::new(false),
            steps_without_reading: Cell::new(0),
        })
    }

    pub fn patience(&self) -> &Patience {
        &self.patience
    }

    /// A request's head is complete.
    pub fn has_request(&self, with_body: bool) {
        self.next_move.set(NextMove::Server);
        self.has_body_left.set(with_body);
        self.reads_body.set(with_body);
        self.was_too_slow.set(false);
        self.unread.set(Stall::default());
    }

    /// The answer is complete, though perhaps not sent yet.
    pub fn has_answered(&self) {
        let (now, rest) = (Instant::now(), self.has_body_left.get());
        self.waits_for_body.set(false);
        // The rest of a body is thrown away as it comes: that has to end too.
        let until = now + if rest { self.patience.head } else { self.patience.idle };
        self.next_move.set(NextMove::Client { since: now, until, has_begun: rest });
    }

    /// A handler asked for more of the body, and there is none yet.
    pub fn waits_for_body(&self, waits: bool) {
        self.waits_for_body.set(waits);
    }

    /// The body is complete.
    pub fn has_body(&self) {
        self.has_body_left.set(false);
        self.reads_body.set(false);
    }

    /// No handler reads more of the body.
    pub fn leaves_body(&self) {
        self.waits_for_body.set(false);
        self.reads_body.set(false);
    }

    pub fn gives_up_body(&self) {
        self.was_too_slow.set(true);
    }

    /// Whether the request's body did not come in time.
    pub fn was_too_slow(&self) -> bool {
        self.was_too_slow.get()
    }

    /// The connection's task asks for bytes.
    pub(crate) fn is_read(&self) {
        self.steps_without_reading.set(0);
    }

    /// Whether the client has sent so much ahead that the task does nothing but wake itself. While
    /// a handler reads a body, what is read ahead waits for the handler, and nobody is woken.
    fn is_flooded(&self) -> bool {
        let steps = if self.reads_body.get() { 0 } else { self.steps_without_reading.get() + 1 };
        self.steps_without_reading.set(steps);
        steps > MOST_STEPS_WITHOUT_READING
    }

    /// Bytes came.
    pub(crate) fn has_read(&self) {
        let now = Instant::now();
        self.moved.set(now);
        if let NextMove::Client { since, until, has_begun: false } = self.next_move.get() {
            self.next_move.set(NextMove::Client {
                since,
                until: until.min(now + self.patience.head),
                has_begun: true,
            });
        }
    }

    /// Bytes were sent.
    pub(crate) fn has_sent(&self, bytes: usize) {
        self.moved.set(Instant::now());
        self.unread.set(with(self.unread.get(), |unread| unread.end(bytes)));
    }

    /// Bytes could not be sent: the client does not read.
    pub(crate) fn is_unread(&self) {
        self.unread.set(with(self.unread.get(), Stall::begin));
    }

    /// When this connection has kept the server waiting for too long; `None`: the server is at
    /// work.
    fn deadline(&self) -> Option<Instant> {
        let Patience { answer, idle_in_a_crowd, silence_in_a_crowd, grace, .. } = self.patience;
        let is_crowded = self.crowd.is_here();
        if let Some(until) = self.unread.get().deadline(answer, SLOWEST_READER) {
            return Some(if is_crowded {
                until.min(self.moved.get() + silence_in_a_crowd)
            } else {
                until
            });
        }
        match self.next_move.get() {
            NextMove::Client { since, .. } if is_crowded => Some(since + idle_in_a_crowd),
            NextMove::Client { until, .. } => Some(until + grace),
            NextMove::Server if is_crowded && self.waits_for_body.get() => {
                Some(self.moved.get() + silence_in_a_crowd)
            }
            // A body that a handler reads has a clock of its own, which can still answer.
            NextMove::Server => None,
        }
    }

    /// Ends when the connection has to.
    pub(crate) async fn is_overdue(&self) {
        let mut sleep = pin!(sleep_until(Instant::now() + LOOK_ROUND));
        poll_fn(|context| self.poll_overdue(sleep.as_mut(), context)).await;
    }

    /// It is asked after each step of the connection's task, so that it sees each change of the
    /// deadline but a crowd's coming.
    fn poll_overdue(&self, mut sleep: Pin<&mut Sleep>, context: &mut Context<'_>) -> Poll<()> {
        if self.is_flooded() {
            return Poll::Ready(());
        }
        loop {
            let (now, deadline) = (Instant::now(), self.deadline());
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Poll::Ready(());
            }
            let next = deadline.map_or(now + LOOK_ROUND, |deadline| deadline.min(now + LOOK_ROUND));
            if sleep.is_elapsed() || next < sleep.deadline() {
                sleep.as_mut().reset(next);
            }
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

fn with<T: Copy>(mut value: T, change: impl FnOnce(&mut T)) -> T {
    change(&mut value);
    value
}

impl Drop for ConnectionWatch {
    fn drop(&mut self) {
        self.crowd.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_after_a_stall_make_up_for_it_and_those_before_do_not() {
        let patience = Duration::from_secs(30);
        let mut stall = Stall::default();
        stall.end(1 << 20);
        assert_eq!(stall.deadline(patience, 1024), None);
        stall.begin();
        let begun = stall.since.unwrap_or_else(Instant::now);
        stall.begin();
        assert_eq!(stall.deadline(patience, 1024), Some(begun + patience));
        tokio::time::sleep(Duration::from_millis(2)).await;
        stall.end(4096);
        let waited = stall.before;
        assert!(waited >= Duration::from_millis(2));
        stall.begin();
        let again = stall.since.unwrap_or(begun);
        assert_eq!(
            stall.deadline(patience, 1024),
            Some(again + patience + Duration::from_secs(4) - waited)
        );
        // Nothing is left in the end, however little moves.
        stall.before = Duration::from_mins(1);
        assert_eq!(stall.deadline(patience, 1024), Some(again));
    }
}
