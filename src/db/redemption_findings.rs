//! What the shop and the desk disagree on, found while redemptions were imported.
//! Must not know files or what follows from a finding.

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, JoinOnDsl, NullableExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl,
    dsl::max,
    sql_query,
    sql_types::{BigInt, Nullable, Text},
};

use super::{
    DbConn, Error, Scope, WriteTx,
    instant::{At, Instant},
    schema::{coupons as c, redemption_findings as f, reissues},
};
use crate::domain::{
    coupon_list::{Disagreement, Finding},
    ids::CouponId,
};

/// A finding about to be noted.
#[derive(Debug, Clone)]
pub struct NewFinding<'a> {
    pub kind: Disagreement,
    pub code: &'a str,
    /// Nothing where the code is unknown.
    pub coupon: Option<CouponId>,
    pub redeemed_at: DateTime<Utc>,
    pub order_id: &'a str,
}

/// Notes a finding, once.
pub fn note(tx: &mut WriteTx<'_>, scope: Scope, new: &NewFinding<'_>, now: DateTime<Utc>) -> Result<(), Error> {
    sql_query(
        "INSERT INTO redemption_findings (merchant_id, kind, code, coupon_id, redeemed_at, order_id, found_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
    )
    .bind::<BigInt, _>(scope.merchant().0)
    .bind::<Text, _>(new.kind.as_str())
    .bind::<Text, _>(new.code)
    .bind::<Nullable<BigInt>, _>(new.coupon.map(|id| id.0))
    .bind::<Instant, _>(At(new.redeemed_at))
    .bind::<Text, _>(new.order_id)
    .bind::<Instant, _>(At(now))
    .execute(&mut **tx)?;
    Ok(())
}

/// The latest finding of all merchants, to know later which were noted after it.
pub fn latest(conn: &mut DbConn) -> Result<i64, Error> {
    let id: Option<i64> = f::table.select(max(f::id)).first(conn)?;
    Ok(id.unwrap_or(0))
}

/// Takes back the merchant's findings after this one, which this transaction has noted.
pub fn take_back(tx: &mut WriteTx<'_>, scope: Scope, after: i64) -> Result<(), Error> {
    diesel::delete(f::table.filter(f::merchant_id.eq(scope.merchant().0)).filter(f::id.gt(after))).execute(&mut **tx)?;
    Ok(())
}

/// When the coupon was replaced, if it was.
pub fn replaced_at(conn: &mut DbConn, scope: Scope, coupon: CouponId) -> Result<Option<DateTime<Utc>>, Error> {
    let at: Option<At> = reissues::table
        .filter(reissues::merchant_id.eq(scope.merchant().0))
        .filter(reissues::old_coupon_id.eq(coupon.0))
        .select(reissues::at)
        .first(conn)
        .optional()?;
    Ok(at.map(|at| at.0))
}

/// The merchant's findings of this kind below `before`, newest first.
pub fn list(conn: &mut DbConn, scope: Scope, kind: Disagreement, before: Option<i64>, limit: i64) -> Result<Vec<Finding>, Error> {
    type Row = (i64, String, Option<i64>, At, String, At, Option<String>);
    let rows: Vec<Row> = f::table
        .left_join(c::table.on(c::id.nullable().eq(f::coupon_id)))
        .filter(f::merchant_id.eq(scope.merchant().0))
        .filter(f::kind.eq(kind.as_str()))
        .filter(f::id.lt(before.unwrap_or(i64::MAX)))
        .order(f::id.desc())
        .limit(limit)
        .select((f::id, f::code, f::coupon_id, f::redeemed_at, f::order_id, f::found_at, c::state.nullable()))
        .load(conn)?;
    rows.into_iter()
        .map(|(id, code, coupon, redeemed, order, found, state)| {
            Ok(Finding {
                id,
                code,
                coupon: coupon.map(CouponId),
                state: state.map(|state| state.parse()).transpose()?,
                redeemed_at: redeemed.0,
                order_id: Some(order).filter(|order| !order.is_empty()),
                found_at: found.0,
            })
        })
        .collect()
}
