//! The customers list and the profile.
//! Owns the customers list, its search results, and the profile.

use askama::Template;

use crate::{
    app::{
        Member,
        customers::{
            find_customers::{CustomerList, CustomerMatch, MatchedBy},
            show_customer::{Cursors, Profile, ProfileCounts},
        },
    },
    domain::{
        audit::AuditRecord, coupon::CouponState, customer::Customer, email::EmailAddress,
        role::Permission, zone,
    },
    web::{
        audit::records::Event,
        customers::customer_acts,
        mails::MailItem as Mail,
        rewards::{self, RewardItem as Reward},
        shared::{
            addresses,
            errors::Error,
            format::{plural, when},
            frame::Frame,
            ui::{Badge, Fact, Pager, TextLink, Tone, When},
        },
    },
};

/// Said where the search ended at its bound.
const MORE_MATCH: &str = "More people match. Type another letter or the surname.";

/// A page of the list. `later` is set when it is not the first one.
pub fn results(member: &Member, term: &str, later: bool, page: &CustomerList) -> Results {
    let all_href = addresses::customers(&member.merchant);
    let query = if term.is_empty() {
        String::new()
    } else {
        format!("q={}&", url::form_urlencoded::byte_serialize(term.as_bytes()).collect::<String>())
    };
    let context = match (term.is_empty(), term.chars().count() < 3, page.rows.len()) {
        _ if page.is_cut => MORE_MATCH.to_owned(),
        (true, _, _) => "Newest customers first".to_owned(),
        (false, true, _) => {
            "Names, IDs and addresses starting with these letters; type a third letter to search \
             everywhere"
                .to_owned()
        }
        (false, false, n) if page.older.is_none() && !later => {
            plural(i64::try_from(n).unwrap_or_default(), "match").replace("matchs", "matches")
        }
        _ => "Exact matches first, then newest first".to_owned(),
    };
    Results {
        screen: match (page.rows.is_empty(), term.is_empty() && !later) {
            (false, _) => CustomerListScreen::Rows,
            (true, _) if page.is_cut => CustomerListScreen::Cut,
            (true, true) => CustomerListScreen::Empty,
            (true, false) => CustomerListScreen::NoMatch,
        },
        query: term.to_owned(),
        context,
        rows: page.rows.iter().map(|found| list_row(member, found)).collect(),
        pager: Pager {
            first_href: later
                .then(|| format!("{all_href}?{query}").trim_end_matches(['?', '&']).to_owned()),
            older_href: page.older.map(|no| format!("{all_href}?{query}before={no}")),
        },
        all_href,
    }
}

/// `q=…`, encoded.
pub fn query(term: &str) -> String {
    format!("q={}", url::form_urlencoded::byte_serialize(term.as_bytes()).collect::<String>())
}

/// The list that could not be loaded: a screen of its own, with a way to try again.
pub fn failed(member: &Member, term: &str, error: &Error) -> Results {
    let context = match error {
        Error::Busy => "The desk is busy. Nothing was saved. Try again in a few seconds.",
        _ => "The database couldn't be read. Nothing was changed.",
    };
    Results {
        screen: CustomerListScreen::Failed,
        query: term.to_owned(),
        all_href: addresses::customers(&member.merchant),
        context: context.to_owned(),
        rows: vec![],
        pager: Pager::default(),
    }
}

fn list_row(member: &Member, found: &CustomerMatch) -> CustomerItem {
    let customer = &found.customer;
    CustomerItem {
        href: addresses::customer(&member.merchant, customer.no),
        name: customer.display_name(),
        email: customer.email.as_ref().map(EmailAddress::shown).unwrap_or_default(),
        customer_id: customer.customer_id.clone().unwrap_or_default(),
        badges: badges(customer),
        last_activity: found.last_activity.map(|at| when(member, at)),
        matched: found.matched.as_ref().and_then(|by| matched(member, by, found)),
    }
}

fn matched(member: &Member, by: &MatchedBy, found: &CustomerMatch) -> Option<String> {
    match (by, &found.replaced_by) {
        (MatchedBy::Code { state: CouponState::Replaced, .. }, Some(earlier)) => Some(format!(
            "Code {}: replaced on {} by {}, now {}",
            earlier.old_code,
            zone::show_day(earlier.at, member.merchant.zone),
            earlier.by_name,
            earlier.new_code
        )),
        (MatchedBy::Code { .. }, _) => Some("Has this code".to_owned()),
        (MatchedBy::Email | MatchedBy::CustomerId, _) => None,
    }
}

