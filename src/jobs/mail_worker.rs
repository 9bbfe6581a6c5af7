//! The mail worker: sends what is due, several at once, as soon as a commit wakes it up.

use std::{collections::HashMap, future::Future, sync::Arc, time::Duration};

use tokio::{
    task::{Id, JoinError, JoinSet},
    time::{Instant, sleep, timeout},
};

use crate::app::{
    Desk, Error,
    mails::{
        deliver_mail::{self, Claimed, Mail, Mailer},
        release_mail,
    },
};

/// Mails that are sent at the same time.
const SENDERS: usize = 4;
/// A dialogue that takes longer gives its place to the next mail, so that a relay which hangs on
/// some holds up no others.
const SLOW_DELIVERY: Duration = Duration::from_secs(10);
/// With the slow ones.
const MAX_SENDERS: usize = 32;
/// How often the worker looks for mail by itself: other processes can't wake it up.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
const SHORTEST_SLEEP: Duration = Duration::from_millis(50);
/// The pause while the database is away.
const DATABASE_RETRY_DELAY: Duration = Duration::from_secs(2);
/// How long mails in flight may take to end after the worker is asked to stop.
pub const LAST_PATIENCE: Duration = Duration::from_secs(8);

struct MailWorker {
    desk: Desk,
    mailer: Mailer,
    name: Arc<str>,
    sending: JoinSet<()>,
    in_hand: HashMap<Id, (Arc<Claimed>, Instant)>,
    hold: Hold,
    was_away: bool,
}

/// Whether mail is held back (`serve --hold-mail`).
enum Hold {
    Off,
    /// Until a release later than this one; `None`: the database has not been asked yet.
    Since(Option<i64>),
}

/// Sends mail until `shutdown` is ready; then ends what is in flight, within a bound, and gives the
/// rest back.
pub async fn run(desk: Desk, mailer: Mailer, hold_mail: bool, shutdown: impl Future<Output = ()>) {
    let hold = if hold_mail { Hold::Since(None) } else { Hold::Off };
    let name = format!("mail-{}", uuid::Uuid::now_v7().simple()).into();
    let mut worker = MailWorker {
        desk,
        mailer,
        name,
        sending: JoinSet::new(),
        in_hand: HashMap::new(),
        hold,
        was_away: false,
    };
    tokio::pin!(shutdown);
    loop {
        let pause = worker.step().await;
        let wakeup = Arc::clone(&worker.desk.mail_wakeup);
        tokio::select! {
            () = &mut shutdown => break,
            Some(done) = worker.sending.join_next_with_id() => worker.put_down(done),
            // A full worker does not take the wake-up: it is still pending when a place is free.
            () = wakeup.notified(), if worker.has_place() => (),
            () = sleep(pause) => (),
        }
    }
    worker.stop().await;
}

impl MailWorker {
    /// Takes up what is due, as far as there are places; answers how long to sleep.
    async fn step(&mut self) -> Duration {
        match self.take_up().await {
            Ok(pause) => {
                if std::mem::take(&mut self.was_away) {
                    tracing::info!("the mail worker has its database again");
                }
                pause
            }
            Err(error) => {
                if !std::mem::replace(&mut self.was_away, true) {
                    tracing::warn!(%error, "the mail worker has no database; it keeps trying");
                }
                DATABASE_RETRY_DELAY
            }
        }
    }

    async fn take_up(&mut self) -> Result<Duration, Error> {
        if self.is_held().await? || !self.has_place() {
            return Ok(POLL_INTERVAL);
        }
        // A look costs no write lock; most of the time nothing is due.
        let due = self.desk.reading(deliver_mail::next_due_in).await?;
        if due != Some(Duration::ZERO) {
            return Ok(due.unwrap_or(POLL_INTERVAL).clamp(SHORTEST_SLEEP, POLL_INTERVAL));
        }
        let busy: Vec<Mail> = self.in_hand.values().map(|(mail, _)| mail.id).collect();
        let (name, places) =
            (Arc::clone(&self.name), i64::try_from(self.places()).unwrap_or_default());
        let claimed = self
            .desk
            .writing(move |desk| deliver_mail::claim_mails(desk, &name, &busy, places))
            .await?;
        let found_none = claimed.is_empty();
        for mail in claimed {
            self.send(Arc::new(mail));
        }
        // None: another worker was quicker, or what is due is in hand here and late with its
        // renewal.
        Ok(if found_none { POLL_INTERVAL } else { SHORTEST_SLEEP })
    }

    fn send(&mut self, mail: Arc<Claimed>) {
        let (desk, mailer, name, own) =
            (self.desk.clone(), self.mailer.clone(), Arc::clone(&self.name), Arc::clone(&mail));
        let task = self
            .sending
            .spawn(async move { deliver_mail::deliver(&desk, &mailer, &name, &own).await });
        self.in_hand.insert(task.id(), (mail, Instant::now()));
    }

    fn put_down(&mut self, done: Result<(Id, ()), JoinError>) {
        let id = match done {
            Ok((id, ())) => id,
            Err(error) => {
                tracing::error!("sending a mail broke off; its lease will lapse");
                error.id()
            }
        };
        self.in_hand.remove(&id);
    }

    fn places(&self) -> usize {
        let quick =
            self.in_hand.values().filter(|(_, since)| since.elapsed() < SLOW_DELIVERY).count();
        SENDERS.saturating_sub(quick).min(MAX_SENDERS.saturating_sub(self.in_hand.len()))
    }

    fn has_place(&self) -> bool {
        self.places() > 0
    }

    async fn is_held(&mut self) -> Result<bool, Error> {
        let Hold::Since(seen) = self.hold else { return Ok(false) };
        let latest = self.desk.reading(release_mail::latest_release).await?;
        if seen.is_some_and(|seen| latest > seen) {
            tracing::info!("held mail was released");
            self.hold = Hold::Off;
            return Ok(false);
        }
        self.hold = Hold::Since(Some(latest));
        Ok(true)
    }

    async fn stop(mut self) {
        let ending = async {
            while let Some(done) = self.sending.join_next_with_id().await {
                self.put_down(done);
            }
        };
        if timeout(LAST_PATIENCE, ending).await.is_ok() {
            return;
        }
        self.sending.shutdown().await;
        for (mail, _) in std::mem::take(&mut self.in_hand).into_values() {
            let (name, id) = (Arc::clone(&self.name), mail.id);
            if self
                .desk
                .writing(move |desk| deliver_mail::release_claim(desk, &name, &mail))
                .await
                .is_err()
            {
                tracing::warn!(
                    mail = id.0,
                    "a mail in flight could not be given back; its lease will lapse"
                );
            }
        }
    }
}
