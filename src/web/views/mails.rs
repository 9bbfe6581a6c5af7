//! Owns the Emails section, one mail's page, and the answer to Resend.

use super::frame::Frame;
use super::rewards::RewardItem;
use super::ui::{Fact, Status, Toast, When};
use askama::Template;

/// One mail in the Emails section.
#[derive(Clone, Debug)]
pub struct MailItem {
    /// The desk's number, in `id="mail-{n}"`.
    pub n: i64,
    /// Its page.
    pub href: String,
    /// Its subject.
    pub subject: String,
    /// Whom it went to.
    pub to: String,
    /// When it was asked for.
    pub when: When,
    /// "asked for by Kim Brook", or empty.
    pub origin: String,
    /// Queued, sent, failed because; in order of time, the last one counts.
    pub steps: Vec<Status>,
    /// Where Resend posts to, when it may be sent again.
    pub resend_action: Option<String>,
}

/// `GET …/mails/{id}`.
#[derive(Debug, Template)]
#[template(path = "mails/show.html")]
pub struct MailPage {
    /// Frame.
    pub frame: Frame,
    /// Back to the profile.
    pub back_href: String,
    /// The customer's name.
    pub back_label: String,
    /// The subject.
    pub subject: String,
    /// From, To, Message-ID, asked for by.
    pub headers: Vec<Fact>,
    /// Queued, sent, failed because.
    pub steps: Vec<Status>,
    /// The address of its HTML, served with its own policy; none when there is none.
    pub html_src: Option<String>,
    /// The text version.
    pub text: String,
    /// Where Resend posts to.
    pub resend_action: Option<String>,
}

/// Answer to Resend as a fragment: row, Emails section and toast each go to their place.
#[derive(Debug, Template)]
#[template(path = "mails/resend.html")]
pub struct Resend {
    /// The reward's row; none if the page has none.
    pub row: Option<RewardItem>,
    /// The whole Emails section.
    pub emails: Vec<MailItem>,
    /// Says that it is queued again, and to whom.
    pub toast: Toast,
}
