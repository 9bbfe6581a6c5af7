//! The database as the other layers see it: read with [`Database::read`], write with
//! [`Database::write`]. Owns the pools; must not know tables.

use std::{
    fs::OpenOptions,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use diesel::{
    RunQueryDsl,
    connection::{AnsiTransactionManager, TransactionManager},
};
use r2d2::{Pool, PooledConnection};

use super::{
    DbConn, Error, Failure, WriteTx,
    conn::{ConnectionPurpose, Connector, Target, busy_milliseconds},
    database_url::DatabaseUrl,
    probe::Probe,
    server_messages::ServerMessages,
    tx,
};
use crate::each;

/// How long one statement of a page or a worker may take on PostgreSQL: as long as a proxy and a
/// person wait for an answer. SQLite has no such limit within reach of safe code: there, what a
/// statement reads is bounded.
pub const PAGE_STATEMENT_LIMIT: Duration = Duration::from_secs(15);
/// The same for an import, whose last statements make all of a large file visible.
pub const IMPORT_STATEMENT_LIMIT: Duration = Duration::from_mins(10);

/// Pools of connections to one database.
#[derive(Clone)]
pub struct Database(Arc<Pools>);

/// Dropped in this order: once the pools are gone, the last one waits until their connections are
/// closed.
struct Pools {
    url: DatabaseUrl,
    readers: Pool<Connector>,
    /// On SQLite one connection, since there is one writer; on PostgreSQL the same pool as
    /// `readers`.
    writers: Pool<Connector>,
    probe: Probe,
    statement_limit: Option<Duration>,
    _closing: Closing,
}

/// How long closing waits for transactions in progress.
pub const SQLITE_CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long closing then waits for the pools' connections to close.
pub const CLOSED: Duration = Duration::from_millis(1_500);

/// A pool closes its connections on threads of its own, perhaps after the process has ended: then
/// an SQLite file would be left with a write-ahead log beside it.
struct Closing(Arc<()>);

impl Drop for Closing {
    fn drop(&mut self) {
        // Nobody else can open one any more. The limit is for a disk that has stopped answering.
        let begun = Instant::now();
        while begun.elapsed() < CLOSED {
            if Arc::strong_count(&self.0) == 1 {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        tracing::warn!("a connection to the database was not closed in time");
    }
}

/// SQLite readers scale with cores; more than these only wait for pages.
const SQLITE_READERS: u32 = 4;
/// Beyond 8 to 16 connections PostgreSQL's p99 grows several times over without more throughput
/// (measured).
const POSTGRES_CONNECTIONS: u32 = 12;

impl Database {
    /// Opens the database; on SQLite the file is made if it is not there, readable by its owner
    /// only.
    ///
    /// Errors: [`Error::Unavailable`] with the engine's own words.
    pub fn open(url: &DatabaseUrl) -> Result<Self, Error> {
        Self::open_limited(url, None)
    }

    /// The same, where no statement takes longer than `statement_limit`. A command has no limit but
    /// its operator's patience.
    pub fn open_limited(
        url: &DatabaseUrl,
        statement_limit: Option<Duration>,
    ) -> Result<Self, Error> {
        let open = Arc::new(());
        let connector = |purpose| Connector {
            target: url.0.clone(),
            purpose,
            statement_limit,
            open: Arc::clone(&open),
        };
        if let Target::Sqlite(path) = &url.0 {
            make_private(path)
                .map_err(|e| Error::Unavailable(format!("can't open {}: {e}", path.display())))?;
        }
        // One connection by hand first: the pool would hide its error in a time-out.
        connector(ConnectionPurpose::Write)
            .open()
            .map_err(|e| Error::Unavailable(e.to_string()))?;
        let pool = |purpose, size: u32, patience: u64| {
            Pool::builder()
                .max_size(size)
                .min_idle(Some(0))
                .test_on_check_out(false)
                .connection_timeout(Duration::from_secs(patience))
                .build_unchecked(connector(purpose))
        };
        let (readers, writers) = match &url.0 {
            Target::Sqlite(_) => (
                pool(ConnectionPurpose::Read, SQLITE_READERS, 35),
                pool(ConnectionPurpose::Write, 1, 35),
            ),
            Target::Postgres(..) => {
                let both = pool(ConnectionPurpose::Write, POSTGRES_CONNECTIONS, 5);
                (both.clone(), both)
            }
        };
        Ok(Self(Arc::new(Pools {
            url: url.clone(),
            readers,
            writers,
            probe: Probe::default(),
            statement_limit,
            _closing: Closing(open),
        })))
    }

    pub fn url(&self) -> &DatabaseUrl {
        &self.0.url
    }

    pub fn is_sqlite(&self) -> bool {
        self.0.url.sqlite_path().is_some()
    }

    /// How many write transactions, and how many readers, can run at once without waiting for a
    /// connection.
    pub fn capacity(&self) -> (usize, usize) {
        (self.0.writers.max_size() as usize, self.0.readers.max_size() as usize)
    }

    /// How long a statement may take on this database.
    pub fn statement_limit(&self) -> Option<Duration> {
        self.0.statement_limit.filter(|_| !self.is_sqlite())
    }

    /// What each transaction has to say of it: behind a pooler a connection keeps nothing.
    pub(super) fn limit_of_transactions(&self) -> Option<Duration> {
        self.statement_limit().filter(|_| self.url().has_pooler())
    }

    /// Runs `work` on a connection for reading. Where that turns out to be lost, it runs once more
    /// on another one.
    pub fn read<T, E: Failure>(&self, work: impl Fn(&mut DbConn) -> Result<T, E>) -> Result<T, E> {
        let read = match self.limit_of_transactions() {
            None => on_living(&self.0.readers, |conn| {
                work(conn).map_err(|error| Self::ended(conn, error))
            }),
            limit => on_living(&self.0.readers, |conn| {
                tx::begin(conn, self.0.url.pooler(), limit)?;
                let done = work(conn);
                // Nothing was written: a rollback has nothing to lose.
                let ended = each!(conn, |c| AnsiTransactionManager::rollback_transaction(c));
                let done = done.map_err(|error| Self::ended(conn, error))?;
                ended.map_err(Error::from)?;
                Ok(done)
            }),
        };
        read.map(|(_, done)| done)
    }

    /// Runs `work` on a connection for reading on which `begin` has been done, which nobody else
    /// can notice.
    pub(super) fn read_begun<T, E: Failure>(
        &self,
        begin: impl Fn(&mut DbConn) -> Result<(), Error>,
        work: impl FnOnce(&mut DbConn) -> Result<T, E>,
    ) -> Result<T, E> {
        let begin = |conn: &mut DbConn| begin(conn).map_err(|error| Self::ended(conn, error));
        let (mut begun, ()) = on_living(&self.0.readers, begin)?;
        work(&mut begun.conn).map_err(|error| Self::ended(&mut begun.conn, error))
    }

    /// Runs `work` in one write transaction; see [`tx`]. Where PostgreSQL undoes it in favour of
    /// another transaction before COMMIT, it runs again: so `work` changes nothing but the
    /// database. What is to happen once it is saved, it registers with [`WriteTx::after_commit`].
    pub fn write<T, E: Failure>(
        &self,
        work: impl Fn(&mut WriteTx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let outcome = self.write_again(work);
        self.0.probe.note(&outcome);
        outcome
    }

    fn write_again<T, E: Failure>(
        &self,
        work: impl Fn(&mut WriteTx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut begun = self.begun()?;
        for attempt in 0..MAX_RETRIES {
            match tx::run(&mut begun.conn, &work)
                .map_err(|error| Self::judged(&mut begun.conn, error))
            {
                Err(error) if matches!(error.fault(), Some(Error::Contention(_))) => {
                    tracing::info!(attempt, "a transaction gave way to another one and runs again");
                    std::thread::sleep(pause(attempt));
                    self.begin(&mut begun.conn)?;
                }
                outcome => return outcome,
            }
        }
        tx::run(&mut begun.conn, work).map_err(|error| Self::ended(&mut begun.conn, error))
    }

    /// The same for work that can run only once, such as one that uses up what it reads.
    pub fn write_once<T, E: Failure>(
        &self,
        work: impl FnOnce(&mut WriteTx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let outcome = self.begun().and_then(|mut begun| {
            tx::run(&mut begun.conn, work).map_err(|error| Self::ended(&mut begun.conn, error))
        });
        self.0.probe.note(&outcome);
        outcome
    }

    pub(super) fn own_probe(&self) -> &Probe {
        &self.0.probe
    }

    pub(super) fn target(&self) -> &Target {
        &self.0.url.0
    }

    /// A connection on which a write transaction has begun.
    fn begun<E: Failure>(&self) -> Result<Lent, E> {
        let (begun, ()) = on_living(&self.0.writers, |conn| self.begin(conn))?;
        Ok(begun)
    }

    fn begin(&self, conn: &mut DbConn) -> Result<(), Error> {
        tx::begin(conn, self.0.url.pooler(), self.limit_of_transactions())
            .map_err(|error| Self::ended(conn, error))
    }

    /// The error with its kind, where only the engine's words tell it; `conn` is in no transaction
    /// any more.
    fn judged<E: Failure>(conn: &mut DbConn, error: E) -> E {
        match (error.fault(), conn) {
            (
                Some(Error::Query(diesel::result::Error::DatabaseError(..))),
                DbConn::Postgres(conn),
            ) => error.judged(|fault| fault.judged_on_postgres(|| ServerMessages::learn(conn))),
            _ => error,
        }
    }

    /// The error as it is answered: nothing is tried again.
    pub(super) fn ended<E: Failure>(conn: &mut DbConn, error: E) -> E {
        match Self::judged(conn, error) {
            error if matches!(error.fault(), Some(Error::Contention(_))) => {
                error.judged(|fault| match fault {
                    Error::Contention(why) => Error::Unavailable(why),
                    other => other,
                })
            }
            error => error,
        }
    }

    /// Moves what SQLite's write-ahead log holds into the file and empties it: pages as they were
    /// before a purge are in it. `false`: somebody has been reading for longer than a moment.
    /// PostgreSQL looks after its own.
    pub fn empty_log(&self) -> Result<bool, Error> {
        self.lend(|conn| match conn {
            DbConn::Sqlite(conn) => {
                let emptied =
                    diesel::sql_query(format!("PRAGMA busy_timeout = {MOMENT_MILLISECONDS}"))
                        .execute(conn)
                        .and_then(|_| {
                            diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)")
                                .get_result::<Checkpoint>(conn)
                        });
                diesel::sql_query(format!("PRAGMA busy_timeout = {}", busy_milliseconds()))
                    .execute(conn)?;
                Ok(emptied?.busy == 0)
            }
            DbConn::Postgres(_) => Ok(true),
        })
    }

    /// Ends the use of the database: waits, within a bound, until nobody else has it in hand and
    /// its connections are closed. A server's threads let go of it a moment after the server has
    /// ended.
    pub fn close(self) {
        let begun = Instant::now();
        while begun.elapsed() < SQLITE_CLOSE_TIMEOUT {
            if Arc::strong_count(&self.0) == 1 {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        tracing::warn!("the database was still in use at the end");
    }

    /// Lends a connection that may write, for the schema and for imports; everything else uses
    /// [`Database::write`].
    pub(super) fn lend<T, E: Failure>(
        &self,
        work: impl FnOnce(&mut DbConn) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut lent = living(&self.0.writers)?;
        work(&mut lent.conn).map_err(|error| Self::ended(&mut lent.conn, error))
    }
}

type Lent = PooledConnection<Connector>;

/// How many times a transaction that gave way runs again: those it met are done by then, since all
/// lock in one order (`lock_order`).
const MAX_RETRIES: u32 = 6;

/// How long it waits before: longer each time, and with a jitter, so that two that met do not meet
/// again.
fn pause(attempt: u32) -> Duration {
    let longest = 10_000_u64 << attempt;
    let mut bytes = [0; 8];
    // Without random numbers it only waits the longest.
    let random = getrandom::fill(&mut bytes).map_or(longest, |()| u64::from_ne_bytes(bytes));
    Duration::from_micros(longest / 2 + random % (longest / 2))
}

fn checkout(pool: &Pool<Connector>) -> Result<Lent, Error> {
    pool.get().map_err(|e| Error::Unavailable(e.to_string()))
}

/// Runs `work`, which changes nothing that lasts, and answers the connection with what it found.
///
/// Nobody asks a connection beforehand whether it lives: that would be a round trip for each use,
/// and no promise. A server that was started again, or a proxy that let go, shows in the first
/// statement; then `work` runs on a connection that was asked.
fn on_living<T, E: From<Error>>(
    pool: &Pool<Connector>,
    work: impl Fn(&mut DbConn) -> Result<T, E>,
) -> Result<(Lent, T), E> {
    let mut lent = checkout(pool)?;
    match work(&mut lent.conn) {
        Ok(done) => return Ok((lent, done)),
        Err(error) if lent.lives() => return Err(error),
        Err(_) => drop(lent),
    }
    let mut lent = living(pool)?;
    work(&mut lent.conn).map(|done| (lent, done))
}

/// A connection that answered just now. Those that don't are thrown away: after a restart of the
/// server, all that were open.
fn living(pool: &Pool<Connector>) -> Result<Lent, Error> {
    for _ in 0..pool.max_size() {
        let mut lent = checkout(pool)?;
        if lent.lives() {
            return Ok(lent);
        }
    }
    checkout(pool)
}

/// How long emptying the log waits for readers; nobody can write meanwhile.
const MOMENT_MILLISECONDS: u32 = 2_000;

/// What SQLite answers to a checkpoint.
#[derive(diesel::QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = diesel::sql_types::Integer)]
    busy: i32,
}

/// Makes the file with mode 0600 before SQLite would make it with the umask's.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
