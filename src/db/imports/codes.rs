//! Coupons by the codes that rows name, many at once; and taking one out of stock.
//! Must not know why. The rule: the exact string first, then without case in batches that ignore case.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::{BoolExpressionMethods, ExpressionMethods, JoinOnDsl, QueryDsl, Queryable, RunQueryDsl};

use super::super::{
    DbConn, Error, Scope, WriteTx,
    instant::At,
    schema::{batches as b, coupons as c},
};
use crate::{
    domain::{
        code::CouponCode,
        coupon::CouponState,
        ids::{BatchId, CouponId, RewardNo, UserId},
    },
    each,
};

/// A coupon as imports see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub id: CouponId,
    pub batch: BatchId,
    pub state: CouponState,
    pub reward: Option<RewardNo>,
    pub barred: bool,
    pub redemptions: i64,
    pub max_redemptions: i64,
}

impl Known {
    pub fn is_in_stock(&self) -> bool {
        self.state == CouponState::Available
    }
}

/// The coupons behind a set of codes.
#[derive(Debug, Default)]
pub struct Codes {
    exact: HashMap<String, CouponId>,
    folded: HashMap<String, CouponId>,
    coupons: HashMap<CouponId, Known>,
}

impl Codes {
    /// The coupon with that code; in `batch`, if given, should two batches have one.
    pub fn find(&self, code: &CouponCode, batch: Option<BatchId>) -> Option<&Known> {
        let exact = self.exact.get(code.as_str()).and_then(|id| self.coupons.get(id));
        let folded = self.folded.get(&code.folded()).and_then(|id| self.coupons.get(id));
        let in_batch = |known: &&Known| batch.is_none_or(|batch| known.batch == batch);
        exact.filter(in_batch).or(folded.filter(in_batch)).or(exact).or(folded)
    }

    pub fn get_mut(&mut self, id: CouponId) -> Option<&mut Known> {
        self.coupons.get_mut(&id)
    }
}

#[derive(Queryable)]
struct Row {
    id: i64,
    batch: i64,
    code: String,
    folded: Option<String>,
    state: String,
    reward: Option<i64>,
    barred_at: Option<At>,
    redemptions: i64,
    max_redemptions: i64,
}

const COLUMNS: (c::id, c::batch_id, c::code, c::folded_code, c::state, c::reward, c::barred_at, c::redemptions, c::max_redemptions) =
    (c::id, c::batch_id, c::code, c::folded_code, c::state, c::reward, c::barred_at, c::redemptions, c::max_redemptions);

/// The published coupons with one of these codes, locked until the transaction ends.
pub fn lock_by_code(tx: &mut WriteTx<'_>, scope: Scope, codes: &[CouponCode]) -> Result<Codes, Error> {
    let mut ids: Vec<i64> = Vec::new();
    let published = || {
        c::table
            .inner_join(b::table.on(b::id.eq(c::batch_id).and(b::merchant_id.eq(c::merchant_id))))
            .filter(c::merchant_id.eq(scope.merchant().0))
            .filter(c::id.le(b::published_to))
            .select(c::id)
    };
    for some in codes.chunks(500) {
        let exact: Vec<&str> = some.iter().map(CouponCode::as_str).collect();
        let folded: Vec<String> = some.iter().map(CouponCode::folded).collect();
        let mut found: Vec<i64> = each!(&mut **tx, |conn| published().filter(c::code.eq_any(&exact)).load(conn))?;
        ids.append(&mut found);
        found = each!(&mut **tx, |conn| published().filter(c::folded_code.eq_any(&folded)).load(conn))?;
        ids.append(&mut found);
    }
    ids.sort_unstable();
    ids.dedup();
    let mut all = Codes::default();
    for some in ids.chunks(1000) {
        // In the order of ids, alone and not joined: whoever locks in one order does not deadlock, and a row that
        // had to be waited for is read afresh.
        let query = c::table.filter(c::merchant_id.eq(scope.merchant().0)).filter(c::id.eq_any(some)).order(c::id).select(COLUMNS);
        let rows: Vec<Row> = match &mut **tx {
            DbConn::Sqlite(conn) => query.load(conn)?,
            DbConn::Postgres(conn) => query.for_update().load(conn)?,
        };
        for row in rows {
            let id = CouponId(row.id);
            all.exact.insert(row.code, id);
            if let Some(folded) = row.folded {
                all.folded.insert(folded, id);
            }
            let known = Known {
                id,
                batch: BatchId(row.batch),
                state: row.state.parse()?,
                reward: row.reward.map(RewardNo),
                barred: row.barred_at.is_some(),
                redemptions: row.redemptions,
                max_redemptions: row.max_redemptions,
            };
            all.coupons.insert(id, known);
        }
    }
    Ok(all)
}

/// Bars a locked coupon, by that user or by nobody in particular.
pub fn bar(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    coupon: CouponId,
    by: Option<UserId>,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let one = c::table.filter(c::merchant_id.eq(scope.merchant().0)).filter(c::id.eq(coupon.0));
    let bar = (c::barred_at.eq(At(now)), c::barred_by.eq(by.map(|by| by.0)), c::barred_reason.eq(reason), c::changed_at.eq(At(now)));
    diesel::update(one).set(bar).execute(&mut **tx)?;
    Ok(())
}

/// Bars a coupon that is in stock and not barred yet; false when it was not.
pub fn bar_in_stock(tx: &mut WriteTx<'_>, scope: Scope, coupon: CouponId, reason: &str, now: DateTime<Utc>) -> Result<bool, Error> {
    let in_stock = c::table
        .filter(c::merchant_id.eq(scope.merchant().0))
        .filter(c::id.eq(coupon.0))
        .filter(c::state.eq("available"))
        .filter(c::barred_at.is_null());
    let barred = diesel::update(in_stock)
        .set((c::barred_at.eq(At(now)), c::barred_reason.eq(reason), c::changed_at.eq(At(now))))
        .execute(&mut **tx)?;
    Ok(barred == 1)
}
