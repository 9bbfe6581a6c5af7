//! Redemptions of coupons: which are recorded, recording more, and counting them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::{
    QueryableByName, RunQueryDsl, sql_query,
    sql_types::{Array, BigInt, Text},
};

use super::super::{
    DbConn, Error, Scope, WriteTx,
    instant::{self, At, Instant},
};
use crate::domain::{
    ids::CouponId,
    redemption::{OrderNumber, UseIdentity},
};

/// One use of a coupon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    pub coupon: CouponId,
    pub at: DateTime<Utc>,
    pub order: Option<OrderNumber>,
}

impl Use {
    /// What another report of this use has in common with it.
    pub fn identity(&self) -> (CouponId, UseIdentity) {
        (self.coupon, UseIdentity::of(self.order.as_ref(), self.at))
    }

    /// The order as its column holds it: empty when there is none.
    fn order_column(&self) -> &str {
        self.order.as_ref().map(OrderNumber::as_str).unwrap_or_default()
    }
}

#[derive(QueryableByName)]
struct Recorded {
    #[diesel(sql_type = BigInt)]
    coupon_id: i64,
    #[diesel(sql_type = Instant)]
    redeemed_at: At,
    #[diesel(sql_type = Text)]
    order_id: String,
}

/// Finds ?1's recorded uses that are those in ?2: by the order where there is one, else by the
/// time. A CROSS JOIN is done in the order that is written: one look into an index for each. The
/// index is named since another one holds all columns that are asked for, and would be read through
/// all uses of the coupon each time.
pub const RECORDED_ON_SQLITE: &str = "SELECT r.coupon_id, r.redeemed_at, r.order_id FROM \
    json_each(?2) AS wanted CROSS JOIN redemptions AS r \
     WHERE wanted.value ->> 2 = '' AND r.merchant_id = ?1 AND r.coupon_id = wanted.value ->> 0 \
     AND r.redeemed_at = wanted.value ->> 1 \
         AND r.order_id = '' \
     UNION ALL SELECT r.coupon_id, r.redeemed_at, r.order_id FROM json_each(?2) AS wanted \
     CROSS JOIN redemptions AS r INDEXED BY redemptions_one_per_order \
     WHERE r.merchant_id = ?1 AND r.coupon_id = wanted.value ->> 0 AND r.order_id = wanted.value \
     ->> 2 AND r.order_id <> ''";

/// As [`RECORDED_ON_SQLITE`], of $1's, among those in $2 to $4; one look for each also where the
/// statistics know of no row.
pub const RECORDED_ON_POSTGRES: &str = "SELECT r.coupon_id, r.redeemed_at, r.order_id \
     FROM unnest($2, $3, $4) AS wanted (coupon, at, order_id) CROSS JOIN LATERAL (SELECT * FROM \
     redemptions WHERE merchant_id = $1 \
         AND coupon_id = wanted.coupon AND redeemed_at = wanted.at AND order_id = '' OFFSET 0) AS \
         r WHERE wanted.order_id = '' \
     UNION ALL SELECT r.coupon_id, r.redeemed_at, r.order_id \
     FROM unnest($2, $3, $4) AS wanted (coupon, at, order_id) CROSS JOIN LATERAL (SELECT * FROM \
     redemptions WHERE merchant_id = $1 \
         AND coupon_id = wanted.coupon AND order_id = wanted.order_id AND order_id <> '' OFFSET \
         0) AS r";

