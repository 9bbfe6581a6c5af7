//! The import worker's side of the book: which import waits, who is at it, what came of it, what
//! can be thrown away. A claim is a lease: a worker that stops renewing it loses the import to
//! another.
//!
//! These functions serve the desk itself, across merchants; each import says whose it is.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName,
    RunQueryDsl,
    dsl::sql,
    expression::SqlLiteral,
    sql_query,
    sql_types::{BigInt, Bool},
};

use super::{
    super::{DbConn, Error, Scope, WriteTx, instant::At, schema::imports as i},
    jobs::{self, ImportResult},
};
use crate::domain::{
    ids::ImportId,
    import::{Import, ImportKind, ImportState},
};

/// How long a worker may go without a sign of life.
pub const LEASE: TimeDelta = TimeDelta::seconds(30);

/// Written out, not bound: an index on those at work serves only a query that says so in its text.
fn is_at_work() -> SqlLiteral<Bool> {
    sql("imports.state IN ('checking', 'importing')")
}

/// What this version's worker can do: another version's imports are left to it.
fn known_kinds() -> impl Iterator<Item = &'static str> {
    ImportKind::ALL
        .into_iter()
        .map(ImportKind::rules)
        .filter(|kind| kind.origin.is_browser())
        .map(|k| k.name)
}

/// Claims the import that has waited longest for somebody to work on it.
pub fn claim(
    tx: &mut WriteTx<'_>,
    holder: &str,
    now: DateTime<Utc>,
) -> Result<Option<(Scope, Import)>, Error> {
    let due = i::table
        .filter(is_at_work())
        .filter(i::lease_until.le(At(now)))
        .filter(i::kind.eq_any(known_kinds()))
        .order((i::lease_until, i::id))
        .select(i::id);
    let id: Option<i64> = match &mut **tx {
        // BEGIN IMMEDIATE holds every row already.
        DbConn::Sqlite(conn) => due.first(conn).optional()?,
        // One that another worker is claiming is skipped, not waited for.
        DbConn::Postgres(conn) => due.for_update().skip_locked().first(conn).optional()?,
    };
    let Some(id) = id else { return Ok(None) };
    diesel::update(i::table.filter(i::id.eq(id)))
        .set((i::lease_holder.eq(Some(holder)), i::lease_until.eq(At(now + LEASE))))
        .execute(&mut **tx)?;
    let import = jobs::load(tx, id)?;
    Ok(Some((Scope::of(import.merchant), import)))
}

/// Whether an import waits for a worker; a look costs no write lock.
pub fn is_any_due(conn: &mut DbConn, now: DateTime<Utc>) -> Result<bool, Error> {
    let due = i::table
        .filter(is_at_work())
        .filter(i::lease_until.le(At(now)))
        .filter(i::kind.eq_any(known_kinds()));
    let id: Option<i64> = due.select(i::id).first(conn).optional()?;
    Ok(id.is_some())
}

/// An import, and the worker that claimed it.
#[derive(Debug, Clone, Copy)]
pub struct HeldImport<'h> {
    pub id: ImportId,
    pub holder: &'h str,
}

/// Changes an import if its worker is still at it; `false`: it is another's by now, or ended, and
/// nothing was done.
macro_rules! change {
    ($tx:ident, $held:expr, $change:expr) => {{
        let held = i::table
            .filter(i::id.eq($held.id.0))
            .filter(is_at_work())
            .filter(i::lease_holder.eq($held.holder));
        diesel::update(held).set($change).execute(&mut **$tx)? == 1
    }};
}

const NOBODY: Option<&str> = None;

/// A sign of life, and how far the work is. `None`: the lease is lost. Else whether it is to be
/// cancelled.
pub fn renew(
    tx: &mut WriteTx<'_>,
    held: HeldImport<'_>,
    progress: (i64, i64),
    now: DateTime<Utc>,
) -> Result<Option<bool>, Error> {
    let change = (
        i::progress_done.eq(progress.0),
        i::progress_total.eq(progress.1),
        i::lease_until.eq(At(now + LEASE)),
    );
    if !change!(tx, held, change) {
        return Ok(None);
    }
    Ok(Some(i::table.filter(i::id.eq(held.id.0)).select(i::cancel_asked).first(&mut **tx)?))
}

/// Gives the import back: another try may begin then.
pub fn release(
    tx: &mut WriteTx<'_>,
    held: HeldImport<'_>,
    then: DateTime<Utc>,
) -> Result<bool, Error> {
    Ok(change!(tx, held, (i::lease_holder.eq(NOBODY), i::lease_until.eq(At(then)))))
}