fn badges(customer: &Customer) -> Vec<Badge> {
    let badge = |tone, text: &str| Badge { tone, text: text.to_owned() };
    let mut badges = Vec::new();
    if customer.purged_at.is_some() {
        badges.push(badge(Tone::Quiet, "Purged"));
    }
    if customer.blocked.is_some() {
        badges.push(badge(Tone::Bad, "Blocked"));
    }
    if !customer.receives_emails {
        badges.push(badge(Tone::Notice, "Emails off"));
    }
    badges
}

fn notes(member: &Member, customer: &Customer) -> Vec<String> {
    let zone = member.merchant.zone;
    let mut notes = Vec::new();
    if let Some(at) = customer.purged_at {
        let purged = customer_acts::purged_in_words(member, at, customer.purged_by.as_deref());
        notes.push(format!(
            "{purged}. Rewards and the audit log stay, without the person. Nothing can be reissued \
             or sent."
        ));
    }
    if let Some(blocked) = &customer.blocked {
        let by = blocked.by.as_ref().map(|name| format!(" by {name}")).unwrap_or_default();
        let reason =
            blocked.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        notes.push(format!(
            "Blocked on {}{by}{reason}. Coupons can't be reissued until they're unblocked.",
            zone::show(blocked.at, zone)
        ));
    }
    if !customer.receives_emails && customer.purged_at.is_none() {
        notes.push(
            "Emails are turned off. Coupons can be reissued, but no email can be sent.".to_owned(),
        );
    }
    notes
}

/// The events of the profile.
pub fn activity(member: &Member, events: &[AuditRecord]) -> Vec<Event> {
    events.iter().map(|event| crate::web::audit::records::own_event(member, event)).collect()
}

/// What the profile counts.
pub fn facts(member: &Member, customer: &Customer, counts: &ProfileCounts) -> Vec<Fact> {
    let fact = |label: &str, text: String| Fact { label: label.to_owned(), text, when: None };
    let moment = |label: &str, at| Fact {
        label: label.to_owned(),
        text: String::new(),
        when: Some(when(member, at)),
    };
    let count =
        |n: usize| crate::web::shared::format::grouped(i64::try_from(n).unwrap_or(i64::MAX));
    let more = |n: usize, more: bool| format!("{}{}", count(n), if more { "+" } else { "" });
    let mut facts = vec![
        Fact {
            when: Some(crate::web::shared::format::day(member, customer.created_at)),
            ..fact("Customer since", String::new())
        },
        fact("Rewards", more(counts.rewards, counts.has_more_rewards)),
        fact("Codes that don't work", count(counts.broken)),
        fact("Emails", more(counts.emails, counts.has_more_emails)),
    ];
    facts.extend(counts.last_activity.map(|at| moment("Last activity", at)));
    facts.extend(customer.locale.as_ref().map(|locale| fact("Locale", locale.clone())));
    facts
}

/// The profile's page.
pub fn profile(
    frame: Frame,
    member: &Member,
    profile: &Profile,
    from: Cursors,
    back_href: String,
) -> CustomerPage {
    let customer = &profile.customer;
    let here = addresses::customer(&member.merchant, customer.no);
    CustomerPage {
        frame,
        back_href,
        name: customer.display_name(),
        email: customer.email.as_ref().map(EmailAddress::shown).unwrap_or_default(),
        customer_id: customer.customer_id.clone().unwrap_or_default(),
        flags: badges(customer),
        notes: notes(member, customer),
        facts: facts(member, customer, &profile.counts),
        actions: customer_acts::links(member, customer),
        rewards: profile
            .rewards
            .iter()
            .map(|row| rewards::row(member, row, &profile.who_can, profile.now))
            .collect(),
        rewards_pager: Pager {
            first_href: from.rewards.map(|_| format!("{here}#rewards")),
            older_href: profile.older.rewards.map(|no| format!("{here}?rewards={no}#rewards")),
        },
        emails: crate::web::mails::items(member, customer.no, &profile.emails),
        emails_pager: Pager {
            first_href: from.emails.map(|_| format!("{here}#emails")),
            older_href: profile.older.emails.map(|id| format!("{here}?emails={id}#emails")),
        },
        audit_href: member
            .role
            .may(Permission::SeeAuditLog)
            .then(|| addresses::audit_log_of(&member.merchant, customer.no)),
        activity: activity(member, &profile.events),
        activity_pager: Pager {
            first_href: from.events.map(|_| format!("{here}#activity")),
            older_href: profile.older.events.map(|id| format!("{here}?events={id}#activity")),
        },
    }
}

