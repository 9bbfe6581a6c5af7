//! Write transactions. A [`WriteTx`] is made only here, and every writing function asks for one:
//! a write outside a transaction does not compile.

use std::{
    ops::{Deref, DerefMut},
    time::{Duration, Instant},
};

use diesel::connection::{AnsiTransactionManager, TransactionManager};

use super::{
    DbConn, Error, Pooler,
    conn::{commits_on_disk, statements_end_after},
    replication,
};
use crate::each;

/// Proof that a write transaction is open. Reading functions take it too, as a plain connection.
pub struct WriteTx<'c> {
    conn: &'c mut DbConn,
    after_commit: Vec<Box<dyn FnOnce()>>,
}

impl WriteTx<'_> {
    /// Registers what is to happen once this transaction is saved, such as waking a worker. It
    /// happens in the order of registration, and never where the commit failed or its outcome is
    /// unknown. A transaction that is undone and runs again begins without any; what was registered
    /// is dropped after the rollback.
    pub fn after_commit(&mut self, act: impl FnOnce() + 'static) {
        self.after_commit.push(Box::new(act));
    }
}

impl Deref for WriteTx<'_> {
    type Target = DbConn;

    fn deref(&self) -> &DbConn {
        self.conn
    }
}

impl DerefMut for WriteTx<'_> {
    fn deref_mut(&mut self) -> &mut DbConn {
        self.conn
    }
}

/// Begins a write transaction for [`run`].
///
/// Behind a pooler a connection keeps nothing: each transaction says there, in one message with
/// BEGIN, that its commit is to be on disk, and with a `limit` how long a statement may take.
pub(super) fn begin(
    conn: &mut DbConn,
    pooler: Pooler,
    limit: Option<Duration>,
) -> Result<(), Error> {
    Ok(match (conn, pooler) {
        // IMMEDIATE: a deferred transaction that reads first loses its write to "database is
        // locked" under load.
        (DbConn::Sqlite(c), _) => {
            AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE")
        }
        (DbConn::Postgres(c), Pooler::None) => {
            AnsiTransactionManager::begin_transaction_sql(c, "BEGIN")
        }
        // In one message with BEGIN: it costs no round trip, and the pooler cannot part them.
        (DbConn::Postgres(c), Pooler::Transaction) => {
            let limit = limit
                .map(|limit| format!("; {}", statements_end_after(limit, true)))
                .unwrap_or_default();
            AnsiTransactionManager::begin_transaction_sql(
                c,
                &format!("BEGIN; {}{limit}", commits_on_disk(true)),
            )
        }
    }?)
}

/// Runs `work` in the write transaction that has begun on `conn`: committed when it returns `Ok`,
/// rolled back otherwise. Then does what `work` has registered for after the commit.
///
/// Errors: what `work` returns; [`Error::CommitUnknown`] when COMMIT failed.
pub(super) fn run<T, E: From<Error>>(
    conn: &mut DbConn,
    work: impl FnOnce(&mut WriteTx<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let mut tx = WriteTx { conn, after_commit: vec![] };
    let worked = work(&mut tx);
    let WriteTx { conn, after_commit } = tx;
    match worked {
        Ok(value) => {
            fail::fail_point!("db::commit", |_| {
                let _ = each!(conn, |c| AnsiTransactionManager::rollback_transaction(c));
                Err(E::from(Error::CommitUnknown("failpoint".into())))
            });
            // Diesel rolls back by itself where a failed COMMIT leaves the transaction open.
            let begun = Instant::now();
            each!(conn, |c| AnsiTransactionManager::commit_transaction(c))
                .map_err(|e| E::from(Error::CommitUnknown(e.to_string())))?;
            if let DbConn::Postgres(c) = conn
                && begun.elapsed() >= replication::SLOW
            {
                replication::confirm(c).map_err(|why| E::from(Error::CommitUnknown(why)))?;
            }
            fail::fail_point!("db::committed", |_| Err(E::from(Error::CommitUnknown(
                "failpoint".into()
            ))));
            for act in after_commit {
                act();
            }
            Ok(value)
        }
        Err(error) => {
            if let Err(rollback) = each!(conn, |c| AnsiTransactionManager::rollback_transaction(c))
            {
                // The pool throws a broken connection away; the first error is the one worth
                // telling.
                tracing::warn!(%rollback, "a rollback failed");
            }
            Err(error)
        }
    }
}
