//! What the shop and the desk disagree on, found while redemptions were imported.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, JoinOnDsl, NullableExpressionMethods, QueryDsl, Queryable, QueryableByName,
    RunQueryDsl, Selectable, SelectableHelper, sql_query,
    sql_types::{Array, BigInt, Nullable, Text},
};

use super::{
    DbConn, Error, Scope, WriteTx,
    instant::{self, At, Instant},
    planner::{hidden, one_look_each},
    schema::{coupons as c, redemption_findings as f},
};
use crate::domain::{
    code::CouponCode,
    coupon_list::{Disagreement, RedemptionFinding},
    ids::CouponId,
    redemption::{self, OrderNumber},
};

/// A finding about to be noted.
#[derive(Debug, Clone)]
pub struct NewFinding {
    pub kind: Disagreement,
    pub code: CouponCode,
    /// Nothing where the code is unknown.
    pub coupon: Option<CouponId>,
    pub redeemed_at: DateTime<Utc>,
    pub order: Option<OrderNumber>,
}

impl NewFinding {
    /// The order as its column holds it: empty when there is none.
    fn order_column(&self) -> &str {
        self.order.as_ref().map(OrderNumber::as_str).unwrap_or_default()
    }
}

/// Notes findings in this order, each once: one order of one code is one finding, whatever its
/// time.
pub fn note(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    new: &[NewFinding],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    match &mut **tx {
        // One statement for all; see `imports::publish::insert`. "WHERE true": else SQLite takes ON
        // for a join's.
        DbConn::Sqlite(conn) => sql_query(
            "INSERT INTO redemption_findings (merchant_id, kind, code, coupon_id, redeemed_at, \
             order_id, found_at) \
             SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, ?2 FROM \
             json_each(?3) WHERE true \
             ON CONFLICT DO NOTHING",
        )
        .bind::<BigInt, _>(scope.merchant().0)
        .bind::<Instant, _>(At(now))
        .bind::<Text, _>(as_json(new))
        .execute(conn)?,
        DbConn::Postgres(conn) => sql_query(
            "INSERT INTO redemption_findings (merchant_id, kind, code, coupon_id, redeemed_at, \
             order_id, found_at) \
             SELECT $1, kind, code, coupon, at, order_id, $2 FROM unnest($3, $4, $5, $6, $7) AS t \
             (kind, code, coupon, at, order_id) \
             ON CONFLICT DO NOTHING",
        )
        .bind::<BigInt, _>(scope.merchant().0)
        .bind::<Instant, _>(At(now))
        .bind::<Array<Text>, _>(new.iter().map(|one| one.kind.as_str()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(new.iter().map(|one| one.code.as_str()).collect::<Vec<_>>())
        .bind::<Array<Nullable<BigInt>>, _>(
            new.iter().map(|one| one.coupon.map(|id| id.0)).collect::<Vec<_>>(),
        )
        .bind::<Array<Instant>, _>(new.iter().map(|one| At(one.redeemed_at)).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(new.iter().map(NewFinding::order_column).collect::<Vec<_>>())
        .execute(conn)?,
    };
    Ok(())
}

fn as_json(new: &[NewFinding]) -> String {
    let rows: Vec<_> = new
        .iter()
        .map(|one| {
            (
                one.kind.as_str(),
                one.code.as_str(),
                one.coupon.map(|id| id.0),
                instant::text(one.redeemed_at),
                one.order_column(),
            )
        })
        .collect();
    // Texts and numbers always have a form in JSON.
    serde_json::to_string(&rows).unwrap_or_default()
}

#[derive(QueryableByName)]
struct ReplacedAt {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Instant)]
    at: At,
}

/// When each of these coupons was replaced; nothing for those that never were.
pub fn replaced_at(
    conn: &mut DbConn,
    scope: Scope,
    coupons: &[CouponId],
) -> Result<HashMap<CouponId, DateTime<Utc>>, Error> {
    let ids: Vec<i64> = coupons.iter().map(|coupon| coupon.0).collect();
    let rows: Vec<ReplacedAt> = match conn {
        DbConn::Sqlite(conn) => sql_query(
            "SELECT r.old_coupon_id AS id, r.at FROM json_each(?2) AS wanted CROSS JOIN reissues \
             AS r \
             WHERE r.merchant_id = ?1 AND r.old_coupon_id = wanted.value",
        )
        .bind::<BigInt, _>(scope.merchant().0)
        .bind::<Text, _>(serde_json::to_string(&ids).unwrap_or_default())
        .load(conn)?,
        DbConn::Postgres(conn) => sql_query(concat!(
            "SELECT r.old_coupon_id AS id, r.at FROM unnest($2) AS wanted (id) CROSS JOIN LATERAL ",
            one_look_each!(
                "SELECT * FROM reissues WHERE merchant_id = $1 AND old_coupon_id = wanted.id"
            ),
            " AS r",
        ))
        .bind::<BigInt, _>(scope.merchant().0)
        .bind::<Array<BigInt>, _>(ids)
        .load(conn)?,
    };
    Ok(rows.into_iter().map(|row| (CouponId(row.id), row.at.0)).collect())
}

#[derive(QueryableByName)]
struct HandedOutRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Nullable<Instant>)]
    reissued_at: Option<At>,
    #[diesel(sql_type = Instant)]
    issued_at: At,
    #[diesel(sql_type = Instant)]
    created_at: At,
}

