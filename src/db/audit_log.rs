//! The audit log as its page and its export read it: the records that a filter lets through, by
//! time, and what is looked up beside them.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, QueryDsl, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Nullable},
};

use super::{
    DbConn, Error, Scope,
    among::among,
    instant::{self, At, Instant},
    schema::{audit_records as a, audit_seals as s, users as u},
};
use crate::domain::{
    audit::Action,
    audit_filter::{ActorFilter, AuditFilter, RecordPlace},
    ids::{AuditId, CouponId, ReissueId, UserId},
};

/// Which way through the log, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Newest first, after this place.
    Back(Option<RecordPlace>),
    /// Oldest first, after this place, up to this number: what is written meanwhile is no part of
    /// it.
    Forth(Option<RecordPlace>, AuditId),
}

#[derive(QueryableByName)]
struct LogRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Instant)]
    at: At,
}

/// The places of up to `limit` records of the merchant's log that `filter` lets through.
pub fn places(
    conn: &mut DbConn,
    scope: Scope,
    filter: &AuditFilter,
    way: Direction,
    limit: usize,
) -> Result<Vec<RecordPlace>, Error> {
    let sql = places_sql(is_sqlite(conn), scope, filter, way, limit);
    let rows: Vec<LogRow> = sql_query(sql).load(conn)?;
    Ok(rows.into_iter().map(|row| RecordPlace { at: row.at.0, id: AuditId(row.id) }).collect())
}

/// How many records up to number `mark` the filter lets through.
pub fn count(
    conn: &mut DbConn,
    scope: Scope,
    filter: &AuditFilter,
    mark: AuditId,
) -> Result<i64, Error> {
    let condition = condition(is_sqlite(conn), scope, filter);
    let rows: Vec<NewestIdRow> = sql_query(format!(
        "SELECT count(*) AS n FROM audit_records r WHERE {condition} AND r.id <= {mark}"
    ))
    .load(conn)?;
    Ok(rows.first().and_then(|row| row.n).unwrap_or_default())
}

/// The statement of [`places`]. There is nothing in it that anybody typed: numbers, our own
/// words, and instants as we write them.
pub fn places_sql(
    sqlite: bool,
    scope: Scope,
    filter: &AuditFilter,
    way: Direction,
    limit: usize,
) -> String {
    let condition = condition(sqlite, scope, filter);
    // An index range first, since not every planner sees one in a row of values.
    let (behind, order) = match way {
        Direction::Back(place) => (place.map(|p| (p, "<=", "<")), "r.at DESC, r.id DESC"),
        Direction::Forth(place, _) => (place.map(|p| (p, ">=", ">")), "r.at, r.id"),
    };
    let behind = behind.map_or_else(String::new, |(place, or_at, than)| {
        let at = literal(sqlite, place.at);
        format!(" AND r.at {or_at} {at} AND (r.at {than} {at} OR r.id {than} {})", place.id)
    });
    let mark = if let Direction::Forth(_, mark) = way {
        format!(" AND r.id <= {mark}")
    } else {
        String::new()
    };
    format!(
        "SELECT r.id, r.at FROM audit_records r WHERE {condition}{behind}{mark} ORDER BY {order} \
         LIMIT {limit}"
    )
}

fn condition(sqlite: bool, scope: Scope, filter: &AuditFilter) -> String {
    let merchant = scope.merchant();
    let mut all = vec![format!("r.merchant_id = {merchant}")];
    match filter.who {
        Some(ActorFilter::User(user)) => all.push(format!("r.user_id = {user}")),
        Some(ActorFilter::Cli) => all.push("r.user_id IS NULL AND r.actor_kind = 'cli'".to_owned()),
        Some(ActorFilter::System) => {
            all.push("r.user_id IS NULL AND r.actor_kind = 'system'".to_owned());
        }
        None => {}
    }
    all.extend(filter.customer.map(|customer| format!("r.customer = {customer}")));
    all.extend(filter.action.map(|action| format!("r.action = '{}'", action.as_str())));
    all.extend(filter.from.map(|from| format!("r.at >= {}", literal(sqlite, from))));
    all.extend(filter.until.map(|until| format!("r.at < {}", literal(sqlite, until))));
    all.extend(
        filter.coupon.map(|coupon| format!("r.id IN ({})", of_coupon_sql(sqlite, scope, coupon))),
    );
    all.join(" AND ")
}

