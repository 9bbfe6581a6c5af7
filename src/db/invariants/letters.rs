//! Codes of batches that ignore case are told apart by their letters: those must be kept as the
//! code has them. Compared in Rust where the databases would fold differently from each other and
//! from us.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Nullable, Text},
};

use super::{super::schema::coupons as c, DbConn, Error, Finding, InvariantProbe, finding, run};
use crate::domain::{code, fold};

/// Plain letters, which both databases fold as we do: `lower` knows ASCII only on `SQLite`, and in
/// the collation "C".
const PLAIN: InvariantProbe = InvariantProbe {
    what: "coupons whose letters without case are kept wrongly",
    sql: "SELECT c.id FROM coupons c JOIN batches b ON b.id = c.batch_id WHERE (c.folded_code IS \
        NULL) <> b.case_sensitive \
          OR (octet_length(c.code) = length(c.code) AND lower(c.code) <> c.folded_code)",
};

#[derive(QueryableByName)]
struct StoredCode {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    code: String,
    #[diesel(sql_type = Nullable<Text>)]
    folded_code: Option<String>,
}

const PAGE_ROWS: usize = 10_000;

pub(super) fn wrongly_folded(conn: &mut DbConn) -> Result<Vec<Finding>, Error> {
    let mut findings: Vec<Finding> = run(conn, &PLAIN)?.into_iter().collect();
    let (mut after, mut wrong) = (i64::MIN, Vec::new());
    loop {
        let sql = format!(
            "SELECT id, code, folded_code FROM coupons WHERE id > {after} AND folded_code IS NOT \
             NULL AND octet_length(code) > length(code) \
             ORDER BY id LIMIT {PAGE_ROWS}"
        );
        let rows: Vec<StoredCode> = diesel::sql_query(sql).load(conn)?;
        // Also as a version before kept them, which took a code's letters as the file had them.
        let is_right = |row: &StoredCode| {
            row.folded_code
                .as_ref()
                .is_some_and(|kept| code::stored_letters(&row.code).contains(kept))
        };
        wrong.extend(rows.iter().filter(|row| !is_right(row)).map(|row| row.id));
        match rows.last() {
            Some(last) if rows.len() == PAGE_ROWS => after = last.id,
            _ => break,
        }
    }
    findings.extend(finding("coupons whose letters beyond ASCII are kept wrongly", wrong));
    Ok(findings)
}

#[derive(QueryableByName)]
struct Live {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    merchant_id: i64,
    #[diesel(sql_type = Text)]
    code: String,
}

/// A coupon that somebody can redeem now, or may get.
const IS_LIVE: &str = "state IN ('available', 'allocated') AND barred_at IS NULL";

/// Codes that are one code today, although a version before took them for two: they stay until
/// somebody bars one.
pub(super) fn one_code_twice(conn: &mut DbConn) -> Result<Option<Finding>, Error> {
    let (mut after, mut twice) = (i64::MIN, Vec::new());
    loop {
        let sql = format!(
            "SELECT id, merchant_id, code FROM coupons WHERE id > {after} AND octet_length(code) \
             > length(code) AND {IS_LIVE} \
             ORDER BY id LIMIT {PAGE_ROWS}"
        );
        let rows: Vec<Live> = diesel::sql_query(sql).load(conn)?;
        for row in &rows {
            let code = fold::nfc(&row.code);
            if *code == row.code {
                continue;
            }
            let composed =
                c::table.filter(c::merchant_id.eq(row.merchant_id)).filter(c::code.eq(&*code));
            let live = composed
                .filter(c::barred_at.is_null())
                .filter(c::state.eq_any(["available", "allocated"]));
            twice.extend(live.select(c::id).first::<i64>(conn).optional()?);
        }
        match rows.last() {
            Some(last) if rows.len() == PAGE_ROWS => after = last.id,
            _ => break,
        }
    }
    Ok(finding(
        "coupons whose code is another usable coupon's too, typed in other Unicode characters; \
         bar one of the two",
        twice,
    ))
}
