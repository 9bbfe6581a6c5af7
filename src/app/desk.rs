//! What every use case is handed: the database, the clock, the mail bell. And the way off the async threads.
//! Must not know who is asking.

use std::sync::Arc;

use tokio::sync::{Notify, Semaphore};

use super::{Error, next_codes::NextCodes, provider::Provider};
use crate::{
    db::Database,
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
    pub heads_to: Option<Arc<EmailAddress>>,
    /// Where the desk is reached, without a slash at the end: what mails link to.
    pub base_url: Arc<str>,
    /// The host part of message ids.
    pub mail_domain: Arc<str>,
    /// Rung after a commit that queued a mail.
    pub mail_bell: Arc<Notify>,
    /// Rung after a commit that left work to the import worker.
    pub import_bell: Arc<Notify>,
    /// Where people can sign in besides; most installations have none.
    pub provider: Option<Arc<Provider>>,
    /// Where each batch's next code was last found.
    pub(super) next_codes: Arc<NextCodes>,
    secret: Arc<[u8]>,
    /// As many as there are connections, so that nobody waits for one while holding a pool thread; fair: first come, first served.
    writes: Arc<Semaphore>,
    reads: Arc<Semaphore>,
    /// One at a time in this process: they would only wait for one another's turn.
    imports: Arc<Semaphore>,
    /// Checking a password takes a core for tens of milliseconds: two at a time, whatever the number of cores, leave room for pages.
    password_checks: Arc<Semaphore>,
    /// One at a time, beside everybody else: whether the desk can work is asked when it is busy, too.
    probes: Arc<Semaphore>,
    /// A provider that hangs must not hold all pool threads.
    provider_calls: Arc<Semaphore>,
}

impl Desk {
    /// A desk over `db`. `secret` is the installation's key material, 32 characters or more.
    pub fn new(db: Database, clock: Clock, mail_from: Mailbox, secret: &str) -> Self {
        let (writes, reads) = db.capacity();
        let writes = Arc::new(Semaphore::new(writes));
        // PostgreSQL has one pool for both.
        let reads = if db.is_sqlite() { Arc::new(Semaphore::new(reads)) } else { Arc::clone(&writes) };
        let mail_domain = mail_from.address.as_str().rsplit('@').next().unwrap_or("localhost").into();
        Self {
            db,
            clock,
            mail_from: Arc::new(mail_from),
            heads_to: None,
            base_url: "".into(),
            mail_domain,
            mail_bell: Arc::new(Notify::new()),
            import_bell: Arc::new(Notify::new()),
            provider: None,
            next_codes: Arc::default(),
            secret: secret.as_bytes().into(),
            writes,
            reads,
            imports: Arc::new(Semaphore::new(1)),
            password_checks: Arc::new(Semaphore::new(2)),
            probes: Arc::new(Semaphore::new(1)),
            provider_calls: Arc::new(Semaphore::new(16)),
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
    pub fn with_provider(self, provider: Provider) -> Self {
        Self { provider: Some(Arc::new(provider)), ..self }
    }

    /// The same desk, which sends the heads of the audit logs to this address.
    pub fn sending_heads_to(self, address: Option<EmailAddress>) -> Self {
        Self { heads_to: address.map(Arc::new), ..self }
    }

    /// A desk for commands of the machine's operator, which send no mail and sign nothing.
    pub fn for_operator(db: Database) -> Self {
        let nobody = Mailbox { name: None, address: EmailAddress::stored("nobody@localhost".to_owned()) };
        Self::new(db, Clock::System, nobody, "")
    }

    /// The same desk at another time, for sample data and tests.
    pub fn at(&self, clock: Clock) -> Self {
        Self { clock, ..self.clone() }
    }

    /// A key for one purpose, stretched from the installation's secret by HKDF-SHA256.
    pub fn key_for<const N: usize>(&self, purpose: &str) -> [u8; N] {
        let mut key = [0; N];
        // N is far below HKDF's limit of 255 hashes: the only error it has.
        let _ = hkdf::Hkdf::<sha2::Sha256>::new(None, &self.secret).expand(purpose.as_bytes(), &mut key);
        key
    }

    /// Runs a use case that writes on a pool thread, in the caller's tracing span.
    pub async fn writing<T: Send + 'static>(&self, work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
        self.off_thread(&self.writes, work).await
    }

    /// Runs a use case that only reads on a pool thread, in the caller's tracing span.
    pub async fn reading<T: Send + 'static>(&self, work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
        self.off_thread(&self.reads, work).await
    }

    /// Looks at the desk's own state on a pool thread; waits for no reader and no writer.
    pub async fn probing<T: Send + 'static>(&self, work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
        self.off_thread(&self.probes, work).await
    }

    /// Runs an import on a pool thread, in the caller's tracing span. It draws many short transactions on SQLite, and clicks
    /// go in between: so it holds the place of a reader, not the one place of a writer.
    pub async fn importing<T: Send + 'static>(&self, work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
        let stopped = || Error::Fault(crate::db::Error::Unavailable("the desk is shutting down".into()));
        let turn = Arc::clone(&self.imports).acquire_owned().await.map_err(|_| stopped())?;
        self.off_thread(&self.reads, move |desk| {
            let _turn = turn;
            work(desk)
        })
        .await
    }

    /// Runs a use case that checks a password on a pool thread, in the caller's tracing span.
    pub async fn checking_password<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.off_thread(&self.password_checks, work).await
    }

    /// Runs a use case that asks the provider of single sign-on on a pool thread, in the caller's tracing span.
    pub async fn asking_provider<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.off_thread(&self.provider_calls, work).await
    }

    async fn off_thread<T: Send + 'static>(
        &self,
        gate: &Arc<Semaphore>,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let stopped = || Error::Fault(crate::db::Error::Unavailable("the desk is shutting down".into()));
        let permit = Arc::clone(gate).acquire_owned().await.map_err(|_| stopped())?;
        let (desk, span) = (self.clone(), tracing::Span::current());
        let task = tokio::task::spawn_blocking(move || {
            // Held until the work is done, even when the request that asked for it has gone away.
            let _permit = permit;
            span.in_scope(|| work(&desk))
        });
        match task.await {
            Ok(outcome) => outcome,
            // The panic's own message is in the log; the worker that asked must live on.
            Err(panic) if panic.is_panic() => Err(Error::Fault(crate::db::Error::Corrupt("a use case panicked".into()))),
            Err(_) => Err(stopped()),
        }
    }
}
