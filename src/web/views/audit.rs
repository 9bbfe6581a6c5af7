//! Owns the audit log's page and the one line an event is, here and in Activity.
//! Must not know the log's form or chain.

use super::frame::Frame;
use super::ui::{Pager, When};
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
pub struct Index {
    /// Frame.
    pub frame: Frame,
    /// Events, newest first.
    pub events: Vec<Event>,
    /// First page and older page.
    pub pager: Pager,
}
