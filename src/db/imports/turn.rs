//! One import at a time in a merchant, and how its writes become visible together.
//!
//! PostgreSQL: the whole import is one transaction that begins with an advisory lock on the
//! merchant. SQLite: nobody else could write during such a transaction. So a lease in
//! `import_leases` says whose turn it is; it is renewed and verified in each of the import's short
//! transactions, so that an importer that stalled and was taken over stops.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, sql_query,
    sql_types::BigInt,
};

use super::super::{
    Database, DbConn, Error, Failure, Scope, WriteTx,
    conn::statements_end_after,
    database::IMPORT_STATEMENT_LIMIT,
    instant::At,
    schema::import_leases::{self as l, dsl},
};
use crate::domain::clock::Clock;

/// An importer that shows no sign of life for this long has died.
const LEASE_SECONDS: i64 = 10;

/// What an import runs under, and what to do while another one is at work.
pub struct Wait<'a, E> {
    pub db: &'a Database,
    pub clock: &'a Clock,
    pub scope: Scope,
    /// Names this importer among all; a random text.
    pub holder: &'a str,
    /// Called again and again while waiting; an error gives up.
    pub waiting: &'a mut dyn FnMut() -> Result<(), E>,
}

/// The import's turn: where it reads and writes.
pub struct ImportTx<'t, 'c>(Kind<'t, 'c>);

enum Kind<'t, 'c> {
    /// Nobody's turn: nothing is written.
    Looking(&'t Database),
    Lease(Lease<'t>),
    Transaction(&'t mut WriteTx<'c>),
}

#[derive(Clone, Copy)]
struct Lease<'t> {
    db: &'t Database,
    clock: &'t Clock,
    scope: Scope,
    holder: &'t str,
}

impl<E: Failure> Wait<'_, E> {
    /// Waits for the turn, then runs `work`. When it fails, `clean_up` removes what its slices have
    /// left.
    pub fn take<T>(
        self,
        work: impl FnOnce(&mut ImportTx<'_, '_>) -> Result<T, E>,
        clean_up: impl FnOnce(&mut ImportTx<'_, '_>) -> Result<(), E>,
    ) -> Result<T, E> {
        if !self.db.is_sqlite() {
            let mut work = Some(work);
            loop {
                // Each try is a transaction of its own: one that waits would hold a connection,
                // which a pooler may have few of.
                let tried = self.db.write_once(|tx| {
                    if !try_lock(tx, self.scope)? {
                        return Ok(None);
                    }
                    plan_afresh(tx, self.db.statement_limit().is_some())?;
                    // Dropping the transaction is all the cleaning up there is.
                    work.take().map(|work| work(&mut ImportTx(Kind::Transaction(tx)))).transpose()
                })?;
                if let Some(done) = tried {
                    return Ok(done);
                }
                (self.waiting)()?;
            }
        }
        let lease =
            Lease { db: self.db, clock: self.clock, scope: self.scope, holder: self.holder };
        while !self.db.write(|tx| lease.take(tx))? {
            (self.waiting)()?;
        }
        let mut turn = ImportTx(Kind::Lease(lease));
        let outcome = work(&mut turn);
        if outcome.is_err() {
            // What cannot be cleaned up now is invisible, and the next import of the merchant
            // removes it.
            let _ = clean_up(&mut turn);
            let _ = self.db.write(|tx| lease.give_back(tx));
        }
        outcome
    }
}

impl<'t> ImportTx<'t, '_> {
    /// For whoever only reads: it is nobody's turn.
    pub fn looking(db: &'t Database) -> Self {
        Self(Kind::Looking(db))
    }
}

impl ImportTx<'_, '_> {
    /// Reads; on SQLite without holding up anybody's writes.
    pub fn read<T, E: Failure>(
        &mut self,
        work: impl Fn(&mut DbConn) -> Result<T, E>,
    ) -> Result<T, E> {
        match &mut self.0 {
            Kind::Looking(db) => db.read(work),
            Kind::Lease(lease) => lease.db.read(work),
            Kind::Transaction(tx) => work(tx),
        }
    }

    /// Writes a slice: on SQLite a transaction of its own, which nobody may see the effects of yet.
    pub fn write<T, E: Failure>(
        &mut self,
        work: impl FnOnce(&mut WriteTx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        match &mut self.0 {
            Kind::Looking(_) => Err(without_a_turn().into()),
            Kind::Lease(lease) => lease.db.write_once(|tx| {
                lease.renew(tx)?;
                work(tx)
            }),
            Kind::Transaction(tx) => work(tx),
        }
    }

    /// Writes the last slice, the one that makes the import visible, and ends the turn.
    pub fn finish<T, E: Failure>(
        &mut self,
        work: impl FnOnce(&mut WriteTx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        match &mut self.0 {
            Kind::Looking(_) => Err(without_a_turn().into()),
            Kind::Lease(lease) => lease.db.write_once(|tx| {
                lease.renew(tx)?;
                let value = work(tx)?;
                lease.give_back(tx)?;
                Ok(value)
            }),
            Kind::Transaction(tx) => work(tx),
        }
    }
}

fn without_a_turn() -> Error {
    Error::Query(diesel::result::Error::QueryBuilderError(
        "an import wanted to write without its turn".into(),
    ))
}

impl Lease<'_> {
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
                "this import showed no sign of life for 10 seconds and another \
                one has taken its turn"
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
fn plan_afresh(tx: &mut WriteTx<'_>, limited: bool) -> Result<(), Error> {
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

#[derive(diesel::QueryableByName)]
struct Locked {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    locked: bool,
}

/// The first half of the lock's number keeps it apart from the desk's other advisory locks.
fn try_lock(tx: &mut WriteTx<'_>, scope: Scope) -> Result<bool, Error> {
    let found: Locked =
        sql_query("SELECT pg_try_advisory_xact_lock((7235118::bigint << 32) # $1) AS locked")
            .bind::<BigInt, _>(scope.merchant().0)
            .get_result(&mut **tx)?;
    Ok(found.locked)
}
