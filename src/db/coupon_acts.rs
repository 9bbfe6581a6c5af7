//! What is done to one coupon by hand: locking it, barring, unbarring. Every change sets
//! `changed_at`, by which stock is counted.

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::{
    DbConn, Error, Scope, WriteTx,
    coupon_files::{self, CouponFile},
    instant::At,
    rewards,
    schema::coupons as c,
};
use crate::domain::ids::{CouponId, RewardNo, UserId};

/// A coupon asked for its lock.
#[derive(Debug)]
pub enum LockedCoupon {
    Held(Box<CouponFile>),
    /// It was handed to a reward in between, whose lock comes first: begin again.
    HandedOut,
}

/// Locks the coupon until the transaction ends, and before it the reward that has or had it, as a
/// reissue does: in this order nobody waits in a circle, and a reissue never relies on a bar that
/// is being withdrawn (guarantee I9). `None`: not this merchant's.
pub fn lock(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    id: CouponId,
) -> Result<Option<LockedCoupon>, Error> {
    let mine = c::table
        .filter(c::merchant_id.eq(scope.merchant().0))
        .filter(c::id.eq(id.0))
        .select(c::reward);
    let Some(reward): Option<Option<i64>> = mine.first(&mut **tx).optional()? else {
        return Ok(None);
    };
    if let Some(reward) = reward {
        rewards::lock(tx, scope, RewardNo(reward))?;
    }
    fail::fail_point!("coupon_acts::locking");
    let held: Option<i64> = match &mut **tx {
        // BEGIN IMMEDIATE holds every row already.
        DbConn::Sqlite(c) => mine.first(c)?,
        DbConn::Postgres(c) => mine.for_no_key_update().first(c)?,
    };
    if held != reward {
        return Ok(Some(LockedCoupon::HandedOut));
    }
    Ok(coupon_files::find(tx, scope, id)?.map(|file| LockedCoupon::Held(Box::new(file))))
}

/// Bars the coupon; only under [`lock`].
pub fn bar(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    id: CouponId,
    by: UserId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    diesel::update(c::table.filter(c::merchant_id.eq(scope.merchant().0)).filter(c::id.eq(id.0)))
        .set((
            c::barred_at.eq(At(now)),
            c::barred_by.eq(by.0),
            c::barred_reason.eq(reason),
            c::changed_at.eq(At(now)),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// Takes the bar away; only under [`lock`]. Who had barred it and why stays in the audit log.
pub fn unbar(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    id: CouponId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    diesel::update(c::table.filter(c::merchant_id.eq(scope.merchant().0)).filter(c::id.eq(id.0)))
        .set((
            c::barred_at.eq(None::<At>),
            c::barred_by.eq(None::<i64>),
            c::barred_reason.eq(None::<String>),
            c::changed_at.eq(At(now)),
        ))
        .execute(&mut **tx)?;
    Ok(())
}
