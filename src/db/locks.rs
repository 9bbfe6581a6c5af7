//! Every advisory lock of the desk, with its number, and the ways to take one.
//!
//! They are taken on PostgreSQL only: on SQLite a write transaction holds the whole file, so every
//! lock is free there. They are locks on numbers, which other programs on the same database may
//! use, too: the desk keeps to a row of numbers of its own.

use diesel::{
    PgConnection, QueryResult, RunQueryDsl, connection::SimpleConnection, sql_types::Bool,
};

use super::{DbConn, Error, WriteTx, prepared_sql::PreparedSql};
use crate::domain::ids::{BatchId, MerchantId};

macro_rules! validity_kind {
    () => {
        7_235_119
    };
}
pub(super) use validity_kind;

/// The column of a SELECT that shares [`AdvisoryLock::ValidityOf`] the batch with that number: what
/// was usable when it was allocated is usable at commit (guarantee I8), and what was spent still is
/// (I9). Many hold it at once; [`super::batches::lock_validity`] waits for them all.
///
/// An advisory lock and not FOR SHARE on the row: sharers of a row write to it at every reissue and
/// overtake a waiting writer for as long as they keep coming, while here a change of the validity
/// waits only for those before it.
macro_rules! hold_validity_of {
    ($batch:literal) => {
        concat!(
            ", pg_advisory_xact_lock_shared((",
            $crate::db::locks::validity_kind!(),
            "::bigint << 32) # ",
            $batch,
            ")"
        )
    };
}
pub(super) use hold_validity_of;

/// A thing that is done by one at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdvisoryLock {
    /// Migrating: two servers that start at once migrate one after the other.
    Migration,
    /// Importing into a merchant, for the whole import.
    ImportOf(MerchantId),
    /// A batch's validity. Whoever hands out or gives back its codes shares it; whoever changes the
    /// validity has it alone.
    ValidityOf(BatchId),
    /// Adding stock movements up, and moving the mark up to which that is done.
    StockSums,
    /// Raising or gathering a merchant's stock alerts.
    StockAlertsOf(MerchantId),
    /// Sealing the audit log.
    Sealing,
    /// Queueing the mails that carry the heads of the audit log's chains.
    HeadMails,
    /// Reading again which letters occur in the changed id ranges of customers.
    CustomerIdRanges,
}

impl AdvisoryLock {
    /// The number that PostgreSQL knows it by: all versions and servers must use the same one.
    ///
    /// Where there is one lock for each merchant or batch, its id fills the lower half, so that it
    /// meets none of the others.
    pub fn number(self) -> i64 {
        match self {
            Self::Migration => 7_235_117,
            Self::ImportOf(merchant) => each_of(7_235_118, merchant.0),
            Self::ValidityOf(batch) => each_of(validity_kind!(), batch.0),
            Self::StockSums => 7_235_120,
            Self::StockAlertsOf(merchant) => each_of(7_235_121, merchant.0),
            Self::Sealing => 7_235_125,
            Self::HeadMails => 7_235_126,
            Self::CustomerIdRanges => 7_235_127,
        }
    }

    /// Waits for the lock and holds it until the transaction ends.
    pub fn wait(self, tx: &mut WriteTx<'_>) -> Result<(), Error> {
        match &mut **tx {
            DbConn::Sqlite(_) => {}
            DbConn::Postgres(conn) => {
                let text = "SELECT pg_advisory_xact_lock(:number)";
                PreparedSql::<()>::new(text).bind("number", self.number()).execute(conn)?;
            }
        }
        Ok(())
    }

    /// Takes the lock until the transaction ends, without waiting; `false` while another has it.
    pub fn try_take(self, tx: &mut WriteTx<'_>) -> Result<bool, Error> {
        match &mut **tx {
            DbConn::Sqlite(_) => Ok(true),
            DbConn::Postgres(conn) => {
                let text = "SELECT pg_try_advisory_xact_lock(:number)";
                Ok(PreparedSql::<Bool>::new(text).bind("number", self.number()).get_result(conn)?)
            }
        }
    }

    /// Waits for the lock and holds it until it is given back or the connection ends. Not behind a
    /// pooler, where the connection may be another's at the next statement.
    pub fn wait_for_session(self, conn: &mut PgConnection) -> QueryResult<()> {
        conn.batch_execute(&format!("SELECT pg_advisory_lock({})", self.number()))
    }

    /// Gives back what [`AdvisoryLock::wait_for_session`] took.
    pub fn give_back(self, conn: &mut PgConnection) -> QueryResult<()> {
        conn.batch_execute(&format!("SELECT pg_advisory_unlock({})", self.number()))
    }
}

fn each_of(kind: i64, id: i64) -> i64 {
    (kind << 32) ^ id
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two versions run beside each other during a deploy: they must meet on the same number.
    #[test]
    fn a_lock_of_one_merchant_has_the_number_that_it_always_had() {
        assert_eq!(AdvisoryLock::ImportOf(MerchantId(5)).number(), 31_074_595_192_700_933);
        assert_eq!(AdvisoryLock::ValidityOf(BatchId(1)).number(), (7_235_119 << 32) + 1);
    }
}
