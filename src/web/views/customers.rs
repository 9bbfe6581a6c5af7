//! Owns the customers list, its search results, and the profile.

use super::audit::Event;
use super::frame::Frame;
use super::mails::MailItem as Mail;
use super::rewards::RewardItem as Reward;
use super::ui::{Badge, Fact, Pager, TextLink, When};
use askama::Template;

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
