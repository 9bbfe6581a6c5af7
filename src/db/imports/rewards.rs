//! Rewards by the merchant's reference, many at once; adding them and handing them their coupons.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, QueryDsl, Queryable, QueryableByName, RunQueryDsl, TextExpressionMethods,
    sql_query,
    sql_types::{Array, BigInt, Text},
};

use super::super::{
    DbConn, Error, Scope, WriteTx,
    instant::{self, At, Instant},
    schema::{coupons, rewards as r},
};
use crate::{
    domain::{
        ids::{BatchId, CouponId, CustomerNo, RewardNo},
        reward::{Fulfilment, RewardKind},
    },
    each,
};

/// A reward's content. History: it never changes once stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    pub reward_id: String,
    pub customer: CustomerNo,
    pub kind: RewardKind,
    pub title: String,
    pub fulfilment: Fulfilment,
    pub issued_at: DateTime<Utc>,
}

/// A reward that is there already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownReward {
    pub no: RewardNo,
    pub story: Story,
    /// The coupon that it had before any reissue.
    pub first_coupon: Option<CouponId>,
}

#[derive(Queryable)]
struct KnownRewardRow {
    id: i64,
    reward_id: String,
    customer: i64,
    kind: String,
    title: String,
    fulfilment: String,
    batch_id: Option<i64>,
    issued_at: At,
}

/// The rewards with these references.
pub fn find_by_reference(
    conn: &mut DbConn,
    scope: Scope,
    references: &[String],
) -> Result<Vec<KnownReward>, Error> {
    let mut all = Vec::new();
    for some in references.chunks(1000) {
        let query = r::table
            .filter(r::merchant_id.eq(scope.merchant().0))
            .filter(r::reward_id.eq_any(some))
            .select((
                r::id,
                r::reward_id,
                r::customer,
                r::kind,
                r::title,
                r::fulfilment,
                r::batch_id,
                r::issued_at,
            ));
        let rows: Vec<KnownRewardRow> = each!(conn, |conn| query.load(conn))?;
        let firsts =
            first_coupons(conn, scope, &rows.iter().map(|row| row.id).collect::<Vec<_>>())?;
        for row in rows {
            let fulfilment = match row.batch_id {
                Some(batch) => Fulfilment::Batch(BatchId(batch)),
                None => Fulfilment::External(row.fulfilment.parse()?),
            };
            all.push(KnownReward {
                no: RewardNo(row.id),
                first_coupon: firsts.get(&row.id).copied(),
                story: Story {
                    reward_id: row.reward_id,
                    customer: CustomerNo(row.customer),
                    kind: row.kind.parse()?,
                    title: row.title,
                    fulfilment,
                    issued_at: row.issued_at.0,
                },
            });
        }
    }
    Ok(all)
}

/// A reissue replaces the coupon once at most: the replaced one is the first, else the allocated
/// one.
fn first_coupons(
    conn: &mut DbConn,
    scope: Scope,
    rewards: &[i64],
) -> Result<HashMap<i64, CouponId>, Error> {
    // Without statistics SQLite takes a merchant for a handful of rows and would walk all of its
    // coupons; the sum keeps it off that index.
    let owned = coupons::table
        .filter(coupons::merchant_id.eq(scope.merchant().0))
        .filter(coupons::reward.eq_any(rewards))
        .select((coupons::reward, coupons::id, coupons::state));
    let rows: Vec<(Option<i64>, i64, String)> = each!(conn, |conn| owned.load(conn))?;
    let mut firsts = HashMap::new();
    for (reward, coupon, state) in rows {
        let Some(reward) = reward else { continue };
        if state == "replaced" {
            firsts.insert(reward, CouponId(coupon));
        } else {
            firsts.entry(reward).or_insert(CouponId(coupon));
        }
    }
    Ok(firsts)
}

/// Whose rewards these are.
pub fn owners_of(
    conn: &mut DbConn,
    scope: Scope,
    rewards: &[RewardNo],
) -> Result<HashMap<RewardNo, CustomerNo>, Error> {
    let mut owners = HashMap::new();
    for some in rewards.chunks(1000) {
        // The sum leaves PostgreSQL the ids to go by; see `codes::probe_on_postgres`.
        let of_merchant = r::table.filter((r::merchant_id + 0).eq(scope.merchant().0));
        let query = of_merchant
            .filter(r::id.eq_any(some.iter().map(|reward| reward.0)))
            .select((r::id, r::customer));
        let rows: Vec<(i64, i64)> = each!(conn, |conn| query.load(conn))?;
        owners.extend(
            rows.into_iter().map(|(reward, customer)| (RewardNo(reward), CustomerNo(customer))),
        );
    }
    Ok(owners)
}

#[derive(QueryableByName)]
struct Numbered {
    #[diesel(sql_type = Text)]
    reward_id: String,
    #[diesel(sql_type = BigInt)]
    id: i64,
}

fn columns_of(fulfilment: Fulfilment) -> (&'static str, Option<i64>) {
    match fulfilment {
        Fulfilment::Batch(batch) => ("batch", Some(batch.0)),
        Fulfilment::External(provider) => (provider.as_str(), None),
    }
}

