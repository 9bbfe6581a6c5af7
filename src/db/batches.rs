//! Voucher batches in the database.

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};

use super::{
    DbConn, Error, Scope, WriteTx,
    among::among,
    instant::{At, columns_of, window_of},
    locks::AdvisoryLock,
    schema::batches as b,
};
use crate::domain::{
    batch::{Batch, Window},
    ids::BatchId,
};

#[derive(Queryable)]
pub(super) struct BatchRow {
    id: i64,
    name: String,
    valid_from: At,
    valid_until: At,
    uses_per_code: i64,
    case_sensitive: bool,
    threshold: Option<i64>,
    reserve: i64,
    created_at: At,
}

type BatchColumns = (
    b::id,
    b::name,
    b::valid_from,
    b::valid_until,
    b::uses_per_code,
    b::case_sensitive,
    b::stock_threshold,
    b::reserve,
    b::created_at,
);
pub(super) const COLUMNS: BatchColumns = (
    b::id,
    b::name,
    b::valid_from,
    b::valid_until,
    b::uses_per_code,
    b::case_sensitive,
    b::stock_threshold,
    b::reserve,
    b::created_at,
);

impl From<BatchRow> for Batch {
    fn from(row: BatchRow) -> Self {
        Self {
            id: BatchId(row.id),
            name: row.name,
            window: window_of(row.valid_from, row.valid_until),
            uses_per_code: row.uses_per_code,
            case_sensitive: row.case_sensitive,
            threshold: row.threshold,
            reserve: row.reserve,
            created_at: row.created_at.0,
        }
    }
}

/// A batch about to be added.
#[derive(Debug, Clone)]
pub struct NewBatch<'a> {
    pub name: &'a str,
    pub window: Window,
    pub uses_per_code: i64,
    pub case_sensitive: bool,
}

/// Whether the merchant has a batch of that name.
pub fn name_is_taken(conn: &mut DbConn, scope: Scope, name: &str) -> Result<bool, Error> {
    let batch = b::table.filter(b::merchant_id.eq(scope.merchant().0)).filter(b::name.eq(name));
    Ok(diesel::select(diesel::dsl::exists(batch)).get_result(conn)?)
}

/// Adds an empty batch. A name that is taken in this merchant is [`Error::Conflict`].
pub fn add(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    new: &NewBatch<'_>,
    now: DateTime<Utc>,
) -> Result<BatchId, Error> {
    let (valid_from, valid_until) = columns_of(new.window);
    let id: i64 = diesel::insert_into(b::table)
        .values((
            b::merchant_id.eq(scope.merchant().0),
            b::name.eq(new.name),
            b::valid_from.eq(valid_from),
            b::valid_until.eq(valid_until),
            b::uses_per_code.eq(new.uses_per_code),
            b::case_sensitive.eq(new.case_sensitive),
            b::published_to.eq(0),
            b::imported.eq(0),
            b::created_at.eq(At(now)),
        ))
        .returning(b::id)
        .get_result(&mut **tx)?;
    Ok(BatchId(id))
}

pub fn find(conn: &mut DbConn, scope: Scope, id: BatchId) -> Result<Option<Batch>, Error> {
    let row: Option<BatchRow> = b::table
        .filter(b::merchant_id.eq(scope.merchant().0))
        .filter(b::id.eq(id.0))
        .select(COLUMNS)
        .first(conn)
        .optional()?;
    Ok(row.map(Batch::from))
}

/// One batch with how many codes were ever imported.
pub fn find_with_imported(
    conn: &mut DbConn,
    scope: Scope,
    id: BatchId,
) -> Result<Option<(Batch, i64)>, Error> {
    let row: Option<(BatchRow, i64)> = b::table
        .filter(b::merchant_id.eq(scope.merchant().0))
        .filter(b::id.eq(id.0))
        .select((COLUMNS, b::imported))
        .first(conn)
        .optional()?;
    Ok(row.map(|(row, imported)| (row.into(), imported)))
}

pub fn find_by_name(conn: &mut DbConn, scope: Scope, name: &str) -> Result<Option<Batch>, Error> {
    let row: Option<BatchRow> = b::table
        .filter(b::merchant_id.eq(scope.merchant().0))
        .filter(b::name.eq(name))
        .select(COLUMNS)
        .first(conn)
        .optional()?;
    Ok(row.map(Batch::from))
}

/// These batches, in no particular order.
pub fn list_by_ids(conn: &mut DbConn, scope: Scope, ids: &[i64]) -> Result<Vec<Batch>, Error> {
    let these = among(conn, b::id, ids.iter().copied());
    let rows: Vec<BatchRow> = b::table
        .filter(b::merchant_id.eq(scope.merchant().0))
        .filter(these)
        .select(COLUMNS)
        .load(conn)?;
    Ok(rows.into_iter().map(Batch::from).collect())
}

/// Batches below `before`, newest first, each with how many codes were ever imported.
pub fn list(
    conn: &mut DbConn,
    scope: Scope,
    before: Option<BatchId>,
    limit: i64,
) -> Result<Vec<(Batch, i64)>, Error> {
    let rows: Vec<(BatchRow, i64)> = b::table
        .filter(b::merchant_id.eq(scope.merchant().0))
        .filter(b::id.lt(before.map_or(i64::MAX, |id| id.0)))
        .order(b::id.desc())
        .limit(limit)
        .select((COLUMNS, b::imported))
        .load(conn)?;
    Ok(rows.into_iter().map(|(row, imported)| (row.into(), imported)).collect())
}
/// Waits for the transactions that hold the batch's validity, then lets none begin; answers the
/// batch as it is now.
pub fn lock_validity(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    id: BatchId,
) -> Result<Option<Batch>, Error> {
    if find(tx, scope, id)?.is_none() {
        return Ok(None);
    }
    AdvisoryLock::ValidityOf(id).wait(tx)?;
    find(tx, scope, id)
}

/// Sets the batch's thresholds; a threshold of `None` is the merchant's.
pub fn set_lines(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    id: BatchId,
    threshold: Option<i64>,
    reserve: i64,
) -> Result<(), Error> {
    diesel::update(b::table.filter(b::merchant_id.eq(scope.merchant().0)).filter(b::id.eq(id.0)))
        .set((b::stock_threshold.eq(threshold), b::reserve.eq(reserve)))
        .execute(&mut **tx)?;
    Ok(())
}

/// Gives the batch another validity; only under [`lock_validity`].
pub fn set_validity(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    id: BatchId,
    window: Window,
) -> Result<(), Error> {
    let (valid_from, valid_until) = columns_of(window);
    diesel::update(b::table.filter(b::merchant_id.eq(scope.merchant().0)).filter(b::id.eq(id.0)))
        .set((b::valid_from.eq(valid_from), b::valid_until.eq(valid_until)))
        .execute(&mut **tx)?;
    Ok(())
}