/// The numbers of all records about one coupon: acts that name it, its reissues with their mails,
/// and its withdrawal, which is that of its batch that was asked for first of those that reach it.
fn of_coupon_sql(sqlite: bool, scope: Scope, coupon: CouponId) -> String {
    let merchant = scope.merchant();
    let (named, number) = if sqlite {
        (
            "CASE WHEN json_valid(n.details) THEN json_extract(n.details, '$.coupon') END",
            coupon.to_string(),
        )
    } else {
        (r#"substring(n.details from '"coupon":([0-9]+)')"#, format!("'{coupon}'"))
    };
    let withdrawn = Action::VouchersWithdrawn.as_str();
    format!(
        "SELECT n.id FROM audit_records n WHERE n.merchant_id = {merchant} AND ({named}) = \
         {number} \
         UNION SELECT m.id FROM audit_records m WHERE m.merchant_id = {merchant} AND m.reissue_id \
         IN (\
           SELECT o.id FROM reissues o WHERE o.merchant_id = {merchant} AND o.old_coupon_id = \
           {coupon} \
           UNION SELECT o.id FROM reissues o WHERE o.merchant_id = {merchant} AND o.new_coupon_id \
           = {coupon}) \
         UNION SELECT w.id FROM coupons c JOIN audit_records w ON w.merchant_id = {merchant} AND \
         w.action = '{withdrawn}' AND w.batch_id = c.batch_id \
           AND w.at = (SELECT min(d.asked_at) FROM withdrawals d WHERE d.merchant_id = {merchant} \
           AND d.batch_id = c.batch_id AND d.coupon_to >= c.id) \
           WHERE c.merchant_id = {merchant} AND c.id = {coupon} AND c.state = 'withdrawn'"
    )
}

fn literal(sqlite: bool, at: DateTime<Utc>) -> String {
    let text = instant::text(at);
    if sqlite { format!("'{text}'") } else { format!("'{text}+00'::timestamptz") }
}

#[derive(QueryableByName)]
struct NewestIdRow {
    #[diesel(sql_type = Nullable<BigInt>)]
    n: Option<i64>,
}

/// The users who ever acted in the merchant's log: one look at the index each, however long the log
/// is.
pub fn actors(conn: &mut DbConn, scope: Scope) -> Result<Vec<UserId>, Error> {
    let merchant = scope.merchant();
    let of = format!(
        "SELECT min(r.user_id) FROM audit_records r WHERE r.merchant_id = {merchant} AND r.user_id"
    );
    let sql = format!(
        "WITH RECURSIVE who (n) AS (SELECT ({of} IS NOT NULL) UNION ALL SELECT ({of} > who.n) \
         FROM who WHERE who.n IS NOT NULL) \
         SELECT n FROM who WHERE n IS NOT NULL"
    );
    let rows: Vec<NewestIdRow> = sql_query(sql).load(conn)?;
    Ok(rows.into_iter().filter_map(|row| row.n).map(UserId).collect())
}

/// The names of these users.
pub fn names_of(conn: &mut DbConn, ids: &[UserId]) -> Result<Vec<(UserId, String)>, Error> {
    let these = among(conn, u::id, ids.iter().map(|id| id.0));
    let rows: Vec<(i64, String)> =
        u::table.select((u::id, u::name)).filter(these).order((u::name, u::id)).load(conn)?;
    Ok(rows.into_iter().map(|(id, name)| (UserId(id), name)).collect())
}

/// The numbers of the seals over those of these records that are sealed.
pub fn seals_of(conn: &mut DbConn, ids: &[AuditId]) -> Result<Vec<(AuditId, i64)>, Error> {
    let these = among(conn, s::record_id, ids.iter().map(|id| id.0));
    let rows: Vec<(i64, i64)> = s::table.select((s::record_id, s::no)).filter(these).load(conn)?;
    Ok(rows.into_iter().map(|(id, no)| (AuditId(id), no)).collect())
}

/// The records of the end of these reissues' mails, sent or finally failed, oldest first: the
/// reissue, what came of it, and when.
pub fn mail_ends(
    conn: &mut DbConn,
    scope: Scope,
    reissues: &[ReissueId],
) -> Result<Vec<(ReissueId, String, DateTime<Utc>)>, Error> {
    let of_these = among(conn, a::reissue_id, reissues.iter().map(|id| id.0));
    let rows: Vec<(Option<i64>, String, At)> = a::table
        .filter(a::merchant_id.eq(scope.merchant().0))
        .filter(of_these)
        .filter(
            a::action.eq(Action::EmailSent.as_str()).or(a::action.eq(Action::EmailFailed.as_str())),
        )
        .order(a::id)
        .select((a::reissue_id, a::action, a::at))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .filter_map(|(id, action, at)| Some((ReissueId(id?), action, at.0)))
        .collect())
}

fn is_sqlite(conn: &DbConn) -> bool {
    matches!(conn, DbConn::Sqlite(_))
}
