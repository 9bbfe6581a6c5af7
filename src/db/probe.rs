//! Whether the database can do its work just now, asked on a connection of its own: the pools may
//! be busy, and a busy desk is no broken one.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU8, Ordering},
};

use diesel::{
    QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_query, sql_types::Bool,
};

use super::{
    Database, DbConn, Error,
    conn::{ConnectionPurpose, Connector},
    error::Failure,
    mail_leases,
    migrate::{self, SchemaState},
};
use crate::each;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probed {
    pub schema: SchemaState,
    /// Nothing can be written, and it was not the disk's lack of room: a standby, a file or a file
    /// system that may only be read.
    pub is_read_only: bool,
    /// Whether there is room to write, as far as the last writes and the disk say.
    pub is_writable: bool,
    /// When the oldest mail that waits was queued; `None` also without a schema that fits.
    pub oldest_mail: Option<chrono::DateTime<chrono::Utc>>,
}

/// The connection, and what the last writes of others have told.
#[derive(Default)]
pub(super) struct Probe {
    conn: Mutex<Option<DbConn>>,
    room: AtomicU8,
}

/// What is known of the room to write.
const FOUND: u8 = 0;
/// A write could not be saved, for whatever reason: it is to be tried.
const DOUBTED: u8 = 1;
/// A try had the lock and could not write.
const MISSED: u8 = 2;

