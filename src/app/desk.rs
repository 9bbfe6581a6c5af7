//! What every use case is handed: the database, the clock, the mail worker's wake-up. And the way
//! off the async threads.

use std::{sync::Arc, time::Duration};

use tokio::sync::{Notify, Semaphore};

use super::{Error, Fault};
use crate::{
    app::{
        operation::readiness::Looks,
        rewards::next_codes::NextCodes,
        sign_in::{
            provider::OidcProvider,
            queue::{Caller, Limits, Queue},
        },
    },
    db::{Database, WriteTx},
    domain::{
        clock::Clock,
        email::{EmailAddress, Mailbox},
    },
};

/// The desk: cheap to clone, shared by all requests and workers.
#[derive(Clone)]
pub struct Desk {
    pub db: Database,
    pub clock: Clock,
    /// The sender of mails of merchants that have none of their own.
    pub mail_from: Arc<Mailbox>,
    /// Where the heads of the audit logs are sent; nobody by default.
    pub heads_recipient: Option<Arc<EmailAddress>>,
    /// Where the desk is reached, without a slash at the end: what mails link to.
    pub base_url: Arc<str>,
    /// The host part of message ids.
    pub mail_domain: Arc<str>,
    /// Notified after a commit that queued a mail, by [`Desk::wake_mail_worker`].
    pub mail_wakeup: Arc<Notify>,
    /// Notified after a commit that left work to the import worker.
    pub import_wakeup: Arc<Notify>,
    /// Where people can sign in besides; most installations have none.
    pub provider: Option<Arc<OidcProvider>>,
    /// Whether the desk can work, as far as it was asked lately.
    pub looks: Looks,
    /// Where each batch's next code was last found.
    pub(super) next_codes: Arc<NextCodes>,
    secret: Arc<[u8]>,
    /// One at a time in this process: they would only wait for one another.
    imports: Arc<Semaphore>,
    queues: Queues,
    limits: QueueLimits,
}

/// What work waits for before it gets a thread of the pool.
#[derive(Clone)]
struct Queues {
    /// As many permits as there are connections, so that nobody waits for one while holding a pool
    /// thread.
    writes: Arc<Queue>,
    reads: Arc<Queue>,
    /// Checking a password takes a core for tens of milliseconds: two at a time, whatever the
    /// number of cores, leave room for pages.
    password_checks: Arc<Queue>,
    /// Beside everybody else: whether the desk can work is asked when it is busy, too. The desk
    /// itself asks, one look at a time.
    probes: Arc<Queue>,
    /// A provider that hangs must not hold all pool threads.
    provider_calls: Arc<Queue>,
}

/// How many requests may wait in each queue, and for how long. Beyond that they are answered that
/// the desk is busy.
#[derive(Debug, Clone, Copy)]
pub struct QueueLimits {
    pub writes: Limits,
    pub reads: Limits,
    pub password_checks: Limits,
    pub provider_calls: Limits,
}

impl Default for QueueLimits {
    /// Proxies give up after 60 seconds, and people sooner. Writes are the last to be refused: a
    /// reissue that waits is worth more than a page, and hundreds of them are done within seconds,
    /// one after the other on SQLite.
    fn default() -> Self {
        let limits =
            |max_waiting, seconds| Limits { max_waiting, timeout: Duration::from_secs(seconds) };
        Self {
            writes: limits(1_000, 45),
            reads: limits(500, 30),
            password_checks: limits(100, 15),
            provider_calls: limits(100, 15),
        }
    }
}

/// How many requests wait in each queue. On PostgreSQL reads and writes share one, and both have
/// its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLengths {
    pub writes: usize,
    pub reads: usize,
    pub password_checks: usize,
    pub provider_calls: usize,
}

impl Desk {
    /// A desk over `db`. `secret` is the installation's key material, 32 characters or more.
    pub fn new(db: Database, clock: Clock, mail_from: Mailbox, secret: &str) -> Self {
        let (writes, reads) = db.capacity();
        let writes = Queue::new(writes);
        // PostgreSQL has one pool for both.
        let reads = if db.is_sqlite() { Queue::new(reads) } else { Arc::clone(&writes) };
        let queues = Queues {
            writes,
            reads,
            password_checks: Queue::new(2),
            probes: Queue::new(1),
            provider_calls: Queue::new(16),
        };
        let mail_domain =
            mail_from.address.as_str().rsplit('@').next().unwrap_or("localhost").into();
        Self {
            db,
            clock,
            mail_from: Arc::new(mail_from),
            heads_recipient: None,
            base_url: "".into(),
            mail_domain,
            mail_wakeup: Arc::new(Notify::new()),
            import_wakeup: Arc::new(Notify::new()),
            provider: None,
            looks: Looks::default(),
            next_codes: Arc::default(),
            secret: secret.as_bytes().into(),
            imports: Arc::new(Semaphore::new(1)),
            queues,
            limits: QueueLimits::default(),
        }
    }

