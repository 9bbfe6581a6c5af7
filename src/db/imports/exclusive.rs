//! One import at a time in a merchant, and how its writes become visible together.
//!
//! PostgreSQL: the whole import is one transaction that begins with an advisory lock on the
//! merchant. SQLite: nobody else could write during such a transaction. So a lease in
//! `import_leases` says who may write; it is renewed and verified in each of the import's short
//! transactions, so that an importer that stalled and was taken over stops.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, sql_query,
};

use super::super::{
    Database, DbConn, Error, Failure, Scope, WriteTx,
    conn::statements_end_after,
    database::IMPORT_STATEMENT_LIMIT,
    instant::At,
    locks::AdvisoryLock,
    schema::import_leases::{self as l, dsl},
};
use crate::domain::clock::Clock;

/// How long a lease lasts without being renewed; after that its importer counts as dead.
const LEASE_SECONDS: i64 = 10;

/// What an import runs under, and what to do while another one is at work.
pub struct LockRequest<'a, E> {
    pub db: &'a Database,
    pub clock: &'a Clock,
    pub scope: Scope,
    /// Names this importer among all; a random text.
    pub holder: &'a str,
    /// Called again and again while waiting; an error gives up.
    pub waiting: &'a mut dyn FnMut() -> Result<(), E>,
}

/// An import's access to the database: where it reads and writes.
pub struct ImportAccess<'t, 'c>(AccessKind<'t, 'c>);

enum AccessKind<'t, 'c> {
    /// No lock is held, and nothing is written.
    ReadOnly(&'t Database),
    Lease(ImportLease<'t>),
    Transaction(&'t mut WriteTx<'c>),
}

#[derive(Clone, Copy)]
struct ImportLease<'t> {
    db: &'t Database,
    clock: &'t Clock,
    scope: Scope,
    holder: &'t str,
}

impl<E: Failure> LockRequest<'_, E> {
    /// Waits for the lock, then runs `work`. When it fails, `clean_up` removes what its slices have
    /// left.
    pub fn take<T>(
        self,
        work: impl FnOnce(&mut ImportAccess<'_, '_>) -> Result<T, E>,
        clean_up: impl FnOnce(&mut ImportAccess<'_, '_>) -> Result<(), E>,
    ) -> Result<T, E> {
        if !self.db.is_sqlite() {
            let mut work = Some(work);
            loop {
                // Each try is a transaction of its own: one that waits would hold a connection,
                // which a pooler may have few of.
                let tried = self.db.write_once(|tx| {
                    if !AdvisoryLock::ImportOf(self.scope.merchant()).try_take(tx)? {
                        return Ok(None);
                    }
                    plan_again(tx, self.db.statement_limit().is_some())?;
                    // Dropping the transaction is all the cleaning up there is.
                    work.take()
                        .map(|work| work(&mut ImportAccess(AccessKind::Transaction(tx))))
                        .transpose()
                })?;
                if let Some(done) = tried {
                    return Ok(done);
                }
                (self.waiting)()?;
            }
        }
        let lease =
            ImportLease { db: self.db, clock: self.clock, scope: self.scope, holder: self.holder };
        while !self.db.write(|tx| lease.take(tx))? {
            (self.waiting)()?;
        }
        let mut access = ImportAccess(AccessKind::Lease(lease));
        let outcome = work(&mut access);
        if outcome.is_err() {
            // What cannot be cleaned up now is invisible, and the next import of the merchant
            // removes it.
            let _ = clean_up(&mut access);
            let _ = self.db.write(|tx| lease.give_back(tx));
        }
        outcome
    }
}

impl<'t> ImportAccess<'t, '_> {
    /// For a dry run, which only reads and takes no lock.
    pub fn read_only(db: &'t Database) -> Self {
        Self(AccessKind::ReadOnly(db))
    }
}

impl ImportAccess<'_, '_> {
    /// Reads; on SQLite without holding up anybody's writes.
    pub fn read<T, E: Failure>(
        &mut self,
        work: impl Fn(&mut DbConn) -> Result<T, E>,
    ) -> Result<T, E> {
        match &mut self.0 {
            AccessKind::ReadOnly(db) => db.read(work),
            AccessKind::Lease(lease) => lease.db.read(work),
            AccessKind::Transaction(tx) => work(tx),
        }
    }

