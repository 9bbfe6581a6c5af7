//! Coupons in the database: looked up by code, allocated from stock, replaced. One way only, as the schema enforces.
//! Must not know why a coupon is needed.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, OptionalExtension, QueryDsl, QueryableByName,
    RunQueryDsl, sql_query,
    sql_types::{BigInt, Text},
};

use super::{
    DbConn, Error, Scope, WriteTx,
    instant::{At, Instant, window_of},
    schema::{batches, coupons as c, redemptions, users},
};
use crate::domain::{
    batch::Batch,
    code::{self, CouponCode},
    coupon::{Barred, Coupon, CouponState, Redemption},
    fold,
    ids::{BatchId, CouponId, RewardNo},
};

/// A coupon found by its code.
#[derive(Debug, Clone)]
pub struct FoundCode {
    pub id: CouponId,
    pub batch: BatchId,
    pub code: CouponCode,
    pub state: CouponState,
    /// The reward it was ever handed to, also after it was replaced.
    pub reward: Option<RewardNo>,
}

/// The coupon with that code: the exact string first, then without case in batches that ignore case. Spaces around it are forgiven.
pub fn find_by_code(conn: &mut DbConn, scope: Scope, text: &str) -> Result<Option<FoundCode>, Error> {
    let text = code::trimmed(text);
    let visible = || {
        c::table
            .inner_join(batches::table.on(batches::id.eq(c::batch_id)))
            .filter(c::merchant_id.eq(scope.merchant().0))
            .filter(c::id.le(batches::published_to))
            .select((c::id, c::batch_id, c::code, c::state, c::reward))
    };
    let mut found: Option<(i64, i64, String, String, Option<i64>)> = visible().filter(c::code.eq(text)).first(conn).optional()?;
    if found.is_none() {
        found = visible().filter(c::folded_code.eq(fold::code(text))).first(conn).optional()?;
    }
    found
        .map(|(id, batch, code, state, reward)| {
            Ok(FoundCode {
                id: CouponId(id),
                batch: BatchId(batch),
                code: CouponCode::stored(code),
                state: state.parse()?,
                reward: reward.map(RewardNo),
            })
        })
        .transpose()
}

/// The codes that are one of `exact`, or one of `folded` in batches that ignore case; sorted. By the two unique indexes:
/// without an order or a limit in the query there is no other way worth trying.
pub fn list_codes_among(conn: &mut DbConn, scope: Scope, exact: Vec<String>, folded: Vec<String>) -> Result<Vec<CouponCode>, Error> {
    let visible = || {
        c::table
            .inner_join(batches::table.on(batches::id.eq(c::batch_id)))
            .filter(c::merchant_id.eq(scope.merchant().0))
            .filter(c::id.le(batches::published_to))
            .select(c::code)
    };
    let mut codes: Vec<String> = visible().filter(c::code.eq_any(exact)).load(conn)?;
    codes.extend(visible().filter(c::folded_code.eq_any(folded)).load::<String>(conn)?);
    codes.sort_unstable();
    codes.dedup();
    Ok(codes.into_iter().map(CouponCode::stored).collect())
}

type CouponColumns = (i64, i64, String, Option<String>, At, At, i64, i64, Option<At>, Option<String>, Option<String>, Option<i64>, At, At);

