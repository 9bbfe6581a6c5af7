//! Whether the audit record of each reissue says what the reissue says. Compared in Rust: a record
//! that somebody has made unreadable must be a finding, not a failed statement.

use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Bool, Nullable, Text},
};

use super::{DbConn, Error, Finding, finding};

#[derive(QueryableByName)]
struct Pair {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    details: String,
    /// What the columns of the record and of the reissue have in common is compared by the
    /// database.
    #[diesel(sql_type = Bool)]
    same: bool,
    #[diesel(sql_type = Bool)]
    email_requested: bool,
    #[diesel(sql_type = Nullable<Text>)]
    old_code: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    new_code: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    reward_id: Option<String>,
}

const PAGE_ROWS: usize = 5_000;

pub(super) fn that_tell_another_story(conn: &mut DbConn) -> Result<Option<Finding>, Error> {
    let (mut after, mut wrong) = (i64::MIN, Vec::new());
    loop {
        let sql = format!(
            "SELECT a.id, a.details, i.email_requested, o.code AS old_code, n.code AS new_code, \
             r.reward_id, \
                 (a.actor_kind = 'user' AND a.user_id = i.user_id AND a.customer = i.customer AND \
                 a.reward = i.reward \
                  AND coalesce(a.batch_id, i.batch_id) = i.batch_id) IS TRUE AS same \
             FROM audit_records a JOIN reissues i ON i.id = a.reissue_id AND i.merchant_id = \
             a.merchant_id \
             LEFT JOIN coupons o ON o.id = i.old_coupon_id LEFT JOIN coupons n ON n.id = \
             i.new_coupon_id \
             LEFT JOIN rewards r ON r.id = i.reward \
             WHERE a.action = 'coupon.reissued' AND a.id > {after} ORDER BY a.id LIMIT {PAGE_ROWS}"
        );
        let pairs: Vec<Pair> = diesel::sql_query(sql).load(conn)?;
        wrong.extend(pairs.iter().filter(|pair| !(pair.same && agrees(pair))).map(|pair| pair.id));
        match pairs.last() {
            Some(last) if pairs.len() == PAGE_ROWS => after = last.id,
            _ => {
                return Ok(finding(
                    "audit records that tell another story than their reissue",
                    wrong,
                ));
            }
        }
    }
}

fn agrees(pair: &Pair) -> bool {
    let Ok(details) = serde_json::from_str::<serde_json::Value>(&pair.details) else {
        return false;
    };
    let says = |key: &str, text: &Option<String>| {
        text.is_some() && details.get(key).and_then(|v| v.as_str()) == text.as_deref()
    };
    says("old_code", &pair.old_code)
        && says("new_code", &pair.new_code)
        && says("reward_id", &pair.reward_id)
        && details.get("email_requested").and_then(serde_json::Value::as_bool)
            == Some(pair.email_requested)
}