/// `GET /m/{merchant}/customers`.
#[derive(Debug, Template)]
#[template(path = "customers/index.html")]
pub struct CustomerListPage {
    /// Frame; its `search_value` is the query.
    pub frame: Frame,
    /// Where the search box asks while typing: this page's path without a query.
    pub search_href: String,
    /// The list.
    pub results: Results,
}

/// The same address as a fragment, while typing.
#[derive(Debug, Template)]
#[template(path = "customers/results.html")]
pub struct CustomerResults {
    /// The list.
    pub results: Results,
}

/// Which of the five screens the list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomerListScreen {
    /// There are rows.
    Rows,
    /// The merchant has no customers yet.
    Empty,
    /// Nobody matches the query.
    NoMatch,
    /// Nobody was found before the search ended at its bound.
    Cut,
    /// The list could not be loaded.
    Failed,
}

impl CustomerListScreen {
    /// Whether there is no customer at all.
    pub fn is_empty(self) -> bool {
        self == Self::Empty
    }
    /// Whether nothing matches.
    pub fn is_no_match(self) -> bool {
        self == Self::NoMatch
    }
    /// Whether the search ended before it found anybody.
    pub fn is_cut(self) -> bool {
        self == Self::Cut
    }
    /// Whether loading failed.
    pub fn is_failed(self) -> bool {
        self == Self::Failed
    }
}

/// A page of customers.
#[derive(Clone, Debug)]
pub struct Results {
    /// Which screen.
    pub screen: CustomerListScreen,
    /// The query as typed, trimmed; empty for the whole list.
    pub query: String,
    /// This page's path without a query, to show all.
    pub all_href: String,
    /// One line above the list: "Newest activity first", "Best match first".
    pub context: String,
    /// The rows.
    pub rows: Vec<CustomerItem>,
    /// First page and older page.
    pub pager: Pager,
}

/// One customer in the list.
#[derive(Clone, Debug)]
pub struct CustomerItem {
    /// The profile, with the list's query kept in it where wanted.
    pub href: String,
    /// The name; the e-mail where there is none.
    pub name: String,
    /// The e-mail; empty after a purge.
    pub email: String,
    /// The merchant's own reference; may be empty.
    pub customer_id: String,
    /// "E-mails off", "Blocked", "Purged".
    pub badges: Vec<Badge>,
    /// Last activity.
    pub last_activity: Option<When>,
    /// Why it is found, when that can't be seen: "Code ABC-1, replaced on 3 Oct 2026 by Kim, now
    /// XYZ-2".
    pub matched: Option<String>,
}

/// `GET /m/{merchant}/customers/{id}`; with 409 the same page, the reason at the reward's row.
#[derive(Debug, Template)]
#[template(path = "customers/show.html")]
pub struct CustomerPage {
    /// Frame; `flash` holds the message of a success or refusal that came without htmx.
    pub frame: Frame,
    /// Back to the list, its filters kept.
    pub back_href: String,
    /// The heading: the name, or the e-mail, or "Purged customer".
    pub name: String,
    /// The e-mail; empty after a purge.
    pub email: String,
    /// The merchant's own reference; may be empty.
    pub customer_id: String,
    /// "E-mails off", "Blocked", "Purged".
    pub flags: Vec<Badge>,
    /// Sentences that explain the flags: "Blocked by Kim on …: chargeback". May be empty.
    pub notes: Vec<String>,
    /// Key dates and counts, four to six.
    pub facts: Vec<Fact>,
    /// Other acts on this customer for those who may.
    pub actions: Vec<TextLink>,
    /// Rewards, newest first.
    pub rewards: Vec<Reward>,
    /// First page and older page of the rewards.
    pub rewards_pager: Pager,
    /// Mails, newest first.
    pub emails: Vec<Mail>,
    /// First page and older page of the mails.
    pub emails_pager: Pager,
    /// Events, newest first.
    pub activity: Vec<Event>,
    /// The customer's part of the audit log, for those who may see it.
    pub audit_href: Option<String>,
    /// First page and older page of the activity.
    pub activity_pager: Pager,
}
