//! Redemptions of coupons: which are recorded, recording more, and counting them.
//! Must not know files.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, QueryDsl, QueryableByName, RunQueryDsl,
    dsl::{count_star, exists},
    select, sql_query,
    sql_types::{Array, BigInt, Text},
};

use super::super::{
    DbConn, Error, Scope, WriteTx,
    instant::{At, Instant},
    schema::{coupons as c, redemptions as r},
};
use crate::domain::ids::CouponId;

/// One use of a coupon. Two are the same when all of it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Use {
    pub coupon: CouponId,
    pub at: DateTime<Utc>,
    /// Empty when there is none.
    pub order_id: String,
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

/// Which of these are recorded already.
pub fn find_recorded(conn: &mut DbConn, scope: Scope, uses: &[Use]) -> Result<HashSet<Use>, Error> {
    match conn {
        DbConn::Sqlite(conn) => {
            let mut found = HashSet::new();
            for one in uses {
                let same = r::table
                    .filter(r::merchant_id.eq(scope.merchant().0))
                    .filter(r::coupon_id.eq(one.coupon.0))
                    .filter(r::redeemed_at.eq(At(one.at)))
                    .filter(r::order_id.eq(&one.order_id));
                if select(exists(same)).get_result(conn)? {
                    found.insert(one.clone());
                }
            }
            Ok(found)
        }
        DbConn::Postgres(conn) => {
            let rows: Vec<Recorded> = sql_query(
                "SELECT r.coupon_id, r.redeemed_at, r.order_id FROM unnest($2, $3, $4) AS t (coupon, at, order_id) \
                 JOIN redemptions r ON r.merchant_id = $1 AND r.coupon_id = t.coupon AND r.redeemed_at = t.at AND r.order_id = t.order_id",
            )
            .bind::<BigInt, _>(scope.merchant().0)
            .bind::<Array<BigInt>, _>(uses.iter().map(|one| one.coupon.0).collect::<Vec<_>>())
            .bind::<Array<Instant>, _>(uses.iter().map(|one| At(one.at)).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(uses.iter().map(|one| one.order_id.as_str()).collect::<Vec<_>>())
            .load(conn)?;
            Ok(rows.into_iter().map(|row| Use { coupon: CouponId(row.coupon_id), at: row.redeemed_at.0, order_id: row.order_id }).collect())
        }
    }
}

/// How many uses of the coupon are recorded with their details.
pub fn count_recorded(conn: &mut DbConn, scope: Scope, coupon: CouponId) -> Result<i64, Error> {
    Ok(r::table.filter(r::merchant_id.eq(scope.merchant().0)).filter(r::coupon_id.eq(coupon.0)).select(count_star()).first(conn)?)
}

/// When the coupon came in.
pub fn imported_at(conn: &mut DbConn, scope: Scope, coupon: CouponId) -> Result<DateTime<Utc>, Error> {
    let at: At = c::table.filter(c::merchant_id.eq(scope.merchant().0)).filter(c::id.eq(coupon.0)).select(c::created_at).first(conn)?;
    Ok(at.0)
}

/// Records a use; it must not be recorded yet.
pub fn insert(tx: &mut WriteTx<'_>, scope: Scope, one: &Use, now: DateTime<Utc>) -> Result<(), Error> {
    diesel::insert_into(r::table)
        .values((
            r::merchant_id.eq(scope.merchant().0),
            r::coupon_id.eq(one.coupon.0),
            r::redeemed_at.eq(At(one.at)),
            r::order_id.eq(&one.order_id),
            r::created_at.eq(At(now)),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// Counts one more use of a coupon that has some left; false when it has none.
pub fn count_use(tx: &mut WriteTx<'_>, scope: Scope, coupon: CouponId, now: DateTime<Utc>) -> Result<bool, Error> {
    let spare =
        c::table.filter(c::merchant_id.eq(scope.merchant().0)).filter(c::id.eq(coupon.0)).filter(c::redemptions.lt(c::max_redemptions));
    Ok(diesel::update(spare).set((c::redemptions.eq(c::redemptions + 1), c::changed_at.eq(At(now)))).execute(&mut **tx)? == 1)
}
