//! Finding customers by what a person types or pastes: exact hits first, then words anywhere in
//! name, address or ID.
//!
//! Most people who are asked for are among the newest, or a word is rare: so some of the newest are
//! looked through, and what is still missing is asked of an index, trigrams for three letters and
//! more, prefixes below.

use diesel::{BoolExpressionMethods, ExpressionMethods, JoinOnDsl, QueryDsl, RunQueryDsl};

use super::{
    DbConn, Error, Scope,
    coupons::{self, FoundCode},
    customer_lookups::{LookupStep, indexed, is_long, missing, newest, prefix},
    customers::{COLUMNS, CustomerRow},
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

/// How many of the newest are looked through before an index is asked: half a millisecond, and a
/// page where one in forty has the words.
pub const NEWEST: i64 = 2_000;

/// Everyone with exactly this email, customer ID or coupon code; nobody twice. The term counts as
/// it is, then every code that may be meant; where it names nobody as it is, also the one address
/// in it and what is left without the punctuation around it.
pub fn exact(conn: &mut DbConn, scope: Scope, text: &str) -> Result<Vec<ExactHit>, Error> {
    let term = Term::read(text);
    let mut hits = by_address(conn, scope, account_key(&term.itself))?;
    hits.extend(by_id(conn, scope, &term.itself)?);
    let coupon = coupons::find_by_code(conn, scope, &term.itself)?;
    let as_typed = by_coupon(conn, scope, coupon)?;
    let is_named = !(hits.is_empty() && as_typed.is_empty());
    let codes = if as_typed.is_empty() { by_code(conn, scope, &term)? } else { as_typed };
    if !is_named {
        if let Some(address) = &term.address {
            hits.extend(by_address(conn, scope, address.as_str().to_owned())?);
        }
        if let Some(bare) = &term.bare {
            hits.extend(by_id(conn, scope, bare)?);
        }
    }
    hits.extend(codes);
    let mut seen = std::collections::HashSet::new();
    hits.retain(|hit| seen.insert(hit.customer.no));
    Ok(hits)
}

fn by_address(conn: &mut DbConn, scope: Scope, address: String) -> Result<Vec<ExactHit>, Error> {
    let rows: Vec<CustomerRow> = c::table
        .filter(c::merchant_id.eq(scope.merchant().0))
        .filter(c::email.eq(address))
        .select(COLUMNS)
        .limit(1)
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| ExactHit { customer: row.into(), by: MatchedBy::Email })
        .collect())
}

fn by_id(conn: &mut DbConn, scope: Scope, id: &str) -> Result<Vec<ExactHit>, Error> {
    let key = fold::for_search(id);
    if key.is_empty() {
        return Ok(vec![]);
    }
    let mine = c::table.filter(c::merchant_id.eq(scope.merchant().0)).filter(c::id_key.eq(key));
    let rows: Vec<CustomerRow> = mine.order(c::id.desc()).limit(50).select(COLUMNS).load(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| ExactHit { customer: row.into(), by: MatchedBy::CustomerId })
        .collect())
}

/// By the codes that the term may mean. Where somebody has its words in their name, it is a name.
fn by_code(conn: &mut DbConn, scope: Scope, term: &Term) -> Result<Vec<ExactHit>, Error> {
    let found = coupons::find_pasted(conn, scope, term)?;
    let mut hits = vec![];
    for coupon in found {
        hits.extend(by_coupon(conn, scope, Some(coupon))?);
    }
    if !hits.is_empty() && term.may_be_a_name() {
        let named = words(conn, scope, &term.itself, None, 1)?;
        if named.is_cut || !named.customers.is_empty() {
            return Ok(vec![]);
        }
    }
    Ok(hits)
}