/// When each of these coupons was handed out; nothing for those in stock, and where it is not
/// known.
pub fn handed_out_at(
    conn: &mut DbConn,
    scope: Scope,
    coupons: &[CouponId],
) -> Result<HashMap<CouponId, DateTime<Utc>>, Error> {
    let ids: Vec<i64> = coupons.iter().map(|coupon| coupon.0).collect();
    let rows: Vec<HandedOutRow> = match conn {
        DbConn::Sqlite(conn) => sql_query(
            "SELECT c.id, r.issued_at, r.created_at, \
                 (SELECT at FROM reissues WHERE merchant_id = ?1 AND new_coupon_id = \
                 wanted.value) AS reissued_at \
             FROM json_each(?2) AS wanted CROSS JOIN coupons AS c CROSS JOIN rewards AS r \
             WHERE c.id = wanted.value AND c.merchant_id = ?1 AND r.id = c.reward AND \
             r.merchant_id = ?1",
        )
        .bind::<BigInt, _>(scope.merchant().0)
        .bind::<Text, _>(serde_json::to_string(&ids).unwrap_or_default())
        .load(conn)?,
        DbConn::Postgres(conn) => sql_query(concat!(
            "SELECT c.id, r.issued_at, r.created_at, \
                 (SELECT at FROM reissues WHERE merchant_id = $1 AND new_coupon_id = wanted.id) \
                 AS reissued_at \
             FROM unnest($2) AS wanted (id) CROSS JOIN LATERAL ",
            one_look_each!(
                "SELECT * FROM coupons WHERE id = wanted.id AND ",
                hidden!("merchant_id"),
                " = $1"
            ),
            " AS c CROSS JOIN LATERAL ",
            one_look_each!(
                "SELECT * FROM rewards WHERE id = c.reward AND ",
                hidden!("merchant_id"),
                " = $1"
            ),
            " AS r",
        ))
        .bind::<BigInt, _>(scope.merchant().0)
        .bind::<Array<BigInt>, _>(ids)
        .load(conn)?,
    };
    let known = |row: HandedOutRow| {
        let at = redemption::handed_out_at(
            row.reissued_at.map(|at| at.0),
            row.issued_at.0,
            row.created_at.0,
        )?;
        Some((CouponId(row.id), at))
    };
    Ok(rows.into_iter().filter_map(known).collect())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = f)]
struct FindingRow {
    id: i64,
    code: String,
    coupon_id: Option<i64>,
    redeemed_at: At,
    order_id: String,
    found_at: At,
    #[diesel(select_expression = c::state.nullable())]
    state: Option<String>,
}

/// The merchant's findings of this kind below `before`, newest first.
pub fn list(
    conn: &mut DbConn,
    scope: Scope,
    kind: Disagreement,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<RedemptionFinding>, Error> {
    let rows: Vec<FindingRow> = f::table
        .left_join(c::table.on(c::id.nullable().eq(f::coupon_id)))
        .filter(f::merchant_id.eq(scope.merchant().0))
        .filter(f::kind.eq(kind.as_str()))
        .filter(f::id.lt(before.unwrap_or(i64::MAX)))
        .order(f::id.desc())
        .limit(limit)
        .select(FindingRow::as_select())
        .load(conn)?;
    rows.into_iter()
        .map(|row| {
            Ok(RedemptionFinding {
                id: row.id,
                code: row.code,
                coupon: row.coupon_id.map(CouponId),
                state: row.state.map(|state| state.parse()).transpose()?,
                redeemed_at: row.redeemed_at.0,
                order_id: Some(row.order_id).filter(|order| !order.is_empty()),
                found_at: row.found_at.0,
            })
        })
        .collect()
}