/// Adds rewards; answers their numbers by reference.
pub fn insert(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    stories: &[Story],
    now: DateTime<Utc>,
) -> Result<HashMap<String, RewardNo>, Error> {
    let values = |story: &Story| {
        let (fulfilment, batch) = columns_of(story.fulfilment);
        (
            r::merchant_id.eq(scope.merchant().0),
            r::customer.eq(story.customer.0),
            r::reward_id.eq(story.reward_id.clone()),
            r::kind.eq(story.kind.as_str()),
            r::title.eq(story.title.clone()),
            r::fulfilment.eq(fulfilment),
            r::batch_id.eq(batch),
            r::issued_at.eq(At(story.issued_at)),
            r::created_at.eq(At(now)),
        )
    };
    let rows: Vec<(String, i64)> = match &mut **tx {
        // One statement for all; see `publish::insert`.
        DbConn::Sqlite(conn) => sql_query(
            "INSERT INTO rewards (merchant_id, customer, reward_id, kind, title, fulfilment, \
             batch_id, issued_at, created_at) \
             SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value \
             ->> 5, value ->> 6, ?2 FROM json_each(?3) \
             RETURNING reward_id, id",
        )
        .bind::<BigInt, _>(scope.merchant().0)
        .bind::<Instant, _>(At(now))
        .bind::<Text, _>(as_json(stories))
        .load::<Numbered>(conn)?
        .into_iter()
        .map(|row| (row.reward_id, row.id))
        .collect(),
        DbConn::Postgres(conn) => diesel::insert_into(r::table)
            .values(stories.iter().map(values).collect::<Vec<_>>())
            .returning((r::reward_id, r::id))
            .get_results(conn)?,
    };
    Ok(rows.into_iter().map(|(reference, id)| (reference, RewardNo(id))).collect())
}

fn as_json(stories: &[Story]) -> String {
    let rows: Vec<_> = stories
        .iter()
        .map(|story| {
            let (fulfilment, batch) = columns_of(story.fulfilment);
            (
                story.customer.0,
                &story.reward_id,
                story.kind.as_str(),
                &story.title,
                fulfilment,
                batch,
                instant::text(story.issued_at),
            )
        })
        .collect();
    // Texts and numbers always have a form in JSON.
    serde_json::to_string(&rows).unwrap_or_default()
}

/// Hands each coupon, which must be in stock and locked, to its reward, as of the moment given;
/// expired, barred and redeemed ones too: it is history. A bar that stood there only because an
/// earlier row of the same story was rejected has done its work: it is lifted.
pub fn allocate(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    pairs: &[(CouponId, RewardNo, DateTime<Utc>)],
) -> Result<(), Error> {
    let done = match &mut **tx {
        DbConn::Sqlite(conn) => sql_query(
            "UPDATE coupons SET state = 'allocated', reward = pair.value ->> 1, changed_at = \
             pair.value ->> 2 FROM json_each(?2) AS pair \
             WHERE coupons.merchant_id = ?1 AND coupons.id = pair.value ->> 0 AND coupons.state = \
             'available'",
        )
        .bind::<BigInt, _>(scope.merchant().0)
        .bind::<Text, _>(pairs_as_json(pairs))
        .execute(conn)?,
        DbConn::Postgres(conn) => sql_query(
            "UPDATE coupons SET state = 'allocated', reward = t.reward, changed_at = t.at FROM \
             unnest($2, $3, $4) AS t (coupon, reward, at) \
             WHERE coupons.merchant_id = $1 AND coupons.id = t.coupon AND coupons.state = \
             'available'",
        )
        .bind::<BigInt, _>(scope.merchant().0)
        .bind::<Array<BigInt>, _>(pairs.iter().map(|(coupon, ..)| coupon.0).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(pairs.iter().map(|(_, reward, _)| reward.0).collect::<Vec<_>>())
        .bind::<Array<Instant>, _>(pairs.iter().map(|(.., at)| At(*at)).collect::<Vec<_>>())
        .execute(conn)?,
    };
    let coupons: Vec<i64> = pairs.iter().map(|(coupon, ..)| coupon.0).collect();
    let claimed = coupons::table
        .filter(coupons::merchant_id.eq(scope.merchant().0))
        .filter(coupons::id.eq_any(coupons))
        .filter(coupons::barred_by.is_null())
        .filter(coupons::barred_reason.like("claimed by a rejected row, line %"));
    diesel::update(claimed)
        .set((
            coupons::barred_at.eq(None::<super::super::instant::At>),
            coupons::barred_reason.eq(None::<String>),
        ))
        .execute(&mut **tx)?;
    if done == pairs.len() {
        Ok(())
    } else {
        Err(Error::Corrupt("a coupon that was locked is no longer in stock".into()))
    }
}

fn pairs_as_json(pairs: &[(CouponId, RewardNo, DateTime<Utc>)]) -> String {
    let pairs: Vec<_> =
        pairs.iter().map(|(coupon, reward, at)| (coupon.0, reward.0, instant::text(*at))).collect();
    serde_json::to_string(&pairs).unwrap_or_default()
}