/// Whose reward the coupon was ever handed to.
fn by_coupon(
    conn: &mut DbConn,
    scope: Scope,
    coupon: Option<FoundCode>,
) -> Result<Vec<ExactHit>, Error> {
    let Some(found) = coupon else { return Ok(vec![]) };
    let Some(reward) = found.reward else { return Ok(vec![]) };
    let owner: Vec<CustomerRow> = c::table
        .inner_join(
            rewards::table
                .on(rewards::customer.eq(c::id).and(rewards::merchant_id.eq(c::merchant_id))),
        )
        .filter(rewards::merchant_id.eq(scope.merchant().0))
        .filter(rewards::id.eq(reward.0))
        .select(COLUMNS)
        .load(conn)?;
    let by = MatchedBy::Code { reward, state: found.state };
    Ok(owner.into_iter().map(|row| ExactHit { customer: row.into(), by: by.clone() }).collect())
}

/// Who was found by words.
#[derive(Debug)]
pub struct WordMatches {
    pub customers: Vec<Customer>,
    /// The search ended at its bound before the page was full: more people may match, and nobody
    /// can say that none does.
    pub is_cut: bool,
}

/// How many words are looked for; nobody's name has more.
const MAX_WORDS: usize = 16;

/// Up to `limit` customers below `before`, newest first, in whose name, e-mail or ID every word of
/// `term` occurs. Words too short for trigrams narrow the result; a term of nothing but such words
/// goes to [`prefix`]. However common or odd the words are, a bounded number of customers and index
/// entries is looked at.
pub fn words(
    conn: &mut DbConn,
    scope: Scope,
    term: &str,
    before: Option<CustomerNo>,
    limit: i64,
) -> Result<WordMatches, Error> {
    let key = fold::for_search(term);
    let (words, are_all) = told_apart(&key);
    let step = if words.iter().any(|word| is_long(word)) {
        let below = before.map_or(i64::MAX, |no| no.0);
        let (mut rows, next) = newest(conn, scope, &words, below, NEWEST, limit)?;
        let mut is_all = true;
        if let Some(next) = next.filter(|_| missing(limit, &rows) > 0) {
            let older = indexed(conn, scope, &words, next, missing(limit, &rows))?;
            rows.extend(older.rows);
            is_all = older.is_all;
        }
        LookupStep { rows, is_all }
    } else if before.is_some() {
        LookupStep { rows: vec![], is_all: true }
    } else {
        prefix(conn, scope, &words, limit)?
    };
    Ok(WordMatches {
        customers: step.rows.into_iter().map(Customer::from).collect(),
        is_cut: !(step.is_all && are_all),
    })
}

/// The words of a folded term, without those that occur in another one of them; the longest where
/// there are too many, and whether these are all.
fn told_apart(key: &str) -> (Vec<&str>, bool) {
    let mut words: Vec<&str> = vec![];
    // "Smith, Jo": the commas belong to the sentence.
    for word in
        key.split(' ').map(|word| word.trim_end_matches([',', ';'])).filter(|word| !word.is_empty())
    {
        if !words.iter().any(|other| other.contains(word)) {
            words.retain(|other| !word.contains(other));
            words.push(word);
        }
    }
    let are_all = words.len() <= MAX_WORDS;
    if !are_all {
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        words.truncate(MAX_WORDS);
    }
    (words, are_all)
}

/// Whether [`words`] can say who comes after those it found: a term of nothing but short words has
/// one page.
pub fn has_pages(term: &str) -> bool {
    fold::for_search(term).split(' ').any(|word| is_long(word.trim_end_matches([',', ';'])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_inside_others_are_not_looked_for_and_there_is_a_bound() {
        assert_eq!(told_apart("ann joanna ann jo smith"), (vec!["joanna", "smith"], true));
        assert_eq!(told_apart("a b"), (vec!["a", "b"], true));
        let many: Vec<String> = (0..1_000).map(|n| format!("{n:04}")).collect();
        let many = many.join(" ");
        let (words, are_all) = told_apart(&many);
        assert_eq!((words.len(), are_all), (MAX_WORDS, false));
    }
}
