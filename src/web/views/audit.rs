//! Owns the audit log's page and the one line an event is, here and in Activity.

use super::frame::Frame;
use super::ui::{Pager, TextLink, When};
use askama::Template;

/// One event in plain words.
#[derive(Clone, Debug)]
pub struct Event {
    /// "Coupon reissued", "E-mail sent to jo@…", "Signed in".
    pub text: String,
    /// Codes it speaks of, old before new; usually none, one or two.
    pub codes: Vec<String>,
    /// More in one sentence, or empty.
    pub detail: String,
    /// Who did it: a name, "the command line" or "the desk".
    pub who: String,
    /// When.
    pub when: When,
    /// Whom or what it is about, for the audit log.
    pub subject: String,
    /// Where that is.
    pub href: Option<String>,
}

/// `GET /m/{merchant}/audit`.
#[derive(Debug, Template)]
#[template(path = "audit/index.html")]
pub struct AuditLogPage {
    /// Frame.
    pub frame: Frame,
    /// This page without filters.
    pub here: String,
    pub filters: Filters,
    /// What is filtered, each with the address of the page without it.
    pub chips: Vec<TextLink>,
    /// Records, newest first.
    pub entries: Vec<AuditLogItem>,
    pub screen: AuditLogScreen,
    /// First page and older page.
    pub pager: Pager,
    /// For those who may export.
    pub export: Option<ExportForm>,
}

/// Which screen it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditLogScreen {
    Records,
    /// Nothing was ever written down.
    Empty,
    NoMatch,
    /// A filter can't be taken.
    Invalid,
}

impl AuditLogScreen {
    pub fn is_empty(self) -> bool {
        self == Self::Empty
    }

    pub fn is_no_match(self) -> bool {
        self == Self::NoMatch
    }

    pub fn is_invalid(self) -> bool {
        self == Self::Invalid
    }
}

/// The form of the filters.
#[derive(Clone, Debug)]
pub struct Filters {
    pub who: Select,
    pub action: Select,
    /// Customer, code, first and last day, in this order.
    pub inputs: Vec<FilterInput>,
}

/// A choice from groups.
#[derive(Clone, Debug)]
pub struct Select {
    pub name: &'static str,
    pub label: &'static str,
    /// What no choice is called.
    pub none: &'static str,
    pub groups: Vec<FilterGroup>,
    pub error: Option<String>,
}

/// Choices that belong together.
#[derive(Clone, Debug)]
pub struct FilterGroup {
    pub label: &'static str,
    pub options: Vec<FilterChoice>,
}

/// A choice.
#[derive(Clone, Debug)]
pub struct FilterChoice {
    pub value: String,
    pub label: String,
    pub is_chosen: bool,
}

/// A field to be typed in.
#[derive(Clone, Debug)]
pub struct FilterInput {
    pub name: &'static str,
    pub label: &'static str,
    pub value: String,
    /// "text", or "date" where what was typed is one.
    pub kind: &'static str,
    pub hint: &'static str,
    /// Whether it holds a code.
    pub is_code: bool,
    pub error: Option<String>,
}

/// The export of what is shown, with its filters as hidden fields.
#[derive(Clone, Debug)]
pub struct ExportForm {
    pub action: String,
    pub fields: Vec<(&'static str, String)>,
}

/// A record: its line, and all that is known of it.
#[derive(Clone, Debug)]
pub struct AuditLogItem {
    pub event: Event,
    /// "record 1,234".
    pub number: String,
    pub facts: Vec<RecordFact>,
}

/// One thing that a record says.
#[derive(Clone, Debug, Default)]
pub struct RecordFact {
    pub label: String,
    /// The value before, where there is one.
    pub old: Option<String>,
    pub text: String,
    /// A moment after the text, or in its place.
    pub when: Option<When>,
    /// Whether the values are codes.
    pub is_code: bool,
    pub href: Option<String>,
}
