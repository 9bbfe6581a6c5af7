//! Finding customers by what a person types or pastes: exact hits first, then words anywhere in name, address or ID.
//! Served by indexes on both engines: trigrams for three letters and more, prefixes below.

use diesel::{
    BoolExpressionMethods, EscapeExpressionMethods, ExpressionMethods, JoinOnDsl, QueryDsl, RunQueryDsl, TextExpressionMethods,
    dsl::sql,
    sql_types::{Bool, Text},
};

use super::{
    DbConn, Error, Scope, coupons,
    customers::{COLUMNS, Row},
    schema::{customers as c, rewards},
};
use crate::domain::{
    code,
    coupon::CouponState,
    customer::Customer,
    fold,
    ids::{CustomerNo, RewardNo},
};

/// What an exact term turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MatchedBy {
    Email,
    CustomerId,
    /// A coupon's code, current or replaced.
    Code {
        reward: RewardNo,
        state: CouponState,
    },
}

/// A customer who has exactly this e-mail, customer ID or code.
#[derive(Debug, Clone)]
pub struct ExactHit {
    pub customer: Customer,
    pub by: MatchedBy,
}

/// The shortest word that trigrams can find.
const TRIGRAM: usize = 3;

/// Everyone with exactly this e-mail, customer ID or coupon code; nobody twice.
pub fn exact(conn: &mut DbConn, scope: Scope, term: &str) -> Result<Vec<ExactHit>, Error> {
    let term = code::trimmed(term);
    let key = fold::for_search(term);
    if key.is_empty() {
        return Ok(vec![]);
    }
    let merchant = scope.merchant().0;
    let mut hits: Vec<ExactHit> = Vec::new();
    let by_email: Vec<Row> =
        c::table.filter(c::merchant_id.eq(merchant)).filter(c::email.eq(term.to_lowercase())).select(COLUMNS).limit(1).load(conn)?;
    let by_id: Vec<Row> =
        c::table.filter(c::merchant_id.eq(merchant)).filter(c::id_key.eq(key)).order(c::id.desc()).limit(50).select(COLUMNS).load(conn)?;
    hits.extend(by_email.into_iter().map(|row| ExactHit { customer: row.into(), by: MatchedBy::Email }));
    hits.extend(by_id.into_iter().map(|row| ExactHit { customer: row.into(), by: MatchedBy::CustomerId }));
    if let Some(found) = coupons::find_by_code(conn, scope, term)?
        && let Some(reward) = found.reward
    {
        let owner: Vec<Row> = c::table
            .inner_join(rewards::table.on(rewards::customer.eq(c::id).and(rewards::merchant_id.eq(c::merchant_id))))
            .filter(rewards::merchant_id.eq(merchant))
            .filter(rewards::id.eq(reward.0))
            .select(COLUMNS)
            .load(conn)?;
        let by = MatchedBy::Code { reward, state: found.state };
        hits.extend(owner.into_iter().map(|row| ExactHit { customer: row.into(), by: by.clone() }));
    }
    let mut seen = std::collections::HashSet::new();
    hits.retain(|hit| seen.insert(hit.customer.no));
    Ok(hits)
}

/// Up to `limit` customers below `before`, newest first, in whose name, e-mail or ID every word of `term` occurs.
/// Words too short for trigrams narrow the result; a term of nothing but such words goes to [`prefix`].
pub fn words(conn: &mut DbConn, scope: Scope, term: &str, before: Option<CustomerNo>, limit: i64) -> Result<Vec<Customer>, Error> {
    let key = fold::for_search(term);
    let words: Vec<&str> = key.split(' ').filter(|w| !w.is_empty()).collect();
    if words.iter().all(|w| w.chars().count() < TRIGRAM) {
        return if before.is_some() { Ok(vec![]) } else { prefix(conn, scope, &words, limit) };
    }
    let mut query = c::table
        .filter(c::merchant_id.eq(scope.merchant().0))
        .filter(c::id.lt(before.map_or(i64::MAX, |no| no.0)))
        .order(c::id.desc())
        .limit(limit)
        .select(COLUMNS)
        .into_boxed();
    for word in &words {
        query = query.filter(c::search.like(format!("%{}%", escape_like(word))).escape('\\'));
    }
    if matches!(conn, DbConn::Sqlite(_)) {
        // The conditions above are the truth; this one lets SQLite find candidates by its trigram index.
        let phrases: Vec<String> =
            words.iter().filter(|w| w.chars().count() >= TRIGRAM).map(|w| format!("\"{}\"", w.replace('"', "\"\""))).collect();
        query = query.filter(
            sql::<Bool>("customers.id IN (SELECT rowid FROM customers_search WHERE customers_search MATCH ")
                .bind::<Text, _>(phrases.join(" AND "))
                .sql(")"),
        );
    }
    Ok(query.load::<Row>(conn)?.into_iter().map(Customer::from).collect())
}

/// One or two letters: whoever's first name, last name, ID or e-mail begins with the first word and who has the others somewhere.
fn prefix(conn: &mut DbConn, scope: Scope, words: &[&str], limit: i64) -> Result<Vec<Customer>, Error> {
    let Some((first, rest)) = words.split_first() else { return Ok(vec![]) };
    // In byte order nothing that begins with the word sorts behind this.
    let (from, to) = ((*first).to_owned(), format!("{first}\u{10ffff}"));
    let mut rows: Vec<Row> = Vec::new();
    macro_rules! by {
        ($column:expr) => {{
            let mut query = c::table
                .filter(c::merchant_id.eq(scope.merchant().0))
                .filter($column.ge(from.clone()))
                .filter($column.lt(to.clone()))
                .order(($column.asc(), c::id.asc()))
                .limit(limit)
                .select(COLUMNS)
                .into_boxed();
            for word in rest {
                query = query.filter(c::search.like(format!("%{}%", escape_like(word))).escape('\\'));
            }
            rows.extend(query.load::<Row>(conn)?);
        }};
    }
    by!(c::last_key);
    by!(c::first_key);
    by!(c::id_key);
    by!(c::email);
    let mut seen = std::collections::HashSet::new();
    let mut found: Vec<Customer> = rows.into_iter().map(Customer::from).filter(|customer| seen.insert(customer.no)).collect();
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found)
}

fn escape_like(word: &str) -> String {
    word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}
