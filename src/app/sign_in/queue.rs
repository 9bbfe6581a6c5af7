//! A queue for work of which only a little can run at once: who is next, how many may wait, and for
//! how long.
//!
//! Dropping a future that waits takes it out of the queue at once.

use std::{
    collections::VecDeque,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::oneshot;

/// For whom work is done, as far as it decides who is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// The desk's own workers: they are few, and wait for as long as it takes.
    Desk,
    /// A request with a session. It never waits for one without.
    SignedIn,
    /// A sign-in from a browser in which the user has signed in before.
    Known,
    /// Any other request.
    Stranger,
}

tokio::task_local! {
    static CALLER: Caller;
}

impl Caller {
    /// Runs `work` for this caller: it waits in every queue as one of this class.
    pub async fn runs<F: Future>(self, work: F) -> F::Output {
        CALLER.scope(self, work).await
    }

    /// For whom this task works; outside of requests it is the desk itself.
    pub fn current() -> Self {
        CALLER.try_with(|caller| *caller).unwrap_or(Self::Desk)
    }

    fn class(self) -> usize {
        match self {
            Self::Desk => 0,
            Self::SignedIn => 1,
            Self::Known => 2,
            Self::Stranger => 3,
        }
    }
}

/// How many others of one's class may wait already, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub max_waiting: usize,
    pub timeout: Duration,
}

/// Too many wait already, or the wait took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

/// While both wait, a stranger is served after this many known callers, so that strangers get on
/// too.
const KNOWN_BEFORE_A_STRANGER: u32 = 4;

/// A number of permits, and those who wait for one.
pub struct Queue {
    state: Mutex<QueueState>,
}

struct QueueState {
    free: usize,
    /// By class, each in the order of arrival.
    waiting: [VecDeque<Ticket>; 4],
    /// How many known callers were served while a stranger waited.
    passed_strangers: u32,
    next_number: u64,
}

struct Ticket {
    number: u64,
    sender: oneshot::Sender<Permit>,
}

/// The right to work. Dropping it hands it to the next in the queue.
pub struct Permit(Option<Arc<Queue>>);

/// A place in the queue. Dropping it gives the place up.
struct QueuePlace {
    queue: Arc<Queue>,
    class: usize,
    number: u64,
}

impl Queue {
    pub fn new(permits: usize) -> Arc<Self> {
        let state = QueueState {
            free: permits,
            waiting: Default::default(),
            passed_strangers: 0,
            next_number: 0,
        };
        Arc::new(Self { state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many requests wait.
    pub fn waiting(&self) -> usize {
        self.state().waiting[Caller::SignedIn.class()..].iter().map(VecDeque::len).sum()
    }

    /// Waits for a permit. The desk's own work is never refused.
    ///
    /// Errors: [`Busy`], at once where the class has no place left, else at the timeout.
    pub async fn enter(self: &Arc<Self>, caller: Caller, limits: Limits) -> Result<Permit, Busy> {
        let (place, receiver) = {
            let mut state = self.state();
            if state.free > 0 {
                state.free -= 1;
                return Ok(Permit(Some(Arc::clone(self))));
            }
            let class = caller.class();
            if caller != Caller::Desk && state.waiting[class].len() >= limits.max_waiting {
                return Err(Busy);
            }
            let (sender, receiver) = oneshot::channel();
            let number = state.next_number;
            state.next_number += 1;
            state.waiting[class].push_back(Ticket { number, sender });
            (QueuePlace { queue: Arc::clone(self), class, number }, receiver)
        };
        let permit = if caller == Caller::Desk {
            receiver.await.ok()
        } else {
            tokio::time::timeout(limits.timeout, receiver).await.ok().and_then(Result::ok)
        };
        drop(place);
        permit.ok_or(Busy)
    }
}

impl QueueState {
    fn take_next(&mut self) -> Option<Ticket> {
        let [own, signed_in, known, strangers] = &mut self.waiting;
        if let Some(ticket) = own.pop_front().or_else(|| signed_in.pop_front()) {
            return Some(ticket);
        }
        if known.is_empty() || self.passed_strangers >= KNOWN_BEFORE_A_STRANGER {
            self.passed_strangers = 0;
            if let Some(ticket) = strangers.pop_front() {
                return Some(ticket);
            }
        }
        if !strangers.is_empty() {
            self.passed_strangers += 1;
        }
        known.pop_front()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some(queue) = self.0.take() else { return };
        let mut permit = Self(Some(Arc::clone(&queue)));
        loop {
            let mut state = queue.state();
            let Some(ticket) = state.take_next() else {
                state.free += 1;
                permit.0 = None;
                return;
            };
            drop(state);
            match ticket.sender.send(permit) {
                Ok(()) => return,
                // The next one left just now.
                Err(back) => permit = back,
            }
        }
    }
}

impl Drop for QueuePlace {
    fn drop(&mut self) {
        self.queue.state().waiting[self.class].retain(|ticket| ticket.number != self.number);
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
