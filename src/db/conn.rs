//! One connection to either database, and the pool's way to make and judge connections.

use std::{path::PathBuf, sync::Arc, time::Duration};

use diesel::{
    Connection, ConnectionError, PgConnection, SqliteConnection,
    connection::{CacheSize, SimpleConnection},
    r2d2::R2D2Connection,
};

use super::{connection_limits, planner::NEVER_COMPILED};

/// A connection to one of the two databases; queries in the common subset run on it as on any
/// other.
#[derive(diesel::MultiConnection)]
pub enum DbConn {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Runs the same diesel code against whichever database it is, for queries outside the common
/// subset.
#[macro_export]
macro_rules! each {
    ($conn:expr, |$c:ident| $body:expr) => {
        match $conn {
            $crate::db::DbConn::Sqlite($c) => $body,
            $crate::db::DbConn::Postgres($c) => $body,
        }
    };
}

/// What stands between the desk and `PostgreSQL`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pooler {
    /// Nothing, or something that gives each connection a server's connection of its own.
    #[default]
    None,
    /// A pooler that gives a server's connection for one transaction, such as pgbouncer in
    /// transaction mode: whatever a session keeps (prepared statements, settings, locks) may be
    /// another's at the next statement, so the desk keeps nothing.
    Transaction,
}

/// Where the data lives.
#[derive(Clone, PartialEq, Eq)]
pub enum Target {
    Sqlite(PathBuf),
    Postgres(String, Pooler),
}

/// A PostgreSQL address holds a password: what is printed for debugging may end up in a log.
impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
            Self::Postgres(_, pooler) => write!(f, "Postgres(…, {pooler:?})"),
        }
    }
}

/// What a pooled connection is for. SQLite readers cannot write, whatever they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionPurpose {
    Read,
    Write,
}

impl ConnectionPurpose {
    /// How much of the file a connection to SQLite keeps in memory, in KiB. What is not in there is
    /// in the system's cache as a rule; an import, which goes over all of a large index, gains from
    /// more.
    fn cache_kib(self) -> u32 {
        match self {
            Self::Read => 1_024,
            Self::Write => 4_096,
        }
    }
}

/// Makes connections for a pool. Chooses the engine itself, so that the engine's own error reaches
/// the operator.
#[derive(Debug, Clone)]
pub struct Connector {
    pub target: Target,
    pub purpose: ConnectionPurpose,
    /// How long `PostgreSQL` works on one statement; see [`super::Database::open_limited`].
    pub statement_limit: Option<Duration>,
    /// Held by every connection of a pool for as long as it is open.
    pub open: Arc<()>,
}

/// A connection of a pool. The fields are dropped in this order: the mark goes when the connection
/// is closed.
pub struct Pooled {
    pub conn: DbConn,
    /// The server has not answered on it: it does not go back to the pool.
    lost: bool,
    _open: Arc<()>,
}

impl Pooled {
    /// Asks the server; one that did not answer is thrown away by the pool.
    pub fn lives(&mut self) -> bool {
        self.lost = match &mut self.conn {
            DbConn::Sqlite(_) => false,
            DbConn::Postgres(c) => c.ping().is_err(),
        };
        !self.lost
    }
}

/// How long one SQLite process waits for another's write lock.
const BUSY_MILLISECONDS: u32 = 30_000;

pub(super) fn busy_milliseconds() -> u32 {
    // Some weeks: a lock that nobody gives up waiting for.
    fail::fail_point!("db::lock_limit", |_| 2_000_000_000);
    BUSY_MILLISECONDS
}

impl Connector {
    /// Opens a connection with the engine's settings applied.
    pub fn open(&self) -> Result<DbConn, ConnectionError> {
        match &self.target {
            Target::Sqlite(path) => {
                let mut conn = SqliteConnection::establish(&path.to_string_lossy())?;
                // secure_delete: what was purged is overwritten, not only forgotten.
                // synchronous=FULL: with NORMAL a commit is not on disk when it returns.
                // busy_timeout comes before anything that locks.
                conn.batch_execute(&format!(
                    "PRAGMA busy_timeout = {}; PRAGMA journal_mode = WAL; PRAGMA synchronous = \
                     FULL; \
                     PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON; PRAGMA \
                     secure_delete = ON; \
                     PRAGMA cache_size = -{}; PRAGMA query_only = {};",
                    busy_milliseconds(),
                    self.purpose.cache_kib(),
                    if self.purpose == ConnectionPurpose::Read { "ON" } else { "OFF" }
                ))
                .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(DbConn::Sqlite(conn))
            }
            Target::Postgres(url, pooler) => {
                let mut conn = PgConnection::establish(&connection_limits::patient(url))?;
                match pooler {
                    // What the server, the database or the role says of commits is not ours to rely
                    // on.
                    Pooler::None => {
                        let limit = self
                            .statement_limit
                            .map(|limit| format!("; {}", statements_end_after(limit, false)))
                            .unwrap_or_default();
                        conn.batch_execute(&format!(
                            "{NEVER_COMPILED}; {}{limit}",
                            commits_on_disk(false)
                        ))
                        .map_err(ConnectionError::CouldntSetupConfiguration)?;
                    }
                    // Another's statement may have the same name on the next server's connection.
                    // Without a name, a statement and its values go in one message: pgbouncer
                    // cannot part them. Of commits each transaction says itself: see `tx`.
                    Pooler::Transaction => {
                        conn.set_prepared_statement_cache_size(CacheSize::Disabled);
                    }
                }
                Ok(DbConn::Postgres(conn))
            }
        }
    }
}

/// A statement after which a commit is confirmed when it is on disk, here and on a synchronous
/// standby where there is one: for the transaction alone or for the session. `off`, `local` and
/// `remote_write` confirm sooner; `remote_apply` is more, and stays.
pub(super) fn commits_on_disk(for_transaction: bool) -> String {
    format!(
        "SELECT set_config('synchronous_commit', 'on', {for_transaction}) WHERE \
         current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')"
    )
}

/// A statement after which PostgreSQL ends each statement that takes longer: for the transaction
/// alone or for the session.
///
/// With a synchronous standby it ends none: COMMIT is a statement, too, and one that is ended while
/// it waits for the standby is done, and seen by everybody, on one machine only. After that
/// machine's death the code that it gave away would be given to another.
pub(super) fn statements_end_after(limit: Duration, for_transaction: bool) -> String {
    format!(
        "SELECT set_config('statement_timeout', CASE current_setting('synchronous_standby_names') \
         WHEN '' THEN '{}' ELSE '0' END, {for_transaction})",
        limit.as_millis()
    )
}

impl r2d2::ManageConnection for Connector {
    type Connection = Pooled;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<Pooled, Self::Error> {
        let conn = self.open().map_err(diesel::r2d2::Error::ConnectionError)?;
        Ok(Pooled { conn, lost: false, _open: Arc::clone(&self.open) })
    }

    /// Not asked: see `on_living` in database.rs.
    fn is_valid(&self, _: &mut Pooled) -> Result<(), Self::Error> {
        Ok(())
    }

    /// A connection whose work panicked may sit in an open transaction: it never goes back to the
    /// pool.
    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        pooled.lost || std::thread::panicking() || each!(&mut pooled.conn, |c| c.is_broken())
    }
}
