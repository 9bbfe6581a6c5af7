//! The file on one coupon: its facts, every redemption, and the reward it was ever handed to.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods,
    OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
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

#[derive(Queryable, Selectable)]
#[diesel(table_name = c)]
struct CouponFileRow {
    batch_id: i64,
    code: String,
    pin: Option<String>,
    state: String,
    valid_from: At,
    expires_at: At,
    #[diesel(select_expression = b::valid_from)]
    batch_from: At,
    #[diesel(select_expression = b::valid_until)]
    batch_until: At,
    redemptions: i64,
    max_redemptions: i64,
    barred_at: Option<At>,
    barred_reason: Option<String>,
    #[diesel(select_expression = users::name.nullable())]
    barred_by_name: Option<String>,
    barred_by: Option<i64>,
    #[diesel(select_expression = b::name)]
    batch_name: String,
    created_at: At,
    changed_at: Option<At>,
    #[diesel(select_expression = reissues::at.nullable())]
    reissued_at: Option<At>,
    #[diesel(embed)]
    reward: Option<HandedToRow>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = rewards)]
struct HandedToRow {
    id: i64,
    title: String,
    reward_id: String,
    customer: i64,
    issued_at: At,
    created_at: At,
}

/// The file on a coupon of this merchant. `None` also for one of an import that has not finished.
pub fn find(conn: &mut DbConn, scope: Scope, id: CouponId) -> Result<Option<CouponFile>, Error> {
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
            .select(CouponFileRow::as_select())
            .first(conn)
            .optional()?;
    let Some(row) = row else { return Ok(None) };
    let handed_out_at = row.reward.as_ref().and_then(|reward| {
        redemption::handed_out_at(
            row.reissued_at.map(|at| at.0),
            reward.issued_at.0,
            reward.created_at.0,
        )
    });
    let repeats = if row.redemptions > 0 { list_repeats(conn, scope, id)? } else { vec![] };
    let of_batch = window_of(row.batch_from, row.batch_until);
    Ok(Some(CouponFile {
        coupon: Coupon {
            id,
            batch: BatchId(row.batch_id),
            code: CouponCode::stored(row.code),
            pin: row.pin,
            window: window_of(row.valid_from, row.expires_at).within(of_batch),
            redemptions: row.redemptions,
            max_redemptions: row.max_redemptions,
            barred: row.barred_at.map(|at| Barred {
                at: at.0,
                by: row.barred_by_name,
                reason: row.barred_reason.unwrap_or_default(),
            }),
            first_redemption: first_redemption(conn, scope, id)?,
            last_redemption: list_redemptions(conn, scope, id, 1)?.pop(),
            handed_out_at,
            repeats: i64::try_from(repeats.len()).unwrap_or(i64::MAX),
            state: row.state.parse()?,
        },
        batch_name: row.batch_name,
        imported_at: row.created_at.0,
        changed_at: row.changed_at.map(|at| at.0),
        barred_by: row.barred_by.map(UserId),
        reward: row.reward.map(|reward| HandedTo {
            no: RewardNo(reward.id),
            title: reward.title,
            reward_id: reward.reward_id,
            customer: CustomerNo(reward.customer),
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
