//! Reissues in the database: each one row for good, together with its audit record.

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods, JoinOnDsl, QueryDsl, Queryable, RunQueryDsl};

use super::{
    DbConn, Error, Scope, WriteTx,
    among::among,
    audit,
    coupons::Allocated,
    instant::{At, no_end},
    schema::{coupons, reissues as r, users},
};
use crate::domain::{
    audit::{Action, Actor, NewRecord},
    batch::Batch,
    code::CouponCode,
    coupon::Coupon,
    ids::{ReissueId, RewardNo, UserId},
    reissue::EarlierReissue,
    reward::Reward,
    role::Role,
};

diesel::alias! {
    const OLD: Alias<OldCoupons> = coupons as old_coupons;
    const NEW: Alias<NewCoupons> = coupons as new_coupons;
}

/// A reissue about to be recorded, with the facts at commit.
pub struct NewReissue<'a> {
    pub reward: &'a Reward,
    pub batch: &'a Batch,
    pub old: &'a Coupon,
    pub new: &'a Allocated,
    pub by: UserId,
    pub role: Role,
    pub email_requested: bool,
    pub token_hash: &'a str,
    pub request_id: Option<&'a str>,
}

/// Writes the reissue and its audit record: neither is ever there without the other (guarantee I5).
pub fn record(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    new: &NewReissue<'_>,
    now: DateTime<Utc>,
) -> Result<ReissueId, Error> {
    let id: i64 = diesel::insert_into(r::table)
        .values((
            r::merchant_id.eq(scope.merchant().0),
            r::customer.eq(new.reward.customer.0),
            r::reward.eq(new.reward.no.0),
            r::batch_id.eq(new.batch.id.0),
            r::old_coupon_id.eq(new.old.id.0),
            r::new_coupon_id.eq(new.new.id.0),
            r::user_id.eq(new.by.0),
            r::actor_role.eq(new.role.as_str()),
            r::at.eq(At(now)),
            r::email_requested.eq(new.email_requested),
            r::token_hash.eq(new.token_hash),
            (
                r::old_expires_at.eq(At(new.old.window.until.unwrap_or_else(no_end))),
                r::old_barred.eq(new.old.barred.is_some()),
                r::old_redemptions.eq(new.old.redemptions),
                r::old_max_redemptions.eq(new.old.max_redemptions),
                r::new_valid_from.eq(At(new.new.valid_from)),
                r::new_expires_at.eq(At(new.new.expires_at)),
            ),
        ))
        .returning(r::id)
        .get_result(&mut **tx)?;
    let mut record =
        NewRecord::new(Some(scope.merchant()), Action::CouponReissued, Actor::User(new.by))
            .detail("reward_id", new.reward.reward_id.as_str())
            .detail("old_code", new.old.code.as_str())
            .detail("new_code", new.new.code.as_str())
            .detail("email_requested", new.email_requested)
            .detail("batch", new.batch.name.as_str());
    record.customer = Some(new.reward.customer);
    record.reward = Some(new.reward.no);
    record.batch = Some(new.batch.id);
    record.reissue = Some(ReissueId(id));
    record.request_id = new.request_id.map(ToOwned::to_owned);
    audit::append(tx, &record, now)?;
    Ok(ReissueId(id))
}

/// In the order of its select: diesel cannot derive one that names a table by an alias.
#[derive(Queryable)]
struct ReissueRow {
    reward: i64,
    id: i64,
    at: At,
    by: i64,
    by_name: String,
    old_code: String,
    new_code: String,
    email_requested: bool,
    token_hash: String,
}

/// The reissue of each of these rewards, where there is one.
pub fn list_of_rewards(
    conn: &mut DbConn,
    scope: Scope,
    rewards: &[i64],
) -> Result<Vec<(RewardNo, EarlierReissue)>, Error> {
    let of_these = among(conn, r::reward, rewards.iter().copied());
    let rows: Vec<ReissueRow> = r::table
        .inner_join(OLD.on(OLD.field(coupons::id).eq(r::old_coupon_id)))
        .inner_join(NEW.on(NEW.field(coupons::id).eq(r::new_coupon_id)))
        .inner_join(users::table.on(users::id.eq(r::user_id)))
        .filter(r::merchant_id.eq(scope.merchant().0))
        .filter(of_these)
        .select((
            r::reward,
            r::id,
            r::at,
            users::id,
            users::name,
            OLD.field(coupons::code),
            NEW.field(coupons::code),
            r::email_requested,
            r::token_hash,
        ))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let earlier = EarlierReissue {
                id: ReissueId(row.id),
                at: row.at.0,
                by: UserId(row.by),
                by_name: row.by_name,
                old_code: CouponCode::stored(row.old_code),
                new_code: CouponCode::stored(row.new_code),
                email_requested: row.email_requested,
                token_hash: row.token_hash,
            };
            (RewardNo(row.reward), earlier)
        })
        .collect())
}
