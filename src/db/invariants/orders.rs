//! Orders are compared as texts: those must be kept in their one form. Compared in Rust, since
//! SQLite does not know Unicode's forms.

use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Text},
};

use super::{DbConn, Error, Finding, finding};
use crate::domain::redemption::OrderNumber;

#[derive(QueryableByName)]
struct StoredOrder {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    order_id: String,
}

/// How many rows are read at once.
const PAGE_ROWS: usize = 10_000;

pub(super) fn in_another_form(conn: &mut DbConn) -> Result<Option<Finding>, Error> {
    let (mut after, mut wrong) = (i64::MIN, Vec::new());
    loop {
        // ASCII was trimmed before it was stored, and has one form only.
        let sql = format!(
            "SELECT id, order_id FROM redemptions WHERE id > {after} AND octet_length(order_id) > \
             length(order_id) ORDER BY id LIMIT {PAGE_ROWS}"
        );
        let rows: Vec<StoredOrder> = diesel::sql_query(sql).load(conn)?;
        let other = |row: &&StoredOrder| {
            OrderNumber::of(&row.order_id).is_none_or(|number| number.as_str() != row.order_id)
        };
        wrong.extend(rows.iter().filter(other).map(|row| row.id));
        match rows.last() {
            Some(last) if rows.len() == PAGE_ROWS => after = last.id,
            _ => {
                return Ok(finding(
                    "redemptions whose order is not kept trimmed and in Unicode's form NFC",
                    wrong,
                ));
            }
        }
    }
}
