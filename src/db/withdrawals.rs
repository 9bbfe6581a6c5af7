//! Withdrawals: codes of a batch taken out of stock on purpose, slice by slice. From the moment one
//! is asked for, none of its codes is allocated any more; see `coupons::allocate_next`.

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper, sql_types::BigInt,
};

use super::{
    DbConn, Error, Scope, WriteTx,
    instant::At,
    planner::hidden,
    prepared_sql::PreparedSql,
    schema::{users, withdrawals as w},
};
use crate::domain::ids::{BatchId, MerchantId, UserId};

/// A withdrawal as its batch's page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawal {
    pub id: i64,
    pub by: String,
    pub reason: String,
    pub asked_at: DateTime<Utc>,
    pub withdrawn: i64,
    pub ended_at: Option<DateTime<Utc>>,
}

/// One that is not at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfinished {
    pub id: i64,
    pub scope: Scope,
    pub batch: BatchId,
}

/// Notes that all of the batch's codes that are in stock now are to go. [`Error::Conflict`]:
/// another one is at work.
pub fn begin(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    batch: BatchId,
    (user, reason, request_id): (UserId, &str, &str),
    now: DateTime<Utc>,
) -> Result<Unfinished, Error> {
    let coupon_to = super::imports::publish::published_to(tx, scope, batch)?;
    let id: i64 = diesel::insert_into(w::table)
        .values((
            w::merchant_id.eq(scope.merchant().0),
            w::batch_id.eq(batch.0),
            w::coupon_to.eq(coupon_to),
            w::user_id.eq(user.0),
            w::reason.eq(reason),
            w::request_id.eq(request_id),
            w::asked_at.eq(At(now)),
        ))
        .returning(w::id)
        .get_result(&mut **tx)?;
    Ok(Unfinished { id, scope, batch })
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = w)]
struct WithdrawalRow {
    id: i64,
    #[diesel(select_expression = users::name)]
    by: String,
    reason: String,
    asked_at: At,
    withdrawn: i64,
    ended_at: Option<At>,
}

impl From<WithdrawalRow> for Withdrawal {
    fn from(row: WithdrawalRow) -> Self {
        Self {
            id: row.id,
            by: row.by,
            reason: row.reason,
            asked_at: row.asked_at.0,
            withdrawn: row.withdrawn,
            ended_at: row.ended_at.map(|at| at.0),
        }
    }
}

/// The batch's withdrawals, newest first.
pub fn list(
    conn: &mut DbConn,
    scope: Scope,
    batch: BatchId,
    limit: i64,
) -> Result<Vec<Withdrawal>, Error> {
    let rows: Vec<WithdrawalRow> = w::table
        .inner_join(users::table.on(users::id.eq(w::user_id)))
        .filter(w::merchant_id.eq(scope.merchant().0))
        .filter(w::batch_id.eq(batch.0))
        .order(w::id.desc())
        .limit(limit)
        .select(WithdrawalRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Codes of a batch up to this one are being withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Withheld {
    pub batch: BatchId,
    pub coupon_to: i64,
}

/// The withdrawals at work in these batches.
pub fn list_held(conn: &mut DbConn, scope: Scope, batches: &[i64]) -> Result<Vec<Withheld>, Error> {
    let rows: Vec<(i64, i64)> = w::table
        .filter(w::merchant_id.eq(scope.merchant().0))
        .filter(w::ended_at.is_null())
        .select((w::batch_id, w::coupon_to))
        .load(conn)?;
    let held = rows.into_iter().filter(|(batch, _)| batches.contains(batch));
    Ok(held.map(|(batch, coupon_to)| Withheld { batch: BatchId(batch), coupon_to }).collect())
}

/// All that are not at their end; for the desk itself, across merchants.
pub fn list_unfinished(conn: &mut DbConn) -> Result<Vec<Unfinished>, Error> {
    let rows: Vec<(i64, i64, i64)> = w::table
        .filter(w::ended_at.is_null())
        .order(w::id)
        .limit(100)
        .select((w::id, w::merchant_id, w::batch_id))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(id, merchant, batch)| Unfinished {
            id,
            scope: Scope::of(MerchantId(merchant)),
            batch: BatchId(batch),
        })
        .collect())
}

/// Takes up to `limit` more of its codes out of stock; `false`: there were none, and it is at its
/// end.
pub fn carry_on(
    tx: &mut WriteTx<'_>,
    of: Unfinished,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let merchant = of.scope.merchant().0;
    let row = w::table
        .filter(w::merchant_id.eq(merchant))
        .filter(w::id.eq(of.id))
        .filter(w::ended_at.is_null())
        .select(w::coupon_to);
    // One at a time: the second one finds what the first has left.
    let coupon_to: Option<i64> = match &mut **tx {
        DbConn::Sqlite(conn) => row.first(conn).optional()?,
        DbConn::Postgres(conn) => row.for_update().first(conn).optional()?,
    };
    let Some(coupon_to) = coupon_to else { return Ok(false) };
    // What somebody else holds is passed over first: waiting for it while holding others could be
    // waiting for each other.
    let locks: &[&str] = if matches!(&**tx, DbConn::Sqlite(_)) {
        &[""]
    } else {
        &["FOR UPDATE SKIP LOCKED", "FOR UPDATE"]
    };
    let mut taken = 0;
    for lock in locks {
        if taken == 0 {
            taken = take(tx, of, coupon_to, lock, limit, now)?;
        }
    }
    let this = w::table.filter(w::merchant_id.eq(merchant)).filter(w::id.eq(of.id));
    if taken > 0 {
        diesel::update(this).set(w::withdrawn.eq(w::withdrawn + taken)).execute(&mut **tx)?;
        return Ok(true);
    }
    diesel::update(this).set(w::ended_at.eq(At(now))).execute(&mut **tx)?;
    Ok(false)
}

/// Takes up to `limit` codes out of stock; answers how many.
fn take(
    tx: &mut WriteTx<'_>,
    of: Unfinished,
    coupon_to: i64,
    lock: &str,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<i64, Error> {
    let mut taken = 0;
    // By the two indexes on what is in stock, in their order.
    for what in
        ["barred_at IS NULL AND redemptions = 0", "(barred_at IS NOT NULL OR redemptions > 0)"]
    {
        let left = limit - taken;
        if left <= 0 {
            break;
        }
        let rows: Vec<i64> = PreparedSql::<BigInt>::new(format!(
            "UPDATE coupons SET state = 'withdrawn', changed_at = :now WHERE state = 'available' \
             AND id IN ( \
                 SELECT id FROM coupons WHERE merchant_id = :merchant AND batch_id = :batch AND state = \
                 'available' AND {what} AND {} <= :to \
                 ORDER BY expires_at, id LIMIT :left {lock}) RETURNING id",
            hidden!("id")
        ))
        .bind("now", At(now))
        .bind("merchant", of.scope.merchant().0)
        .bind("batch", of.batch.0)
        .bind("to", coupon_to)
        .bind("left", left)
.planned_afresh()
        .load(&mut **tx)?;
        debug_assert!(rows.iter().all(|id| *id <= coupon_to));
        taken += i64::try_from(rows.len()).unwrap_or(i64::MAX);
    }
    Ok(taken)
}
