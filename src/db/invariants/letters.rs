//! Codes of batches that ignore case are told apart by their letters: those must be kept as the code has them.
//! Compared in Rust where the databases would fold differently from each other and from us.

use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Nullable, Text},
};

use super::{DbConn, Error, Finding, Probe, finding, run};
use crate::domain::fold;

/// Plain letters, which both databases fold as we do: `lower` knows ASCII only on `SQLite`, and in the collation "C".
const PLAIN: Probe = Probe {
    what: "coupons whose letters without case are kept wrongly",
    sql: "SELECT c.id FROM coupons c JOIN batches b ON b.id = c.batch_id WHERE (c.folded_code IS NULL) <> b.case_sensitive \
          OR (octet_length(c.code) = length(c.code) AND lower(c.code) <> c.folded_code)",
};

#[derive(QueryableByName)]
struct Kept {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    code: String,
    #[diesel(sql_type = Nullable<Text>)]
    folded_code: Option<String>,
}

const PAGE: usize = 10_000;

pub(super) fn wrongly_folded(conn: &mut DbConn) -> Result<Vec<Finding>, Error> {
    let mut findings: Vec<Finding> = run(conn, &PLAIN)?.into_iter().collect();
    let (mut after, mut wrong) = (i64::MIN, Vec::new());
    loop {
        let sql = format!(
            "SELECT id, code, folded_code FROM coupons WHERE id > {after} AND folded_code IS NOT NULL AND octet_length(code) > length(code) \
             ORDER BY id LIMIT {PAGE}"
        );
        let rows: Vec<Kept> = diesel::sql_query(sql).load(conn)?;
        wrong.extend(rows.iter().filter(|row| row.folded_code.as_deref() != Some(&fold::code(&row.code))).map(|row| row.id));
        match rows.last() {
            Some(last) if rows.len() == PAGE => after = last.id,
            _ => break,
        }
    }
    findings.extend(finding("coupons whose letters beyond ASCII are kept wrongly", wrong));
    Ok(findings)
}
