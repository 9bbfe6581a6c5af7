//! The mail that carries the audit logs' heads out of the machine. Rendered once, when it is
//! queued.

use askama::Template;

use super::presentable::display_name;
use crate::domain::{
    email::{EmailAddress, Mailbox},
    mail::Letter,
};

/// A log and its newest seal, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogHeadCopy {
    pub log: String,
    /// As many records are sealed.
    pub count: i64,
    pub digest: String,
    /// What proves the log against it.
    pub command: String,
}

/// What the mail says.
#[derive(Debug)]
pub struct HeadsFacts<'a> {
    pub desk: &'a Mailbox,
    /// Where the desk is reached.
    pub address: &'a str,
    pub recipient: &'a EmailAddress,
    /// Such as "24 Nov 2026, 07:00 UTC".
    pub at: String,
    pub heads: Vec<LogHeadCopy>,
    pub message_id: String,
}

#[derive(Template)]
#[template(path = "mails/heads.html")]
struct HeadsHtml<'a>(&'a HeadsFacts<'a>);

#[derive(Template)]
#[template(path = "mails/heads.txt")]
struct HeadsText<'a>(&'a HeadsFacts<'a>);

/// Renders the mail.
///
/// Errors: a defect of the templates; there is no input that makes one.
pub fn compose(facts: &HeadsFacts<'_>) -> Result<Letter, askama::Error> {
    Ok(Letter {
        message_id: facts.message_id.clone(),
        sender: Mailbox {
            name: Some(display_name("Reward Desk")),
            address: facts.desk.address.clone(),
        }
        .to_string(),
        recipient: facts.recipient.to_string(),
        subject: format!("Audit log heads, {}", facts.at),
        text: HeadsText(facts).render()?,
        html: HeadsHtml(facts).render()?,
    })
}
