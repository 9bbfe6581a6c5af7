//! Rewards in the database, and the file on a reward that the rule of reissuing looks at.

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};

use super::{
    DbConn, Error, Scope, WriteTx, batches, coupons, customers, instant::At, reissues,
    schema::rewards as r, stock_counts,
};
use crate::domain::{
    batch::{Batch, StockLeft},
    coupon::Coupon,
    customer::Customer,
    ids::{BatchId, CustomerNo, RewardNo},
    redemption,
    reissue::RewardFile,
    reward::{Fulfilment, Reward},
};

#[derive(Queryable)]
pub(super) struct RewardRow {
    id: i64,
    customer: i64,
    reward_id: String,
    kind: String,
    title: String,
    fulfilment: String,
    batch_id: Option<i64>,
    issued_at: At,
    pub(super) created_at: At,
}

type RewardColumns = (
    r::id,
    r::customer,
    r::reward_id,
    r::kind,
    r::title,
    r::fulfilment,
    r::batch_id,
    r::issued_at,
    r::created_at,
);
const COLUMNS: RewardColumns = (
    r::id,
    r::customer,
    r::reward_id,
    r::kind,
    r::title,
    r::fulfilment,
    r::batch_id,
    r::issued_at,
    r::created_at,
);

impl TryFrom<RewardRow> for Reward {
    type Error = Error;

    fn try_from(row: RewardRow) -> Result<Self, Error> {
        Ok(Self {
            no: RewardNo(row.id),
            customer: CustomerNo(row.customer),
            reward_id: row.reward_id,
            kind: row.kind.parse()?,
            title: row.title,
            fulfilment: match row.batch_id {
                Some(batch) => Fulfilment::Batch(BatchId(batch)),
                None => Fulfilment::External(row.fulfilment.parse()?),
            },
            issued_at: row.issued_at.0,
        })
    }
}

/// The files on the customer's rewards below `before`, newest first.
pub fn files_of_customer(
    conn: &mut DbConn,
    scope: Scope,
    customer: &Customer,
    before: Option<RewardNo>,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Vec<RewardFile>, Error> {
    let rows: Vec<RewardRow> = r::table
        .filter(r::merchant_id.eq(scope.merchant().0))
        .filter(r::customer.eq(customer.no.0))
        .filter(r::id.lt(before.map_or(i64::MAX, |no| no.0)))
        .order(r::id.desc())
        .limit(limit)
        .select(COLUMNS)
        .load(conn)?;
    files(conn, scope, customer, rows, now)
}

/// The file on one of the customer's rewards, for showing.
pub fn find_file(
    conn: &mut DbConn,
    scope: Scope,
    customer: CustomerNo,
    reward: RewardNo,
    now: DateTime<Utc>,
) -> Result<Option<RewardFile>, Error> {
    let Some(customer) = customers::find(conn, scope, customer)? else { return Ok(None) };
    let row: Option<RewardRow> = r::table
        .filter(r::merchant_id.eq(scope.merchant().0))
        .filter(r::customer.eq(customer.no.0))
        .filter(r::id.eq(reward.0))
        .select(COLUMNS)
        .first(conn)
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    Ok(files(conn, scope, &customer, vec![row], now)?.pop())
}

/// Locks the reward, and holds its customer, until the transaction ends: what is done to its coupon
/// and a reissue come one after the other.
pub fn lock(tx: &mut WriteTx<'_>, scope: Scope, reward: RewardNo) -> Result<(), Error> {
    if let DbConn::Postgres(conn) = &mut **tx {
        let row = r::table
            .filter(r::merchant_id.eq(scope.merchant().0))
            .filter(r::id.eq(reward.0))
            .select(r::customer);
        let customer: Option<i64> = row.for_no_key_update().first(conn).optional()?;
        if let Some(customer) = customer {
            customers::hold(tx, scope.merchant(), CustomerNo(customer))?;
        }
    }
    Ok(())
}

fn files(
    conn: &mut DbConn,
    scope: Scope,
    customer: &Customer,
    rows: Vec<RewardRow>,
    now: DateTime<Utc>,
) -> Result<Vec<RewardFile>, Error> {
    if rows.is_empty() {
        return Ok(vec![]);
    }
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let mut batch_ids: Vec<i64> = rows.iter().filter_map(|row| row.batch_id).collect();
    batch_ids.sort_unstable();
    batch_ids.dedup();
    let batches = batches::list_by_ids(conn, scope, &batch_ids)?;
    let stocks = left_of(conn, scope, batches, now)?;
    let mut coupons = coupons::current_of_rewards(conn, scope, &ids)?;
    coupons::add_repeats(conn, scope, coupons.iter_mut().map(|(_, coupon)| coupon))?;
    let reissues = reissues::list_of_rewards(conn, scope, &ids)?;
    rows.into_iter()
        .map(|row| {
            let recorded_at = row.created_at.0;
            let reward = Reward::try_from(row)?;
            let reissued = reissues
                .iter()
                .find(|(no, _)| *no == reward.no)
                .map(|(_, earlier)| earlier.clone());
            let handed_out_at = redemption::handed_out_at(
                reissued.as_ref().map(|earlier| earlier.at),
                reward.issued_at,
                recorded_at,
            );
            let coupon =
                coupons.iter().find(|(no, _)| *no == reward.no).map(|(_, coupon)| coupon.clone());
            Ok(RewardFile {
                batch: stocks
                    .iter()
                    .find(|(batch, _)| reward.fulfilment == Fulfilment::Batch(batch.id))
                    .cloned(),
                coupon: coupon.map(|coupon| Coupon { handed_out_at, ..coupon }),
                reissued,
                customer: customer.clone(),
                reward,
            })
        })
        .collect()
}

fn left_of(
    conn: &mut DbConn,
    scope: Scope,
    batches: Vec<Batch>,
    now: DateTime<Utc>,
) -> Result<Vec<(Batch, StockLeft)>, Error> {
    let counts = stock_counts::count(conn, scope, &batches, now)?;
    Ok(batches.into_iter().zip(counts).map(|(batch, counts)| (batch, counts.left())).collect())
}
