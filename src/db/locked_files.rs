//! The file on a reward, locked for an act on its coupon, in two statements: what must not change
//! meanwhile is locked in the first, and what depends on it is read in the second, which sees what
//! was committed while the first one waited.

use chrono::{DateTime, Utc};
use diesel::{
    OptionalExtension, RunQueryDsl,
    sql_types::{BigInt, Bool, Nullable, Text},
};

use super::{
    DbConn, Error, Scope, WriteTx,
    batches::BatchRow,
    coupons::{self, CurrentCouponRow},
    customers::{self, MatchedRow},
    instant::Instant,
    locks,
    prepared_sql::PreparedSql,
    reissues,
    rewards::RewardRow,
    stock_counts,
};
use crate::domain::{
    batch::{Batch, StockLeft},
    coupon::Coupon,
    ids::{BatchId, CustomerNo, RewardNo, UserId},
    redemption,
    reissue::RewardFile,
    reward::{Fulfilment, Reward},
    role::Role,
};

/// The role that an active user has in the merchant, as [`super::memberships::lock_role`] holds it
/// (guarantee I10), and the file on the reward, held until the transaction ends: the reward is
/// locked, its batch's validity and its customer stay as they are. The batch has a code for all
/// that the file says: only the allocation can tell.
///
/// `None`: the user has no role. The file is `None` where the reward is not this customer's, or not
/// this merchant's.
pub fn lock(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    user: UserId,
    (customer, reward): (CustomerNo, RewardNo),
    now: DateTime<Utc>,
) -> Result<Option<(Role, Option<RewardFile>)>, Error> {
    let Some((role, reward, customer)) = lock_rows(tx, scope, user, customer, reward)? else {
        return Ok(None);
    };
    let role = role.parse()?;
    let (Some(reward), Some(customer)) = (reward, customers::named(tx, customer)?) else {
        return Ok(Some((role, None)));
    };
    let recorded_at = reward.created_at.0;
    let reward = Reward::try_from(reward)?;
    let current = match reward.fulfilment {
        Fulfilment::Batch(batch) => current(tx, scope, batch, reward.no, now)?,
        Fulfilment::External(_) => Current::default(),
    };
    let handed_out_at = redemption::handed_out_at(
        current.reissued.as_ref().map(|earlier| earlier.at),
        reward.issued_at,
        recorded_at,
    );
    let coupon = current.coupon.map(|coupon| Coupon { handed_out_at, ..coupon });
    let file =
        RewardFile { customer, reward, batch: current.batch, coupon, reissued: current.reissued };
    Ok(Some((role, Some(file))))
}

type RewardColumns = (BigInt, BigInt, Text, Text, Text, Text, Nullable<BigInt>, Instant, Instant);
type CustomerColumns = (
    (
        BigInt,
        Nullable<Text>,
        Nullable<Text>,
        Nullable<Text>,
        Nullable<Text>,
        Nullable<Text>,
        Bool,
        Nullable<Instant>,
        Nullable<Text>,
        Nullable<Instant>,
        Instant,
    ),
    Nullable<BigInt>,
    Nullable<BigInt>,
);
type LockedColumns = (Text, Nullable<RewardColumns>, Nullable<CustomerColumns>);
type LockedRows = (String, Option<RewardRow>, Option<MatchedRow>);

// Each part is materialized and asks the one before it, which is the order of `lock_order`. A
// reward is locked alone: locking a join re-checks it after the wait, and the rival has changed the
// coupon by then. The batch's validity is held before the next statement reads it.
macro_rules! lock_rows {
    ($share:literal, $lock:literal, $($validity:tt)*) => {
        concat!(
            "WITH actor AS MATERIALIZED (SELECT memberships.role FROM users JOIN memberships ON \
             memberships.user_id = users.id WHERE memberships.merchant_id = :merchant AND \
             memberships.user_id = :user AND memberships.offered_at IS NULL AND users.disabled_at \
             IS \
             NULL",
            $share,
            "), reward AS MATERIALIZED (SELECT id, customer, reward_id, kind, title, fulfilment, \
             batch_id, issued_at, created_at FROM rewards WHERE merchant_id = :merchant AND \
             customer = :customer AND id = :reward AND EXISTS (SELECT 1 FROM actor)",
            $lock,
            "), held AS MATERIALIZED (SELECT reward.*",
            $($validity)*,
            " FROM reward), owner AS MATERIALIZED (SELECT id, email, customer_id, first_name, \
             last_name, locale, receives_emails, blocked_at, blocked_reason, purged_at, \
             created_at, blocked_by, purged_by FROM customers WHERE merchant_id = :merchant AND \
             id = \
             (SELECT customer FROM held)",
            $share,
            ") SELECT actor.role, held.id, held.customer, held.reward_id, held.kind, held.title, \
             held.fulfilment, held.batch_id, held.issued_at, held.created_at, owner.id, \
             owner.email, owner.customer_id, owner.first_name, owner.last_name, owner.locale, \
             owner.receives_emails, owner.blocked_at, owner.blocked_reason, owner.purged_at, \
             owner.created_at, owner.blocked_by, owner.purged_by FROM actor LEFT JOIN held ON \
             TRUE LEFT JOIN owner ON TRUE"
        )
    };
}

