//! A batch's codes, page by page: by condition, in an order that an index serves, each with who got
//! it.

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, JoinOnDsl, NullableExpressionMethods, QueryDsl, Queryable, RunQueryDsl,
    Selectable, SelectableHelper, sql_types::BigInt,
};

use super::{
    DbConn, Error, Scope,
    among::among,
    customers::CustomerNameRow,
    instant::{At, no_end, no_start, window_of},
    planner::hidden,
    prepared_sql::PreparedSql,
    schema::{coupons as c, customers, rewards, users},
};
use crate::domain::{
    batch::Batch,
    code::CouponCode,
    coupon::{Barred, Coupon},
    coupon_list::{After, Condition, Holder, ListedCode},
    ids::{CouponId, CustomerNo, RewardNo},
};

const OF_BATCH: &str = "merchant_id = :merchant AND batch_id = :batch AND id <= (SELECT published_to FROM \
    batches WHERE batches.id = :batch)";
/// The same for lists in the order of the ends.
const ENDING: &str = concat!(
    "merchant_id = :merchant AND batch_id = :batch AND ",
    hidden!("id"),
    " <= (SELECT published_to FROM batches WHERE batches.id = :batch)"
);
/// SQLite takes the index only where its own condition stands in the query.
const ALLOCATED: &str = "state IN ('allocated', 'replaced') AND state = 'allocated'";
const REPLACED: &str = "state IN ('allocated', 'replaced') AND state = 'replaced'";
const CLEAN: &str = "state = 'available' AND barred_at IS NULL AND redemptions = 0";

/// Up to `limit` codes after `after`.
pub fn list(
    conn: &mut DbConn,
    scope: Scope,
    batch: &Batch,
    condition: Condition,
    after: Option<After>,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Vec<ListedCode>, Error> {
    let start = after.unwrap_or(After { end: no_start(), coupon: CouponId(0) });
    // A batch that has ended has ended for all of its codes.
    let condition = if condition == Condition::Expired && batch.window.has_expired(now) {
        Condition::All
    } else {
        condition
    };
    let by_id = |what: &str| {
        format!(
            "SELECT id FROM coupons WHERE {OF_BATCH} AND id > :id AND \
             {what} ORDER BY id LIMIT :limit"
        )
    };
    let by_end = |what: &str| {
        format!(
            "SELECT id FROM coupons WHERE {ENDING} AND (expires_at, id) > (:end, :id) AND {what} \
             ORDER BY expires_at, id LIMIT :limit"
        )
    };
    let sql = match condition {
        Condition::All => by_id("true"),
        Condition::InStock => by_end(CLEAN),
        Condition::Allocated => by_end(ALLOCATED),
        Condition::Replaced => by_end(REPLACED),
        Condition::Redeemed => by_id("redemptions > 0"),
        Condition::Barred => by_id("barred_at IS NOT NULL"),
        Condition::Withdrawn => by_id("state = 'withdrawn'"),
        Condition::Expired => {
            // Each part has an index that is in this order.
            let part = |what: &str| {
                format!(
                    "SELECT * FROM (SELECT expires_at, id FROM coupons WHERE {ENDING} AND (expires_at, id) > (:end, :id) \
                         AND expires_at <= :now AND {what} ORDER BY expires_at, id LIMIT :limit) AS part"
                )
            };
            let parts = [
                part(CLEAN),
                part(ALLOCATED),
                part(REPLACED),
                part("state = 'available' AND (barred_at IS NOT NULL OR redemptions > 0)"),
            ];
            format!(
                "SELECT id FROM ({}) AS parts ORDER BY expires_at, id LIMIT :limit",
                parts.join(" UNION ALL ")
            )
        }
    };
    let ids: Vec<i64> = PreparedSql::<BigInt>::new(sql)
        .bind("merchant", scope.merchant().0)
        .bind("batch", batch.id.0)
        .bind("id", start.coupon.0)
        .bind("end", At(start.end))
        .bind("now", At(now))
        .bind("limit", limit)
        .planned_afresh()
        .load(conn)?;
    load(conn, scope, batch, &ids)
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = c)]
struct ListedCodeRow {
    id: i64,
    code: String,
    pin: Option<String>,
    state: String,
    valid_from: At,
    expires_at: At,
    redemptions: i64,
    max_redemptions: i64,
    changed_at: Option<At>,
    barred_at: Option<At>,
    barred_reason: Option<String>,
    #[diesel(select_expression = users::name.nullable())]
    barred_by: Option<String>,
    #[diesel(embed)]
    reward: Option<HeldRewardRow>,
    #[diesel(embed)]
    holder: Option<CustomerNameRow>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = rewards)]
struct HeldRewardRow {
    id: i64,
    reward_id: String,
    title: String,
    customer: i64,
}

impl HeldRewardRow {
    fn held_by(self, holder: Option<CustomerNameRow>) -> Holder {
        let holder = holder.and_then(CustomerNameRow::unless_purged);
        let customer_name = holder.as_ref().and_then(CustomerNameRow::name);
        let (customer_id, email) =
            holder.map_or((None, None), |holder| (holder.customer_id, holder.email));
        Holder {
            reward: RewardNo(self.id),
            reward_id: self.reward_id,
            title: self.title,
            customer: CustomerNo(self.customer),
            customer_name,
            customer_id,
            email,
        }
    }
}

/// These coupons of the batch, in this order.
pub fn load(
    conn: &mut DbConn,
    scope: Scope,
    batch: &Batch,
    ids: &[i64],
) -> Result<Vec<ListedCode>, Error> {
    let these = among(conn, c::id, ids.iter().copied());
    let rows: Vec<ListedCodeRow> = c::table
        .left_join(users::table.on(users::id.nullable().eq(c::barred_by)))
        .left_join(rewards::table.on(rewards::id.nullable().eq(c::reward)))
        .left_join(customers::table.on(customers::id.nullable().eq(rewards::customer.nullable())))
        .filter(c::merchant_id.eq(scope.merchant().0))
        .filter(these)
        .select(ListedCodeRow::as_select())
        .load(conn)?;
    let mut listed: Vec<ListedCode> = rows
        .into_iter()
        .map(|row| {
            Ok(ListedCode {
                own_end: row.expires_at.0,
                changed_at: row.changed_at.map(|at| at.0),
                coupon: Coupon {
                    id: CouponId(row.id),
                    batch: batch.id,
                    code: CouponCode::stored(row.code),
                    pin: row.pin,
                    window: window_of(row.valid_from, row.expires_at).within(batch.window),
                    redemptions: row.redemptions,
                    max_redemptions: row.max_redemptions,
                    barred: row.barred_at.map(|at| Barred {
                        at: at.0,
                        by: row.barred_by,
                        reason: row.barred_reason.unwrap_or_default(),
                    }),
                    first_redemption: None,
                    last_redemption: None,
                    handed_out_at: None,
                    repeats: 0,
                    state: row.state.parse()?,
                },
                holder: row.reward.map(|reward| reward.held_by(row.holder)),
            })
        })
        .collect::<Result<_, Error>>()?;
    let place: std::collections::HashMap<i64, usize> =
        ids.iter().enumerate().map(|(at, id)| (*id, at)).collect();
    listed.sort_by_key(|listed| place.get(&listed.coupon.id.0).copied());
    Ok(listed)
}

/// Where the next page begins.
pub fn after(last: &ListedCode) -> After {
    After { end: last.own_end.min(no_end()), coupon: last.coupon.id }
}
