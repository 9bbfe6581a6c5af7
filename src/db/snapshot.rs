//! Many reads that see one and the same moment, however much is written meanwhile.

use diesel::connection::{AnsiTransactionManager, TransactionManager};

use super::{Database, DbConn, Error, conn::statements_end_after, error::Failure};
use crate::each;

impl Database {
    /// Runs `work` in a transaction that only reads and sees the data as they were when it began.
    /// It hinders no writer.
    pub fn snapshot<T, E: Failure>(
        &self,
        work: impl FnOnce(&mut DbConn) -> Result<T, E>,
    ) -> Result<T, E> {
        let limit = self.limit_of_transactions();
        let begin = |conn: &mut DbConn| {
            Ok(match conn {
                DbConn::Sqlite(c) => {
                    AnsiTransactionManager::begin_transaction_sql(c, "BEGIN DEFERRED")
                }
                DbConn::Postgres(c) => {
                    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY".to_owned();
                    let begin = limit.map_or(begin.clone(), |limit| {
                        format!("{begin}; {}", statements_end_after(limit, true))
                    });
                    AnsiTransactionManager::begin_transaction_sql(c, &begin)
                }
            }?)
        };
        self.read_begun(begin, |conn| {
            let done = work(conn);
            // Nothing was written: there is nothing to keep, and a rollback cannot fail to confirm
            // it.
            let ended = each!(conn, |c| AnsiTransactionManager::rollback_transaction(c));
            let done = done?;
            ended.map_err(Error::from)?;
            Ok(done)
        })
    }
}
