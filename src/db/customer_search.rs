//! Finding customers by what a person types or pastes: exact hits first, then words anywhere in name, address or ID.
//!
//! Whoever is asked for is mostly among the newest, or a word is rare: so some of the newest are looked through, and what is still
//! missing is asked of an index, trigrams for three letters and more, prefixes below. Must not know how a page is made up.

use std::ops::Range;

use diesel::{
    BoolExpressionMethods, EscapeExpressionMethods, ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, RunQueryDsl,
    TextExpressionMethods, sql_types::BigInt,
};

use super::{
    DbConn, Error, Scope, coupons, customer_stretches,
    customers::{COLUMNS, Row},
    fixed::{Bind, Fixed},
    schema::{customers as c, rewards},
};
use crate::domain::{
    coupon::CouponState,
    customer::Customer,
    email::account_key,
    fold,
    ids::{CustomerNo, RewardNo},
    pasted::Term,
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

/// So many of the newest are looked through before an index is asked: half a millisecond, and a page where one in forty has the words.
pub const NEWEST: i64 = 2_000;

/// So many stretches that are not ruled out are looked through after them, a millisecond each at most.
const STRETCHES: usize = 4;

/// So many of the newest and of the oldest customers tell what most of all have.
const SOME: i64 = 100;

/// Everyone with exactly this e-mail, customer ID or coupon code; nobody twice. The term counts as it is; where that names nobody, the one
/// address in it, and then the codes that may be meant.
pub fn exact(conn: &mut DbConn, scope: Scope, text: &str) -> Result<Vec<ExactHit>, Error> {
    let term = Term::read(text);
    let mut hits = by_address(conn, scope, account_key(&term.itself))?;
    hits.extend(by_id(conn, scope, &term.itself)?);
    hits.extend(by_code(conn, scope, &term)?);
    if hits.is_empty()
        && let Some(address) = &term.address
    {
        hits = by_address(conn, scope, address.as_str().to_owned())?;
    }
    if hits.is_empty()
        && let Some(bare) = &term.bare
    {
        hits = by_id(conn, scope, bare)?;
    }
    let mut seen = std::collections::HashSet::new();
    hits.retain(|hit| seen.insert(hit.customer.no));
    Ok(hits)
}

fn by_address(conn: &mut DbConn, scope: Scope, address: String) -> Result<Vec<ExactHit>, Error> {
    let rows: Vec<Row> =
        c::table.filter(c::merchant_id.eq(scope.merchant().0)).filter(c::email.eq(address)).select(COLUMNS).limit(1).load(conn)?;
    Ok(rows.into_iter().map(|row| ExactHit { customer: row.into(), by: MatchedBy::Email }).collect())
}

fn by_id(conn: &mut DbConn, scope: Scope, id: &str) -> Result<Vec<ExactHit>, Error> {
    let key = fold::for_search(id);
    if key.is_empty() {
        return Ok(vec![]);
    }
    let mine = c::table.filter(c::merchant_id.eq(scope.merchant().0)).filter(c::id_key.eq(key));
    let rows: Vec<Row> = mine.order(c::id.desc()).limit(50).select(COLUMNS).load(conn)?;
    Ok(rows.into_iter().map(|row| ExactHit { customer: row.into(), by: MatchedBy::CustomerId }).collect())
}

fn by_code(conn: &mut DbConn, scope: Scope, term: &Term) -> Result<Vec<ExactHit>, Error> {
    let Some(found) = coupons::find_pasted(conn, scope, term)? else { return Ok(vec![]) };
    let Some(reward) = found.reward else { return Ok(vec![]) };
    let owner: Vec<Row> = c::table
        .inner_join(rewards::table.on(rewards::customer.eq(c::id).and(rewards::merchant_id.eq(c::merchant_id))))
        .filter(rewards::merchant_id.eq(scope.merchant().0))
        .filter(rewards::id.eq(reward.0))
        .select(COLUMNS)
        .load(conn)?;
    let by = MatchedBy::Code { reward, state: found.state };
    Ok(owner.into_iter().map(|row| ExactHit { customer: row.into(), by: by.clone() }).collect())
}

/// Up to `limit` customers below `before`, newest first, in whose name, e-mail or ID every word of `term` occurs.
/// Words too short for trigrams narrow the result; a term of nothing but such words goes to [`prefix`].
pub fn words(conn: &mut DbConn, scope: Scope, term: &str, before: Option<CustomerNo>, limit: i64) -> Result<Vec<Customer>, Error> {
    let key = fold::for_search(term);
    // "Smith, Jo": the commas belong to the sentence.
    let words: Vec<&str> = key.split(' ').map(|word| word.trim_end_matches([',', ';'])).filter(|w| !w.is_empty()).collect();
    if !words.iter().any(|word| is_long(word)) {
        return if before.is_some() { Ok(vec![]) } else { prefix(conn, scope, &words, limit) };
    }
    let below = before.map_or(i64::MAX, |no| no.0);
    let mine = c::table.filter(c::merchant_id.eq(scope.merchant().0)).filter(c::id.lt(below));
    let next: Option<i64> = mine.order(c::id.desc()).offset(NEWEST).select(c::id).first(conn).optional()?;
    let mut rows = among(conn, scope, &words, next.map_or(0, |id| id + 1)..below, limit)?;
    if let Some(id) = next {
        rows.extend(indexed(conn, scope, &words, id + 1, missing(limit, &rows))?);
    }
    Ok(rows.into_iter().map(Customer::from).collect())
}

/// Whether [`words`] can say who comes after those it found: a term of nothing but short words has one page.
pub fn has_pages(term: &str) -> bool {
    fold::for_search(term).split(' ').any(|word| is_long(word.trim_end_matches([',', ';'])))
}

/// Whether trigrams can find the word.
fn is_long(word: &str) -> bool {
    word.chars().count() >= TRIGRAM
}

/// How many are still to be found.
fn missing(limit: i64, rows: &[Row]) -> i64 {
    limit - i64::try_from(rows.len()).unwrap_or(limit)
}

/// Looks through the customers with these numbers, from the newest on.
fn among(conn: &mut DbConn, scope: Scope, words: &[&str], numbers: Range<i64>, limit: i64) -> Result<Vec<Row>, Error> {
    let mut query = c::table
        .filter(c::merchant_id.eq(scope.merchant().0))
        .filter(c::id.ge(numbers.start))
        .filter(c::id.lt(numbers.end))
        .order(c::id.desc())
        .limit(limit)
        .select(COLUMNS)
        .into_boxed();
    for word in words {
        // Joined to nothing the text is not what the trigram index is on: PostgreSQL would go through all who have a common word.
        query = query.filter(c::search.concat("").like(anywhere(word)).escape('\\'));
    }
    Ok(query.load(conn)?)
}

/// The same for all below a number, by an index.
fn indexed(conn: &mut DbConn, scope: Scope, words: &[&str], mut below: i64, limit: i64) -> Result<Vec<Row>, Error> {
    if limit <= 0 {
        return Ok(vec![]);
    }
    if let DbConn::Sqlite(_) = conn {
        let telling = telling(conn, scope, words, below)?;
        if telling.is_empty() {
            return among(conn, scope, words, 0..below, limit);
        }
        let found = streamed(conn, scope, words, &telling, below, limit)?;
        let mine = c::table.filter(c::merchant_id.eq(scope.merchant().0));
        return Ok(mine.filter(c::id.eq_any(found)).order(c::id.desc()).select(COLUMNS).load(conn)?);
    }
    // Words of names stand close together: few stretches are left, or they are everywhere and the first ones fill the page.
    let few = i64::try_from(STRETCHES).unwrap_or(i64::MAX);
    let stretches = customer_stretches::perhaps_in(conn, scope, words, below, few + 1)?;
    let mut rows = vec![];
    for stretch in stretches.iter().take(STRETCHES) {
        let numbers = customer_stretches::numbers(*stretch);
        rows.extend(among(conn, scope, words, numbers.start..numbers.end.min(below), missing(limit, &rows))?);
        below = numbers.start;
        if missing(limit, &rows) <= 0 {
            return Ok(rows);
        }
    }
    if stretches.len() > STRETCHES {
        rows.extend(by_trigrams(conn, scope, words, below, missing(limit, &rows))?);
    }
    Ok(rows)
}

/// Of the words that trigrams can find those that an index is worth asking for: not what most of some customers have, such as a mail
/// domain, since an index goes through everybody who has it. Some are the newest, others the oldest: what only stands close together is
/// not with both.
fn telling<'w>(conn: &mut DbConn, scope: Scope, words: &[&'w str], below: i64) -> Result<Vec<&'w str>, Error> {
    let mut telling: Vec<&str> = words.iter().copied().filter(|word| is_long(word)).collect();
    if words.len() > 1 {
        let mine = c::table.filter(c::merchant_id.eq(scope.merchant().0)).filter(c::id.lt(below));
        let mut some: Vec<String> = mine.order(c::id.desc()).limit(SOME).select(c::search).load(conn)?;
        some.extend(mine.order(c::id.asc()).limit(SOME).select(c::search).load::<String>(conn)?);
        telling.retain(|word| 4 * some.iter().filter(|text| text.contains(word)).count() <= 3 * some.len());
    }
    Ok(telling)
}