    /// The same desk with other limits.
    pub fn with_queue_limits(self, limits: QueueLimits) -> Self {
        Self { limits, ..self }
    }

    /// How many requests wait now.
    pub fn waiting(&self) -> QueueLengths {
        let Queues { writes, reads, password_checks, provider_calls, .. } = &self.queues;
        QueueLengths {
            writes: writes.waiting(),
            reads: reads.waiting(),
            password_checks: password_checks.waiting(),
            provider_calls: provider_calls.waiting(),
        }
    }

    /// The same desk with the installation's key material, for an operator who has it at hand.
    pub fn with_secret(self, secret: &str) -> Self {
        Self { secret: secret.as_bytes().into(), ..self }
    }

    /// Whether the key material is at hand.
    pub(super) fn has_secret(&self) -> bool {
        !self.secret.is_empty()
    }

    /// The same desk, reached at this address.
    pub fn reached_at(self, base_url: &str) -> Self {
        Self { base_url: base_url.trim_end_matches('/').into(), ..self }
    }

    /// The same desk, with single sign-on.
    pub fn with_provider(self, provider: OidcProvider) -> Self {
        Self { provider: Some(Arc::new(provider)), ..self }
    }

    /// The same desk, which sends the heads of the audit logs to this address.
    pub fn sending_heads_to(self, address: Option<EmailAddress>) -> Self {
        Self { heads_recipient: address.map(Arc::new), ..self }
    }

    /// A desk for commands of the machine's operator, which send no mail and sign nothing.
    pub fn for_operator(db: Database) -> Self {
        let nobody =
            Mailbox { name: None, address: EmailAddress::stored("nobody@localhost".to_owned()) };
        Self::new(db, Clock::System, nobody, "")
    }

    /// The same desk at another time, for sample data and tests.
    pub fn at(&self, clock: Clock) -> Self {
        Self { clock, ..self.clone() }
    }

    /// Wakes the mail worker once `tx`, which has queued a mail, is committed.
    pub(super) fn wake_mail_worker(&self, tx: &mut WriteTx<'_>) {
        let wakeup = Arc::clone(&self.mail_wakeup);
        tx.after_commit(move || wakeup.notify_one());
    }

    /// A key for one purpose, stretched from the installation's secret by HKDF-SHA256.
    pub fn key_for<const N: usize>(&self, purpose: &str) -> [u8; N] {
        let mut key = [0; N];
        // N is far below HKDF's limit of 255 hashes: the only error it has.
        let _ = hkdf::Hkdf::<sha2::Sha256>::new(None, &self.secret)
            .expand(purpose.as_bytes(), &mut key);
        key
    }

    /// Runs a use case that writes on a pool thread, in the caller's tracing span.
    pub async fn writing<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.off_thread(&self.queues.writes, self.limits.writes, work).await
    }

    /// Runs a use case that only reads on a pool thread, in the caller's tracing span.
    pub async fn reading<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.off_thread(&self.queues.reads, self.limits.reads, work).await
    }

    /// Looks at the desk's own state on a pool thread; waits for no reader and no writer.
    pub async fn probing<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        Caller::Desk.runs(self.off_thread(&self.queues.probes, self.limits.reads, work)).await
    }

    /// Runs an import on a pool thread, in the caller's tracing span. It draws many short
    /// transactions on SQLite, and clicks go in between: so it holds the place of a reader, not the
    /// one place of a writer.
    pub async fn importing<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let permit =
            Arc::clone(&self.imports).acquire_owned().await.map_err(|_| Fault::ShuttingDown)?;
        self.off_thread(&self.queues.reads, self.limits.reads, move |desk| {
            let _permit = permit;
            work(desk)
        })
        .await
    }

    /// Runs a use case that checks a password on a pool thread, in the caller's tracing span.
    pub async fn checking_password<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.off_thread(&self.queues.password_checks, self.limits.password_checks, work).await
    }

    /// Runs a use case that asks the provider of single sign-on on a pool thread, in the caller's
    /// tracing span.
    pub async fn asking_provider<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.off_thread(&self.queues.provider_calls, self.limits.provider_calls, work).await
    }

    async fn off_thread<T: Send + 'static>(
        &self,
        queue: &Arc<Queue>,
        limits: Limits,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let permit = queue.enter(Caller::current(), limits).await.map_err(|_| Error::Busy)?;
        let (desk, span) = (self.clone(), tracing::Span::current());
        let task = tokio::task::spawn_blocking(move || {
            // Held until the work is done, even when the request that asked for it has gone away.
            let _permit = permit;
            span.in_scope(|| work(&desk))
        });
        match task.await {
            Ok(outcome) => outcome,
            // The worker that asked must live on.
            Err(panic) if panic.is_panic() => Err(Fault::Panicked.into()),
            Err(_) => Err(Fault::ShuttingDown.into()),
        }
    }
}
