//! The file on one coupon: its facts, every redemption, and the reward it was ever handed to.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods,
    OptionalExtension, QueryDsl, RunQueryDsl,
};

use super::{
    DbConn, Error, Scope,
    instant::{At, window_of},
    schema::{
        batches as b, coupons as c, redemptions, reissues, repeated_redemptions as repeats,
        rewards, users,
    },
};
use crate::domain::{
    code::CouponCode,
    coupon::{Barred, Coupon, Redemption},
    ids::{BatchId, CouponId, CustomerNo, RewardNo, UserId},
    redemption,
};

/// A coupon with what stands around it.
#[derive(Debug, Clone)]
pub struct CouponFile {
    pub coupon: Coupon,
    pub batch_name: String,
    pub imported_at: DateTime<Utc>,
    /// When its state, its bar or its uses last changed; `None`: never since the import.
    pub changed_at: Option<DateTime<Utc>>,
    /// Who barred it, where it was a user.
    pub barred_by: Option<UserId>,
    /// The reward it was ever handed to.
    pub reward: Option<HandedTo>,
    /// Reports of orders that had been counted already, and were counted again; see
    /// [`Coupon::repeats`].
    pub repeats: Vec<Redemption>,
}

/// The reward that a coupon was handed to.
#[derive(Debug, Clone)]
pub struct HandedTo {
    pub no: RewardNo,
    pub title: String,
    pub reward_id: String,
    pub customer: CustomerNo,
}

/// The file on a coupon of this merchant. `None` also for one of an import that has not finished.
pub fn find(conn: &mut DbConn, scope: Scope, id: CouponId) -> Result<Option<CouponFile>, Error> {
    type BarColumns = (Option<At>, Option<String>, Option<String>, Option<i64>);
    type FileRewardColumns = Option<(i64, String, String, i64, At, At)>;
    type Life = (At, Option<At>, Option<At>);
    type CouponFileRow = (
        i64,
        String,
        Option<String>,
        String,
        (At, At),
        (At, At),
        (i64, i64),
        BarColumns,
        String,
        Life,
        FileRewardColumns,
    );
    let row: Option<CouponFileRow> =
        c::table
            .inner_join(b::table.on(b::id.eq(c::batch_id)))
            .left_join(users::table.on(users::id.nullable().eq(c::barred_by)))
            .left_join(rewards::table.on(rewards::id.nullable().eq(c::reward)))
            .left_join(reissues::table.on(
                reissues::merchant_id.eq(c::merchant_id).and(reissues::new_coupon_id.eq(c::id)),
            ))
            .filter(c::merchant_id.eq(scope.merchant().0))
            .filter(c::id.eq(id.0))
            .filter(c::id.le(b::published_to))
            .select((
                c::batch_id,
                c::code,
                c::pin,
                c::state,
                (c::valid_from, c::expires_at),
                (b::valid_from, b::valid_until),
                (c::redemptions, c::max_redemptions),
                (c::barred_at, c::barred_reason, users::name.nullable(), c::barred_by),
                b::name,
                (c::created_at, c::changed_at, reissues::at.nullable()),
                (
                    rewards::id,
                    rewards::title,
                    rewards::reward_id,
                    rewards::customer,
                    rewards::issued_at,
                    rewards::created_at,
                )
                    .nullable(),
            ))
            .first(conn)
            .optional()?;
    let Some((
        batch,
        code,
        pin,
        state,
        own,
        of_batch,
        (redeemed, max),
        (barred_at, reason, by, barred_by),
        batch_name,
        (imported_at, changed_at, reissued_at),
        reward,
    )) = row
    else {
        return Ok(None);
    };
    let handed_out_at = reward.as_ref().and_then(|(_, _, _, _, issued_at, recorded_at)| {
        redemption::handed_out_at(reissued_at.map(|at| at.0), issued_at.0, recorded_at.0)
    });
    let repeats = if redeemed > 0 { list_repeats(conn, scope, id)? } else { vec![] };
    Ok(Some(CouponFile {
        coupon: Coupon {
            id,
            batch: BatchId(batch),
            code: CouponCode::stored(code),
            pin,
            window: window_of(own.0, own.1).within(window_of(of_batch.0, of_batch.1)),
            redemptions: redeemed,
            max_redemptions: max,
            barred: barred_at.map(|at| Barred { at: at.0, by, reason: reason.unwrap_or_default() }),
            first_redemption: first_redemption(conn, scope, id)?,
            last_redemption: list_redemptions(conn, scope, id, 1)?.pop(),
            handed_out_at,
            repeats: i64::try_from(repeats.len()).unwrap_or(i64::MAX),
            state: state.parse()?,
        },
        batch_name,
        imported_at: imported_at.0,
        changed_at: changed_at.map(|at| at.0),
        barred_by: barred_by.map(UserId),
        reward: reward.map(|(no, title, reward_id, customer, _, _)| HandedTo {
            no: RewardNo(no),
            title,
            reward_id,
            customer: CustomerNo(customer),
        }),
        repeats,
    }))
}

/// Up to `limit` redemptions of the coupon that are known one by one, newest first.
pub fn list_redemptions(
    conn: &mut DbConn,
    scope: Scope,
    id: CouponId,
    limit: i64,
) -> Result<Vec<Redemption>, Error> {
    let rows: Vec<(At, String)> = redemptions::table
        .filter(redemptions::merchant_id.eq(scope.merchant().0))
        .filter(redemptions::coupon_id.eq(id.0))
        .order((redemptions::redeemed_at.desc(), redemptions::id.desc()))
        .limit(limit)
        .select((redemptions::redeemed_at, redemptions::order_id))
        .load(conn)?;
    Ok(rows.into_iter().map(redemption_of).collect())
}

/// The coupon's earliest redemption of those that are known one by one.
fn first_redemption(
    conn: &mut DbConn,
    scope: Scope,
    id: CouponId,
) -> Result<Option<Redemption>, Error> {
    let row: Option<(At, String)> = redemptions::table
        .filter(redemptions::merchant_id.eq(scope.merchant().0))
        .filter(redemptions::coupon_id.eq(id.0))
        .order((redemptions::redeemed_at.asc(), redemptions::id.asc()))
        .select((redemptions::redeemed_at, redemptions::order_id))
        .first(conn)
        .optional()?;
    Ok(row.map(redemption_of))
}

/// Reports of an order of this coupon that had been counted already, newest first.
fn list_repeats(conn: &mut DbConn, scope: Scope, id: CouponId) -> Result<Vec<Redemption>, Error> {
    let rows: Vec<(At, String)> = repeats::table
        .filter(repeats::merchant_id.eq(scope.merchant().0))
        .filter(repeats::coupon_id.eq(id.0))
        .order((repeats::redeemed_at.desc(), repeats::id.desc()))
        .select((repeats::redeemed_at, repeats::order_id))
        .load(conn)?;
    Ok(rows.into_iter().map(redemption_of).collect())
}

fn redemption_of((at, order): (At, String)) -> Redemption {
    Redemption { at: at.0, order_id: Some(order).filter(|order| !order.is_empty()) }
}