fn lock_rows(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    user: UserId,
    customer: CustomerNo,
    reward: RewardNo,
) -> Result<Option<LockedRows>, Error> {
    let text = match &**tx {
        // BEGIN IMMEDIATE holds every row already.
        DbConn::Sqlite(_) => lock_rows!("", "", ""),
        DbConn::Postgres(_) => lock_rows!(
            " FOR SHARE",
            " FOR NO KEY UPDATE",
            locks::hold_validity_of!("reward.batch_id")
        ),
    };
    let statement = PreparedSql::<LockedColumns>::new(text)
        .bind("merchant", scope.merchant().0)
        .bind("user", user.0)
        .bind("customer", customer.0)
        .bind("reward", reward.0);
    Ok(statement.get_result(&mut **tx).optional()?)
}

/// What the reward has now.
#[derive(Default)]
struct Current {
    batch: Option<(Batch, StockLeft)>,
    coupon: Option<Coupon>,
    reissued: Option<crate::domain::reissue::EarlierReissue>,
}

type BatchColumns =
    (BigInt, Text, Instant, Instant, BigInt, Bool, Nullable<BigInt>, BigInt, Instant);
type CurrentColumns = (
    BigInt,
    BigInt,
    Text,
    Nullable<Text>,
    Instant,
    Instant,
    BigInt,
    BigInt,
    Nullable<Instant>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<BigInt>,
    Instant,
    Instant,
);

/// The batch, the current coupon and whether the reward was reissued: a reissue leaves a replaced
/// coupon, which the schema keeps for good. The table of reissues is not asked: `PostgreSQL` walks
/// through one that was empty when it made the plan, and at each click there is one row more.
const CURRENT: &str = "SELECT b.id, b.name, b.valid_from, b.valid_until, b.uses_per_code, \
    b.case_sensitive, b.stock_threshold, b.reserve, b.created_at, c.id, c.batch_id, c.code, c.pin, \
    c.valid_from, c.expires_at, c.redemptions, c.max_redemptions, c.barred_at, c.barred_reason, \
    u.name, c.reward, b.valid_from, b.valid_until, EXISTS (SELECT 1 FROM coupons o WHERE \
    o.merchant_id = :merchant AND o.reward = :reward AND o.state = 'replaced') FROM batches b \
    LEFT JOIN coupons \
    c ON c.merchant_id = :merchant AND c.reward = :reward AND c.state = 'allocated' LEFT JOIN \
    users u ON u.id = \
    c.barred_by WHERE b.merchant_id = :merchant AND b.id = :batch";

fn current(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    batch: BatchId,
    reward: RewardNo,
    now: DateTime<Utc>,
) -> Result<Current, Error> {
    let (batch, coupon, is_reissued): (BatchRow, Option<CurrentCouponRow>, bool) =
        PreparedSql::<(BatchColumns, Nullable<CurrentColumns>, Bool)>::new(CURRENT)
            .bind("merchant", scope.merchant().0)
            .bind("reward", reward.0)
            .bind("batch", batch.0)
            .get_result(&mut **tx)?;
    let batch = Batch::from(batch);
    // How much is left, only the allocation finds out, which is the way of every click.
    let left = if batch.window.has_started(now) && !batch.window.has_expired(now) {
        StockLeft::Usable(1)
    } else {
        stock_counts::count_one(tx, scope, &batch, now)?.left()
    };
    let mut coupons: Vec<_> = coupon.into_iter().filter_map(coupons::current).collect();
    coupons::add_uses(tx, scope, &mut coupons)?;
    let reissued = if is_reissued {
        reissues::list_of_rewards(tx, scope, &[reward.0])?.pop().map(|(_, earlier)| earlier)
    } else {
        None
    };
    let coupon = coupons.pop().map(|(_, coupon)| coupon);
    Ok(Current { batch: Some((batch, left)), coupon, reissued })
}