/// PostgreSQL's trigram index knows no order: all who have the words are fetched and sorted.
fn by_trigrams(conn: &mut DbConn, scope: Scope, words: &[&str], below: i64, limit: i64) -> Result<Vec<Row>, Error> {
    let telling = telling(conn, scope, words, below)?;
    if telling.is_empty() {
        return among(conn, scope, words, 0..below, limit);
    }
    let mine = c::table.filter(c::merchant_id.eq(scope.merchant().0)).select(COLUMNS);
    // By a sum, so that no index is in this order: PostgreSQL would walk along it past all who do not have the words.
    let mut query = mine.filter(c::id.lt(below)).order((c::id + 0).desc()).limit(limit).into_boxed();
    for word in words {
        query = if telling.contains(word) {
            query.filter(c::search.like(anywhere(word)).escape('\\'))
        } else {
            query.filter(c::search.concat("").like(anywhere(word)).escape('\\'))
        };
    }
    Ok(query.load(conn)?)
}

/// FTS5 answers from the newest on and stops when there are enough; its whole answer may be half of all customers. Its phrases
/// are narrowed by what it is not asked or does not know: the other words, and the merchant, older than whose first nobody is looked at.
fn streamed(conn: &mut DbConn, scope: Scope, words: &[&str], telling: &[&str], below: i64, limit: i64) -> Result<Vec<i64>, Error> {
    let merchant = Bind::Number(scope.merchant().0);
    let phrases: Vec<String> = telling.iter().map(|word| format!("\"{}\"", word.replace('"', "\"\""))).collect();
    let phrases = phrases.join(" AND ");
    let patterns: Vec<String> = words.iter().map(|word| anywhere(word)).collect();
    let mut text = "SELECT c.id FROM customers_search s CROSS JOIN customers c ON c.id = s.rowid \
         WHERE s.customers_search MATCH ? AND s.rowid < ? AND s.rowid >= (SELECT min(id) FROM customers WHERE merchant_id = ?) \
         AND c.merchant_id = ?"
        .to_owned();
    let mut binds = vec![Bind::Text(&phrases), Bind::Number(below), merchant, merchant];
    for pattern in &patterns {
        text.push_str(" AND c.search LIKE ? ESCAPE '\\'");
        binds.push(Bind::Text(pattern));
    }
    text.push_str(" ORDER BY s.rowid DESC LIMIT ?");
    binds.push(Bind::Number(limit));
    Ok(Fixed::<BigInt>::new(&text, &binds).load(conn)?)
}

/// One or two letters: whoever's first name, last name, ID or e-mail begins with the first word and who has the others somewhere.
fn prefix(conn: &mut DbConn, scope: Scope, words: &[&str], limit: i64) -> Result<Vec<Customer>, Error> {
    let Some((first, rest)) = words.split_first() else { return Ok(vec![]) };
    if matches!(conn, DbConn::Postgres(_))
        && !rest.is_empty()
        && customer_stretches::perhaps_in(conn, scope, words, i64::MAX, 1)?.is_empty()
    {
        return Ok(vec![]);
    }
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
                // As in `among`: a plan for any pattern may ask the trigram index, which for two letters reads all of it.
                query = query.filter(c::search.concat("").like(anywhere(word)).escape('\\'));
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

/// The pattern of texts in which the word occurs.
fn anywhere(word: &str) -> String {
    format!("%{}%", word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}
