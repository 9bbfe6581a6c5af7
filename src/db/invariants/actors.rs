//! Whether each user who reissued ever had a role in that merchant. A role may have been removed
//! since: then the log tells of it.

use std::collections::HashSet;

use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Text},
};

use super::{DbConn, Error, Finding, finding};

#[derive(QueryableByName)]
struct ActRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    merchant_id: i64,
    #[diesel(sql_type = BigInt)]
    user_id: i64,
}

#[derive(QueryableByName)]
struct ActRecordRow {
    #[diesel(sql_type = BigInt)]
    merchant_id: i64,
    #[diesel(sql_type = Text)]
    details: String,
}

pub(super) fn without_a_role(conn: &mut DbConn) -> Result<Option<Finding>, Error> {
    let acts: Vec<ActRow> = diesel::sql_query(
        "SELECT i.id, i.merchant_id, i.user_id FROM reissues i \
         LEFT JOIN memberships m ON m.merchant_id = i.merchant_id AND m.user_id = i.user_id WHERE \
         m.id IS NULL",
    )
    .load(conn)?;
    if acts.is_empty() {
        return Ok(None);
    }
    let records: Vec<ActRecordRow> = diesel::sql_query(
        "SELECT merchant_id, details FROM audit_records WHERE merchant_id IS NOT NULL AND (action \
         = 'user.added' OR action LIKE 'role.%')",
    )
    .load(conn)?;
    let once: HashSet<(i64, i64)> = records
        .iter()
        .filter_map(|record| {
            let details: serde_json::Value = serde_json::from_str(&record.details).ok()?;
            Some((record.merchant_id, details.get("user")?.as_i64()?))
        })
        .collect();
    let strangers = acts.iter().filter(|act| !once.contains(&(act.merchant_id, act.user_id)));
    Ok(finding(
        "reissues by somebody who never had a role in the merchant",
        strangers.map(|act| act.id).collect(),
    ))
}
