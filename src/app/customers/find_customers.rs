//! The customers list and its search.

use chrono::{DateTime, Utc};

use crate::{
    app::{Desk, Error, Member},
    db::{customer_search, customers, reissues},
    domain::{customer::Customer, ids::CustomerNo, reissue::EarlierReissue},
};

pub use customer_search::MatchedBy;

/// How many rows a page has.
pub const PAGE: usize = 50;

/// A customer in the list.
#[derive(Debug, Clone)]
pub struct CustomerMatch {
    pub customer: Customer,
    pub last_activity: Option<DateTime<Utc>>,
    /// Set for an exact hit.
    pub matched: Option<MatchedBy>,
    /// For a hit by a replaced code: what replaced it.
    pub replaced_by: Option<EarlierReissue>,
}

/// A page of the list.
#[derive(Debug, Clone)]
pub struct CustomerList {
    pub rows: Vec<CustomerMatch>,
    /// Where the next page begins.
    pub older: Option<CustomerNo>,
    /// The one customer the term names exactly, if it is one.
    pub only_exact: Option<CustomerNo>,
    /// The search ended at its bound: more people may match than it has looked at.
    pub is_cut: bool,
}

/// What somebody wants who searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The one customer whom the term names exactly, and the list only where it does not.
    Person,
    List,
}

/// A page of all customers (an empty `term`) or of those who match it, newest first, exact hits on
/// top of the first page. Where a person is wanted and found, nobody else is looked for.
pub fn find_customers(
    desk: &Desk,
    member: &Member,
    term: &str,
    before: Option<CustomerNo>,
    wanted: Wanted,
) -> Result<CustomerList, Error> {
    let scope = member.scope;
    let term = term.trim();
    desk.db.read(|conn| {
        let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
        let exact =
            if term.is_empty() { vec![] } else { customer_search::exact(conn, scope, term)? };
        let mut is_cut = false;
        let mut listed = if wanted == Wanted::Person && exact.len() == 1 {
            vec![]
        } else if term.is_empty() {
            customers::list(conn, scope, before, limit)?
        } else {
            let found = customer_search::words(conn, scope, term, before, limit)?;
            is_cut = found.is_cut;
            found.customers
        };
        // Those who come after a page that was cut are not known.
        let has_pages = term.is_empty() || (!is_cut && customer_search::has_pages(term));
        let older = (has_pages && listed.len() > PAGE)
            .then(|| listed.get(PAGE - 1).map(|c| c.no))
            .flatten();
        listed.truncate(PAGE);
        let is_exact = |no: CustomerNo| exact.iter().any(|hit| hit.customer.no == no);
        listed.retain(|customer| !is_exact(customer.no));
        let only_exact = if let [one] = exact.as_slice() { Some(one.customer.no) } else { None };
        let mut rows: Vec<CustomerMatch> = Vec::with_capacity(listed.len() + exact.len());
        for hit in exact.into_iter().filter(|_| before.is_none()) {
            let replaced_by = match hit.by {
                MatchedBy::Code { reward, .. } => {
                    reissues::list_of_rewards(conn, scope, &[reward.0])?
                        .pop()
                        .map(|(_, earlier)| earlier)
                }
                _ => None,
            };
            rows.push(CustomerMatch {
                customer: hit.customer,
                last_activity: None,
                matched: Some(hit.by),
                replaced_by,
            });
        }
        rows.extend(listed.into_iter().map(|customer| CustomerMatch {
            customer,
            last_activity: None,
            matched: None,
            replaced_by: None,
        }));
        let numbers: Vec<CustomerNo> = rows.iter().map(|row| row.customer.no).collect();
        let activity: std::collections::HashMap<_, _> =
            customers::last_activity(conn, scope, &numbers)?.into_iter().collect();
        for row in &mut rows {
            row.last_activity = activity.get(&row.customer.no).copied();
        }
        Ok(CustomerList { rows, older, only_exact, is_cut })
    })
}