/// The check is done, and this is what it found.
pub fn checked(tx: &mut WriteTx<'_>, held: HeldImport<'_>, preview: &str) -> Result<bool, Error> {
    Ok(change!(
        tx,
        held,
        (
            i::state.eq(ImportState::Checked.as_str()),
            i::preview.eq(Some(preview)),
            i::lease_holder.eq(NOBODY)
        )
    ))
}

/// The import is done; runs in the transaction that makes it visible. `false`: it was cancelled or
/// taken over.
pub fn done(
    tx: &mut WriteTx<'_>,
    held: HeldImport<'_>,
    end: ImportResult<'_>,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let own = i::table
        .filter(i::id.eq(held.id.0))
        .filter(i::state.eq(ImportState::Importing.as_str()))
        .filter(i::lease_holder.eq(held.holder))
        .filter(i::cancel_asked.eq(false));
    let change = (
        i::state.eq(ImportState::Done.as_str()),
        i::report.eq(Some(end.report)),
        i::first_coupon.eq(end.coupons.map(|coupons| coupons.first.0)),
        i::last_coupon.eq(end.coupons.map(|coupons| coupons.last.0)),
        i::lease_holder.eq(NOBODY),
        i::ended_at.eq(Some(At(now))),
    );
    Ok(diesel::update(own).set(change).execute(&mut **tx)? == 1)
}

/// It came to nothing, and this is why.
pub fn failed(
    tx: &mut WriteTx<'_>,
    held: HeldImport<'_>,
    why: &str,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let change = (
        i::state.eq(ImportState::Failed.as_str()),
        i::failure.eq(Some(why)),
        i::lease_holder.eq(NOBODY),
        i::ended_at.eq(Some(At(now))),
    );
    Ok(change!(tx, held, change))
}

/// It was stopped because somebody asked for it.
pub fn cancelled(
    tx: &mut WriteTx<'_>,
    held: HeldImport<'_>,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let change = (
        i::state.eq(ImportState::Cancelled.as_str()),
        i::lease_holder.eq(NOBODY),
        i::ended_at.eq(Some(At(now))),
    );
    Ok(change!(tx, held, change))
}

/// Ends what nobody came back for: files that never arrived in full, and previews without a word.
/// Answers how many.
pub fn forget_unfinished(
    tx: &mut WriteTx<'_>,
    now: DateTime<Utc>,
    received: TimeDelta,
    checked: TimeDelta,
) -> Result<usize, Error> {
    let is_unfinished = sql::<Bool>("imports.state IN ('receiving', 'checked')");
    let never_arrived = i::state
        .eq("receiving")
        .and(i::created_at.lt(At(now - received)))
        .and(i::lease_until.lt(At(now)));
    let never_said = i::state.eq("checked").and(i::created_at.lt(At(now - checked)));
    let forgotten = i::table.filter(is_unfinished).filter(never_arrived.or(never_said));
    Ok(diesel::update(forgotten)
        .set((i::state.eq(ImportState::Cancelled.as_str()), i::ended_at.eq(Some(At(now)))))
        .execute(&mut **tx)?)
}

#[derive(QueryableByName)]
struct LeasedRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// An ended import whose file is still here, or whose rejects have been kept since before
/// `rejects_of`.
pub fn find_litter(
    conn: &mut DbConn,
    rejects_of: DateTime<Utc>,
) -> Result<Option<(ImportId, &'static str)>, Error> {
    // Pieces lie in their key's order: their own index answers without reading what is in them.
    // They are few, and imports are many.
    let ended = "SELECT i.id AS id FROM imports i WHERE i.ended_at IS NOT NULL AND i.id IN \
        (SELECT p.import_id FROM import_pieces p WHERE p.part =";
    let file: Option<LeasedRow> =
        sql_query(format!("{ended} 'file') LIMIT 1")).get_result(conn).optional()?;
    if let Some(LeasedRow { id }) = file {
        return Ok(Some((ImportId(id), super::pieces::FILE)));
    }
    let rejects: Option<LeasedRow> =
        sql_query(format!("{ended} 'rejects') AND i.ended_at < $1 LIMIT 1"))
            .bind::<super::super::instant::Instant, _>(At(rejects_of))
            .get_result(conn)
            .optional()?;
    Ok(rejects.map(|LeasedRow { id }| (ImportId(id), super::pieces::REJECTS)))
}