    /// Writes a slice: on SQLite a transaction of its own, which nobody may see the effects of yet.
    pub fn write<T, E: Failure>(
        &mut self,
        work: impl FnOnce(&mut WriteTx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        match &mut self.0 {
            AccessKind::ReadOnly(_) => Err(without_the_lock().into()),
            AccessKind::Lease(lease) => lease.db.write_once(|tx| {
                lease.renew(tx)?;
                work(tx)
            }),
            AccessKind::Transaction(tx) => work(tx),
        }
    }

    /// Writes the last slice, the one that makes the import visible, and gives the lock back.
    pub fn finish<T, E: Failure>(
        &mut self,
        work: impl FnOnce(&mut WriteTx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        match &mut self.0 {
            AccessKind::ReadOnly(_) => Err(without_the_lock().into()),
            AccessKind::Lease(lease) => lease.db.write_once(|tx| {
                lease.renew(tx)?;
                let value = work(tx)?;
                lease.give_back(tx)?;
                Ok(value)
            }),
            AccessKind::Transaction(tx) => work(tx),
        }
    }
}

fn without_the_lock() -> Error {
    Error::Query(diesel::result::Error::QueryBuilderError(
        "an import wanted to write without its turn".into(),
    ))
}

impl ImportLease<'_> {
    fn until(&self) -> At {
        At(self.now() + TimeDelta::seconds(LEASE_SECONDS))
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Takes the lease if nobody alive has it.
    fn take(&self, tx: &mut WriteTx<'_>) -> Result<bool, Error> {
        let merchant = self.scope.merchant().0;
        let other: Option<(String, At)> = dsl::import_leases
            .filter(l::merchant_id.eq(merchant))
            .select((l::holder, l::expires_at))
            .first(&mut **tx)
            .optional()?;
        match other {
            Some((holder, At(until))) if holder != self.holder && until > self.now() => {
                return Ok(false);
            }
            Some(_) => {
                diesel::delete(dsl::import_leases.filter(l::merchant_id.eq(merchant)))
                    .execute(&mut **tx)?;
            }
            None => {}
        }
        diesel::insert_into(l::table)
            .values((
                l::merchant_id.eq(merchant),
                l::holder.eq(self.holder),
                l::expires_at.eq(self.until()),
            ))
            .execute(&mut **tx)?;
        Ok(true)
    }

    /// Renews the lease in the transaction at hand; another holder's name in it ends this import.
    fn renew(&self, tx: &mut WriteTx<'_>) -> Result<(), Error> {
        let mine = l::merchant_id.eq(self.scope.merchant().0).and(l::holder.eq(self.holder));
        let renewed = diesel::update(dsl::import_leases.filter(mine))
            .set(l::expires_at.eq(self.until()))
            .execute(&mut **tx)?;
        if renewed == 1 {
            Ok(())
        } else {
            Err(Error::Unavailable(
                "this import didn't respond for 10 seconds, so another one took over; nothing was \
                 changed, run it again"
                    .into(),
            ))
        }
    }

    fn give_back(&self, tx: &mut WriteTx<'_>) -> Result<(), Error> {
        let mine = l::merchant_id.eq(self.scope.merchant().0).and(l::holder.eq(self.holder));
        diesel::delete(dsl::import_leases.filter(mine)).execute(&mut **tx)?;
        Ok(())
    }
}

/// For this transaction: a statement is planned for the tables as they are now. They grow under it,
/// and a plan that was kept from when they were empty reads all of a table for each row.
fn plan_again(tx: &mut WriteTx<'_>, limited: bool) -> Result<(), Error> {
    // jit: a pooler may have lost what the connection said of it.
    sql_query(
        "SELECT set_config('plan_cache_mode', 'force_custom_plan', true), \
         set_config('enable_seqscan', 'off', true), \
             set_config('jit', 'off', true)",
    )
    .execute(&mut **tx)?;
    if limited {
        sql_query(statements_end_after(IMPORT_STATEMENT_LIMIT, true)).execute(&mut **tx)?;
    }
    Ok(())
}

/// Tells PostgreSQL what a large import has changed: its own housekeeping looks once a minute, and
/// the next import may be here sooner. Does what it can: somebody else may be at it. SQLite's
/// statistics are a large desk's from the beginning.
pub fn refresh_statistics(db: &Database) {
    let told: Result<(), Error> = db.lend(|conn| match conn {
        DbConn::Sqlite(_) => Ok(()),
        DbConn::Postgres(conn) => {
            let analyze = "ANALYZE (SKIP_LOCKED) customers, rewards, coupons, redemptions";
            match db.statement_limit() {
                // It reads samples of large tables, longer than a page waits.
                Some(limit) if !db.url().has_pooler() => {
                    sql_query(statements_end_after(IMPORT_STATEMENT_LIMIT, false)).execute(conn)?;
                    let analyzed = sql_query(analyze).execute(conn);
                    sql_query(statements_end_after(limit, false)).execute(conn)?;
                    analyzed?;
                }
                _ => drop(sql_query(analyze).execute(conn)?),
            }
            Ok(())
        }
    });
    if let Err(error) = told {
        tracing::warn!(%error, "the database's statistics were not renewed after an import");
    }
}