impl Probe {
    /// A write of the desk has ended. One that could not be saved is a reason to try; only a try
    /// that succeeds takes it back, since most transactions that succeed on a full disk have
    /// nothing to write. One that waited too long for others says nothing about room.
    pub fn note<T, E: Failure>(&self, outcome: &Result<T, E>) {
        let Err(error) = outcome else { return };
        let is_doubtful = match error.fault() {
            Some(Error::Unavailable(why)) => !is_locked(why),
            Some(Error::CommitUnknown(_)) => true,
            _ => false,
        };
        if is_doubtful {
            // What is known to be missing stays known.
            let _ =
                self.room.compare_exchange(FOUND, DOUBTED, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}

/// What came of a try to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tried {
    Written,
    Failed,
    /// Somebody else writes for longer than a probe waits: nothing is known of the room.
    Prevented,
}

#[derive(QueryableByName)]
struct ProbeRow {
    #[diesel(sql_type = Bool)]
    v: bool,
}

/// Less room than this beside an SQLite file is none: a click writes some pages, and the
/// write-ahead log grows before it is emptied.
const LEAST_FREE_BYTES: u64 = 1024 * 1024;

impl Database {
    /// Looks. Writes only where a write has failed since the last one that this made.
    ///
    /// Errors: [`Error::Unavailable`] where the database cannot be reached.
    pub fn probe(&self) -> Result<Probed, Error> {
        fail::fail_point!("db::probe");
        let probe = self.own_probe();
        let mut conn = probe.conn.lock().unwrap_or_else(PoisonError::into_inner);
        // One that was kept may be lost: then on a fresh one.
        let kept = conn.take();
        let probed = kept.and_then(|mut kept| Some((self.probe_on(&mut kept).ok()?, kept)));
        let (probed, used) = if let Some(done) = probed {
            done
        } else {
            let mut fresh =
                self.probing_connector().open().map_err(|e| Error::Unavailable(e.to_string()))?;
            let probed = self.probe_on(&mut fresh);
            let probed = probed.map_err(|error| Self::ended(&mut fresh, error))?;
            (probed, fresh)
        };
        *conn = Some(used);
        Ok(probed)
    }

    fn probe_on(&self, conn: &mut DbConn) -> Result<Probed, Error> {
        if let DbConn::Sqlite(c) = conn {
            // Nobody who asks is to wait as long as a click would.
            c.batch_execute("PRAGMA busy_timeout = 500")?;
        }
        let schema = migrate::state_on(conn)?;
        let fits = !matches!(schema, SchemaState::Older { .. });
        let is_read_only = self.is_read_only(conn)?;
        let oldest_mail = if fits { mail_leases::oldest_due(conn)? } else { None };
        let room = &self.own_probe().room;
        if room.load(Ordering::Relaxed) != FOUND && fits && !is_read_only {
            match try_to_write(conn) {
                Tried::Written => room.store(FOUND, Ordering::Relaxed),
                Tried::Failed => room.store(MISSED, Ordering::Relaxed),
                Tried::Prevented => {}
            }
        }
        let is_writable =
            !is_read_only && room.load(Ordering::Relaxed) != MISSED && self.has_room();
        Ok(Probed { schema, is_read_only, is_writable, oldest_mail })
    }

    fn is_read_only(&self, conn: &mut DbConn) -> Result<bool, Error> {
        match conn {
            DbConn::Sqlite(_) => {
                let path = self.url().sqlite_path();
                Ok(path.is_some_and(|path| {
                    rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_err()
                }))
            }
            DbConn::Postgres(c) => {
                let sql = "SELECT pg_is_in_recovery() OR \
                    current_setting('transaction_read_only')::bool AS v";
                Ok(sql_query(sql).get_result::<ProbeRow>(c)?.v)
            }
        }
    }

    /// Whether there is room beside an SQLite file; of another machine's disk nobody knows.
    fn has_room(&self) -> bool {
        let Some(path) = self.url().sqlite_path() else { return true };
        rustix::fs::statvfs(path)
            .map_or(true, |disk| disk.f_bavail.saturating_mul(disk.f_frsize) >= LEAST_FREE_BYTES)
    }

    fn probing_connector(&self) -> Connector {
        Connector {
            target: self.target().clone(),
            purpose: ConnectionPurpose::Write,
            statement_limit: self.statement_limit(),
            open: std::sync::Arc::default(),
        }
    }
}

/// A write that changes nothing.
const TOUCH: &str = "UPDATE stock_marks SET settled_to = settled_to";

/// Writes something that changes nothing, and before that as much as makes a file grow, which is
/// taken back: a row can often be changed in place on a disk that is full.
fn try_to_write(conn: &mut DbConn) -> Tried {
    fail::fail_point!("db::probe_write", |_| Tried::Failed);
    let tried = match conn {
        // More than the cache holds goes to the write-ahead log before its transaction ends.
        DbConn::Sqlite(c) => match c.batch_execute(&format!(
            "PRAGMA cache_size = 8; BEGIN IMMEDIATE; CREATE TABLE room (v); INSERT INTO room \
             VALUES (zeroblob(262144)); ROLLBACK; \
             BEGIN IMMEDIATE; {TOUCH}; COMMIT"
        )) {
            Ok(()) => Tried::Written,
            Err(error) if is_locked(&error.to_string()) => Tried::Prevented,
            Err(_) => Tried::Failed,
        },
        DbConn::Postgres(c) => {
            // Locks are taken first and never waited for: after that only room can be missing.
            if c.batch_execute("BEGIN; LOCK TABLE stock_marks IN ROW EXCLUSIVE MODE NOWAIT").is_ok()
            {
                let may = "SELECT has_database_privilege(current_database(), 'TEMP') AS v";
                let grow = if sql_query(may).get_result::<ProbeRow>(c).is_ok_and(|may| may.v) {
                    "CREATE TEMP TABLE room ON COMMIT DROP AS SELECT repeat(md5(n::text), 100) AS \
                     v FROM generate_series(1, 100) AS n;"
                } else {
                    ""
                };
                let free = "WHERE ctid IN (SELECT ctid FROM stock_marks FOR UPDATE SKIP LOCKED)";
                match c.batch_execute(&format!("{TOUCH} {free}; {grow} COMMIT")) {
                    Ok(()) => Tried::Written,
                    Err(_) => Tried::Failed,
                }
            } else {
                Tried::Prevented
            }
        }
    };
    if tried != Tried::Written {
        // It may have ended at any of them.
        let _ = each!(conn, |c| c.batch_execute("ROLLBACK"));
    }
    tried
}

/// Whether SQLite says that somebody else has the lock.
fn is_locked(why: &str) -> bool {
    why == "database is locked" || why == "database table is locked"
}