/// The current coupon of each of these rewards.
pub fn current_of_rewards(conn: &mut DbConn, scope: Scope, rewards: &[i64]) -> Result<Vec<(RewardNo, Coupon)>, Error> {
    let rows: Vec<CouponColumns> = c::table
        .inner_join(batches::table.on(batches::id.eq(c::batch_id)))
        .left_join(users::table.on(users::id.nullable().eq(c::barred_by)))
        .filter(c::merchant_id.eq(scope.merchant().0))
        .filter(c::reward.eq_any(rewards.to_vec()))
        .filter(c::state.eq("allocated"))
        .select((
            c::id,
            c::batch_id,
            c::code,
            c::pin,
            c::valid_from,
            c::expires_at,
            c::redemptions,
            c::max_redemptions,
            c::barred_at,
            c::barred_reason,
            users::name.nullable(),
            c::reward,
            batches::valid_from,
            batches::valid_until,
        ))
        .load(conn)?;
    let mut found: Vec<(RewardNo, Coupon)> = rows
        .into_iter()
        .filter_map(|(id, batch, code, pin, from, until, redemptions, max, barred_at, reason, by, reward, batch_from, batch_until)| {
            let coupon = Coupon {
                id: CouponId(id),
                batch: BatchId(batch),
                code: CouponCode::stored(code),
                pin,
                window: window_of(from, until).within(window_of(batch_from, batch_until)),
                redemptions,
                max_redemptions: max,
                barred: barred_at.map(|at| Barred { at: at.0, by, reason: reason.unwrap_or_default() }),
                last_redemption: None,
                state: CouponState::Allocated,
            };
            Some((RewardNo(reward?), coupon))
        })
        .collect();
    add_redemptions(conn, scope, &mut found)?;
    Ok(found)
}

/// Adds the last redemption to coupons that were redeemed.
fn add_redemptions(conn: &mut DbConn, scope: Scope, coupons: &mut [(RewardNo, Coupon)]) -> Result<(), Error> {
    let redeemed: Vec<i64> = coupons.iter().filter(|(_, coupon)| coupon.redemptions > 0).map(|(_, coupon)| coupon.id.0).collect();
    if redeemed.is_empty() {
        return Ok(());
    }
    let rows: Vec<(i64, At, String)> = redemptions::table
        .filter(redemptions::merchant_id.eq(scope.merchant().0))
        .filter(redemptions::coupon_id.eq_any(redeemed))
        .order((redemptions::redeemed_at.asc(), redemptions::id.asc()))
        .select((redemptions::coupon_id, redemptions::redeemed_at, redemptions::order_id))
        .load(conn)?;
    for (id, At(at), order) in rows {
        if let Some((_, coupon)) = coupons.iter_mut().find(|(_, coupon)| coupon.id.0 == id) {
            coupon.last_redemption = Some(Redemption { at, order_id: Some(order).filter(|o| !o.is_empty()) });
        }
    }
    Ok(())
}

/// A coupon that was just taken out of stock.
#[derive(Debug, Clone)]
pub struct Allocated {
    pub id: CouponId,
    pub code: CouponCode,
    pub pin: Option<String>,
    /// The effective window, for the record.
    pub valid_from: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct AllocatedRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    code: String,
    #[diesel(sql_type = diesel::sql_types::Nullable<Text>)]
    pin: Option<String>,
    #[diesel(sql_type = Instant)]
    valid_from: At,
    #[diesel(sql_type = Instant)]
    expires_at: At,
}

/// How often PostgreSQL is asked again when rivals held every candidate; each round means that somebody else got a code.
const ROUNDS: usize = 200;

/// Takes the usable code that ends soonest out of stock and hands it to the reward, for good. `None`: no usable code is left.
pub fn allocate_next(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    batch: &Batch,
    reward: RewardNo,
    now: DateTime<Utc>,
) -> Result<Option<Allocated>, Error> {
    if !batch.window.has_started(now) || batch.window.has_expired(now) {
        return Ok(None);
    }
    let sqlite = matches!(&**tx, DbConn::Sqlite(_));
    for round in 0..ROUNDS {
        // Rows that rivals have locked are passed over; but when nothing else is there, their rollback would free them:
        // only a look that waits for them may say "empty".
        let lock = match (sqlite, round % 2) {
            (true, _) => "",
            (false, 0) => "FOR UPDATE SKIP LOCKED",
            (false, _) => "FOR UPDATE",
        };
        if let Some(taken) = try_allocate(tx, scope, batch, reward, now, lock)? {
            return Ok(Some(taken));
        }
        let lost_a_race = !sqlite && is_any_usable(tx, scope, batch, now)?;
        if !lost_a_race && (sqlite || round % 2 == 1) {
            return Ok(None);
        }
    }
    Err(Error::Unavailable("too many rivals for the same codes".into()))
}