/// Those of these uses that are recorded already, as they were recorded first.
pub fn find_recorded(conn: &mut DbConn, scope: Scope, uses: &[Use]) -> Result<Vec<Use>, Error> {
    let rows: Vec<Recorded> = match conn {
        DbConn::Sqlite(conn) => sql_query(RECORDED_ON_SQLITE)
            .bind::<BigInt, _>(scope.merchant().0)
            .bind::<Text, _>(as_json(uses))
            .load(conn)?,
        DbConn::Postgres(conn) => sql_query(RECORDED_ON_POSTGRES)
            .bind::<BigInt, _>(scope.merchant().0)
            .bind::<Array<BigInt>, _>(uses.iter().map(|one| one.coupon.0).collect::<Vec<_>>())
            .bind::<Array<Instant>, _>(uses.iter().map(|one| At(one.at)).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(uses.iter().map(Use::order_column).collect::<Vec<_>>())
            .load(conn)?,
    };
    let recorded = |row: Recorded| Use {
        coupon: CouponId(row.coupon_id),
        at: row.redeemed_at.0,
        order: OrderNumber::stored(row.order_id),
    };
    Ok(rows.into_iter().map(recorded).collect())
}

/// As SQLite unpacks it again. Texts and numbers always have a form in JSON.
fn as_json(uses: &[Use]) -> String {
    let rows: Vec<_> =
        uses.iter().map(|one| (one.coupon.0, instant::text(one.at), one.order_column())).collect();
    serde_json::to_string(&rows).unwrap_or_default()
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Counts ?1's recorded uses of the coupons in ?2, each in the index by itself.
pub const COUNT_ON_SQLITE: &str = "SELECT wanted.value AS id, \
         (SELECT count(*) FROM redemptions WHERE merchant_id = ?1 AND coupon_id = wanted.value) \
         AS n FROM json_each(?2) AS wanted";

/// As [`COUNT_ON_SQLITE`].
pub const COUNT_ON_POSTGRES: &str = "SELECT wanted.id, \
         (SELECT count(*) FROM redemptions WHERE merchant_id = $1 AND coupon_id = wanted.id) AS n \
         FROM unnest($2) AS wanted (id)";

/// How many uses of each of these coupons are recorded with their details.
pub fn count_recorded(
    conn: &mut DbConn,
    scope: Scope,
    coupons: &[CouponId],
) -> Result<HashMap<CouponId, i64>, Error> {
    let ids: Vec<i64> = coupons.iter().map(|coupon| coupon.0).collect();
    let rows: Vec<Counted> = match conn {
        DbConn::Sqlite(conn) => sql_query(COUNT_ON_SQLITE)
            .bind::<BigInt, _>(scope.merchant().0)
            .bind::<Text, _>(serde_json::to_string(&ids).unwrap_or_default())
            .load(conn)?,
        DbConn::Postgres(conn) => sql_query(COUNT_ON_POSTGRES)
            .bind::<BigInt, _>(scope.merchant().0)
            .bind::<Array<BigInt>, _>(ids)
            .load(conn)?,
    };
    Ok(rows.into_iter().map(|row| (CouponId(row.id), row.n)).collect())
}

/// Records uses; none of them may be recorded yet.
pub fn insert(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    uses: &[Use],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let inserted = match &mut **tx {
        // One statement for all; see `publish::insert`.
        DbConn::Sqlite(conn) => sql_query(
            "INSERT INTO redemptions (merchant_id, coupon_id, redeemed_at, order_id, created_at) \
             SELECT ?1, value ->> 0, value ->> 1, value ->> 2, ?2 FROM json_each(?3)",
        )
        .bind::<BigInt, _>(scope.merchant().0)
        .bind::<Instant, _>(At(now))
        .bind::<Text, _>(as_json(uses))
        .execute(conn)?,
        DbConn::Postgres(conn) => sql_query(
            "INSERT INTO redemptions (merchant_id, coupon_id, redeemed_at, order_id, created_at) \
             SELECT $1, coupon, at, order_id, $2 FROM unnest($3, $4, $5) AS t (coupon, at, \
             order_id)",
        )
        .bind::<BigInt, _>(scope.merchant().0)
        .bind::<Instant, _>(At(now))
        .bind::<Array<BigInt>, _>(uses.iter().map(|one| one.coupon.0).collect::<Vec<_>>())
        .bind::<Array<Instant>, _>(uses.iter().map(|one| At(one.at)).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(uses.iter().map(Use::order_column).collect::<Vec<_>>())
        .execute(conn)?,
    };
    if inserted == uses.len() {
        Ok(())
    } else {
        Err(Error::Corrupt("not every use of a coupon was recorded".into()))
    }
}

/// Counts so many more uses of each of these coupons, none of which may come twice; false when one
/// of them has fewer left, or is not there: then not all of them were counted.
pub fn count_uses(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    uses: &[(CouponId, i64)],
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let counted = match &mut **tx {
        DbConn::Sqlite(conn) => {
            let rows: Vec<_> = uses.iter().map(|(coupon, n)| (coupon.0, n)).collect();
            sql_query(
                "UPDATE coupons SET redemptions = coupons.redemptions + (more.value ->> 1), \
                 changed_at = ?2 FROM json_each(?3) AS more \
                 WHERE coupons.merchant_id = ?1 AND coupons.id = more.value ->> 0 \
                     AND coupons.redemptions + (more.value ->> 1) <= coupons.max_redemptions",
            )
            .bind::<BigInt, _>(scope.merchant().0)
            .bind::<Instant, _>(At(now))
            .bind::<Text, _>(serde_json::to_string(&rows).unwrap_or_default())
            .execute(conn)?
        }
        // The sum leaves PostgreSQL the ids to go by; see `codes::probe_on_postgres`.
        DbConn::Postgres(conn) => sql_query(
            "UPDATE coupons SET redemptions = coupons.redemptions + more.n, changed_at = $2 FROM \
             unnest($3, $4) AS more (coupon, n) \
             WHERE coupons.merchant_id + 0 = $1 AND coupons.id = more.coupon AND \
             coupons.redemptions + more.n <= coupons.max_redemptions",
        )
        .bind::<BigInt, _>(scope.merchant().0)
        .bind::<Instant, _>(At(now))
        .bind::<Array<BigInt>, _>(uses.iter().map(|(coupon, _)| coupon.0).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(uses.iter().map(|(_, n)| *n).collect::<Vec<_>>())
        .execute(conn)?,
    };
    Ok(counted == uses.len())
}
