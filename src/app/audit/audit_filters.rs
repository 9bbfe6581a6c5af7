//! The filters of the audit log's page, from what is typed to what is looked for.

use crate::{
    app::{Desk, Error, Member},
    db::{
        DbConn, audit_log, coupons,
        customer_search::{self, MatchedBy},
        customers, users,
    },
    domain::{
        Invalid,
        audit::{Action, NewRecord},
        audit_filter::{ActorFilter, AuditFilter},
        customer::Customer,
        ids::{CouponId, CustomerNo, UserId},
        pasted::Term,
        zone::{self, Bound},
    },
};

/// A field of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterField {
    Who,
    Customer,
    Action,
    Code,
    From,
    To,
}

impl FilterField {
    pub const ALL: [Self; 6] =
        [Self::Who, Self::Customer, Self::Action, Self::Code, Self::From, Self::To];

    /// Its name in forms and addresses. `q` is the only part of an address that may hold a code
    /// (guarantee S7).
    pub fn name(self) -> &'static str {
        match self {
            Self::Who => "who",
            Self::Customer => "customer",
            Self::Action => "action",
            Self::Code => "q",
            Self::From => "from",
            Self::To => "to",
        }
    }
}

/// What was typed or chosen; empty where nothing was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubmittedFilters {
    pub who: String,
    pub customer: String,
    pub action: String,
    pub code: String,
    pub from: String,
    pub to: String,
}

impl SubmittedFilters {
    pub fn get(&self, field: FilterField) -> &str {
        match field {
            FilterField::Who => &self.who,
            FilterField::Customer => &self.customer,
            FilterField::Action => &self.action,
            FilterField::Code => &self.code,
            FilterField::From => &self.from,
            FilterField::To => &self.to,
        }
    }

    pub fn is_empty(&self) -> bool {
        FilterField::ALL.into_iter().all(|field| self.get(field).is_empty())
    }
}

/// What was typed, understood.
#[derive(Debug, Clone, Default)]
pub struct CheckedFilters {
    pub filter: AuditFilter,
    /// What cannot be taken, and why; nothing is looked for then.
    pub invalid: Vec<(FilterField, Invalid)>,
    /// Whom the filter names.
    pub user: Option<String>,
    pub customer: Option<Customer>,
    /// The code that the filter names, as it was uploaded.
    pub code: Option<String>,
}

/// The longest text that is looked at; nothing one filters by is longer.
const MAX_FILTER_CHARS: usize = 300;

/// Understands what was typed. Dates are days in the merchant's zone, `to` with its whole day.
pub(in crate::app) fn judge(
    conn: &mut DbConn,
    desk: &Desk,
    member: &Member,
    typed: &SubmittedFilters,
) -> Result<CheckedFilters, Error> {
    let mut judged = CheckedFilters::default();
    let (scope, zone) = (member.scope, member.merchant.zone);
    let mut invalid = Vec::new();
    if !typed.who.is_empty() {
        match who(conn, member, &typed.who)? {
            Some((who, name)) => (judged.filter.who, judged.user) = (Some(who), name),
            None => invalid.push((
                FilterField::Who,
                Invalid::because(
                    "No user with that number has ever done anything at this merchant. Choose \
                     someone from the list.",
                ),
            )),
        }
    }
    if !typed.customer.is_empty() {
        match customer(conn, member, &typed.customer) {
            Ok(found) => (judged.filter.customer, judged.customer) = (Some(found.no), Some(found)),
            Err(Error::Invalid(why)) => {
                invalid.push((FilterField::Customer, Invalid::because(why.to_string())));
            }
            Err(error) => return Err(error),
        }
    }
    if !typed.action.is_empty() {
        judged.filter.action =
            Action::ALL.iter().copied().find(|action| action.as_str() == typed.action);
        if judged.filter.action.is_none() {
            invalid.push((
                FilterField::Action,
                Invalid::because("This action doesn't exist. Choose one from the list."),
            ));
        }
    }
    if !typed.code.is_empty() {
        match coupons::find_pasted(conn, scope, &Term::read(&typed.code))?.as_slice() {
            [found] => {
                (judged.filter.coupon, judged.code) =
                    (Some(found.id), Some(found.code.to_string()));
            }
            [_, _, ..] => invalid.push((
                FilterField::Code,
                Invalid::because(
                    "This matches more than one code. Type the code exactly as in its batch, with \
                     its hyphens and without spaces.",
                ),
            )),
            [] => invalid.push((
                FilterField::Code,
                Invalid::because(
                    "No batch of this merchant has that code. Paste the full code; an old one is \
                     fine.",
                ),
            )),
        }
    }
    let mut date = |field: FilterField, bound| match typed.get(field) {
        "" => None,
        text => zone::parse_instant(text, zone, bound)
            .map_err(|_| {
                let example = zone::editable(
                    zone::first_instant(desk.clock.now().with_timezone(&zone).date_naive(), zone),
                    zone,
                    Bound::Start,
                );
                invalid.push((
                    field,
                    Invalid::because(format!("This isn't a date. Write it like {example}.")),
                ));
            })
            .ok(),
    };
    judged.filter.from = date(FilterField::From, Bound::Start);
    judged.filter.until = date(FilterField::To, Bound::End);
    if let (Some(from), Some(until)) = (judged.filter.from, judged.filter.until)
        && from >= until
    {
        invalid.push((
            FilterField::To,
            Invalid::because("This day is before the start. Choose a later day, or swap the two."),
        ));
    }
    judged.invalid = invalid;
    Ok(judged)
}