/// "+c.id": a range of numbers, which looks narrow and is the whole batch, must not draw a planner away from the index on what is usable.
const USABLE: &str = "c.merchant_id = $1 AND c.batch_id = $2 AND c.state = 'available' AND c.barred_at IS NULL AND c.redemptions = 0 \
    AND c.expires_at > $3 AND c.valid_from <= $3 AND +c.id <= (SELECT published_to FROM batches WHERE batches.id = $2) \
    AND +c.id > coalesce((SELECT w.coupon_to FROM withdrawals w WHERE w.merchant_id = $1 AND w.batch_id = $2 AND w.ended_at IS NULL), 0)";

fn try_allocate(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    batch: &Batch,
    reward: RewardNo,
    now: DateTime<Utc>,
    lock: &str,
) -> Result<Option<Allocated>, Error> {
    // "= (SELECT … LIMIT 1)" from a CTE, never IN: under a nested loop IN re-runs the sub-select and burns many codes.
    // SQLite numbers $n by first occurrence, so they must occur in order.
    let row: Option<AllocatedRow> = sql_query(format!(
        "WITH next AS (SELECT c.id FROM coupons c WHERE {USABLE} ORDER BY c.expires_at, c.id LIMIT 1 {lock}) \
         UPDATE coupons SET state = 'allocated', reward = $4, changed_at = $5 WHERE id = (SELECT id FROM next) \
         RETURNING id, code, pin, valid_from, expires_at"
    ))
    .bind::<BigInt, _>(scope.merchant().0)
    .bind::<BigInt, _>(batch.id.0)
    .bind::<Instant, _>(At(now))
    .bind::<BigInt, _>(reward.0)
    .bind::<Instant, _>(At(now))
    .get_result(&mut **tx)
    .optional()?;
    Ok(row.map(|row| {
        let window = window_of(row.valid_from, row.expires_at).within(batch.window);
        Allocated {
            id: CouponId(row.id),
            code: CouponCode::stored(row.code),
            pin: row.pin,
            valid_from: window.from.unwrap_or_else(super::instant::no_start),
            expires_at: window.until.unwrap_or_else(super::instant::no_end),
        }
    }))
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    found: bool,
}

/// Whether the batch has a code that may be allocated at `now`.
pub fn is_any_usable(conn: &mut DbConn, scope: Scope, batch: &Batch, now: DateTime<Utc>) -> Result<bool, Error> {
    if !batch.window.has_started(now) || batch.window.has_expired(now) {
        return Ok(false);
    }
    let row: Found = sql_query(format!("SELECT EXISTS (SELECT 1 FROM coupons c WHERE {USABLE} LIMIT 1) AS found"))
        .bind::<BigInt, _>(scope.merchant().0)
        .bind::<BigInt, _>(batch.id.0)
        .bind::<Instant, _>(At(now))
        .get_result(conn)?;
    Ok(row.found)
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Counts the usable codes above this coupon one by one: those that came in while others are being withdrawn.
pub fn count_usable_above(conn: &mut DbConn, scope: Scope, batch: &Batch, above: i64, now: DateTime<Utc>) -> Result<i64, Error> {
    let row: Count = sql_query(format!("SELECT count(*) AS n FROM coupons c WHERE {USABLE} AND c.id > $4"))
        .bind::<BigInt, _>(scope.merchant().0)
        .bind::<BigInt, _>(batch.id.0)
        .bind::<Instant, _>(At(now))
        .bind::<BigInt, _>(above)
        .get_result(conn)?;
    Ok(row.n)
}

/// Makes the reward's current coupon a replaced one. `false`: it was no longer the current one, somebody was faster.
pub fn replace(tx: &mut WriteTx<'_>, scope: Scope, old: CouponId, reward: RewardNo, now: DateTime<Utc>) -> Result<bool, Error> {
    let current = c::merchant_id.eq(scope.merchant().0).and(c::id.eq(old.0)).and(c::reward.eq(reward.0)).and(c::state.eq("allocated"));
    let changed = diesel::update(c::table.filter(current)).set((c::state.eq("replaced"), c::changed_at.eq(At(now)))).execute(&mut **tx)?;
    Ok(changed == 1)
}