/// Text as it came in, without what no field needs.
pub fn plain(text: &str) -> String {
    text.trim().chars().filter(|c| *c != '\0').take(MAX_FILTER_CHARS).collect()
}

/// "cli", "system", or the number of a user of this merchant, also of one who was removed.
fn who(
    conn: &mut DbConn,
    member: &Member,
    text: &str,
) -> Result<Option<(ActorFilter, Option<String>)>, Error> {
    match text {
        "cli" => Ok(Some((ActorFilter::Cli, None))),
        "system" => Ok(Some((ActorFilter::System, None))),
        number => {
            let Some(id) = number.parse().ok().filter(|n| *n > 0).map(UserId) else {
                return Ok(None);
            };
            // Users of other merchants are nobody's business here.
            let is_known = users::find_member(conn, member.scope, id)?.is_some()
                || audit_log::actors(conn, member.scope)?.contains(&id);
            let name = if is_known { audit_log::names_of(conn, &[id])?.pop() } else { None };
            Ok(name.map(|(id, name)| (ActorFilter::User(id), Some(name))))
        }
    }
}

/// The customer by the desk's number, e-mail or customer ID.
///
/// Errors: [`Error::Invalid`] where the text names nobody, or more than one.
fn customer(conn: &mut DbConn, member: &Member, text: &str) -> Result<Customer, Error> {
    let number = text.parse().ok().filter(|n| *n > 0).map(CustomerNo);
    if let Some(no) = number
        && let Some(found) = customers::find(conn, member.scope, no)?
    {
        return Ok(found);
    }
    let mut hits = customer_search::exact(conn, member.scope, text)?;
    hits.retain(|hit| !matches!(hit.by, MatchedBy::Code { .. }));
    match (hits.pop(), hits.is_empty()) {
        (Some(only), true) => Ok(only.customer),
        (Some(_), false) => Err(Invalid::because(
            "Several customers have that customer ID. Type the email of the one you mean.",
        )
        .into()),
        (None, _) => Err(Invalid::because(
            "No customer has that number, email or customer ID. Find the customer first; the \
             profile links to their records.",
        )
        .into()),
    }
}

/// The record of an export with these filters: numbers only, no person and no code.
pub(in crate::app) fn noted(mut record: NewRecord, filter: &AuditFilter) -> NewRecord {
    record = match filter.who {
        Some(ActorFilter::User(UserId(id))) => record.detail("of_user", id),
        Some(ActorFilter::Cli) => record.detail("of_actor", "cli"),
        Some(ActorFilter::System) => record.detail("of_actor", "system"),
        None => record,
    };
    if let Some(CustomerNo(no)) = filter.customer {
        record = record.detail("of_customer", no);
    }
    if let Some(action) = filter.action {
        record = record.detail("of_action", action.as_str());
    }
    if let Some(CouponId(id)) = filter.coupon {
        record = record.detail("coupon", id);
    }
    for (key, at) in [("of_from", filter.from), ("of_until", filter.until)] {
        if let Some(at) = at {
            record = record.detail(key, zone::rfc3339(at));
        }
    }
    record
}
