//! The fulfilment e-mail: the standard mail that carries the code, in the merchant's name. Rendered
//! once, when it is queued (guarantee R9).

use askama::Template;
use chrono::{DateTime, Utc};

use super::presentable::{display_name, first_name, line, short_line};
use crate::domain::{
    code::CouponCode, email::EmailAddress, email::Mailbox, mail::Letter, merchant::Merchant, zone,
};

/// Everything the mail says.
#[derive(Debug, Clone)]
pub struct FulfilmentFacts<'a> {
    pub merchant: &'a Merchant,
    /// The sender for merchants that have none of their own.
    pub desk: &'a Mailbox,
    pub recipient: &'a EmailAddress,
    pub first_name: Option<&'a str>,
    pub title: &'a str,
    pub code: &'a CouponCode,
    pub pin: Option<&'a str>,
    /// When it can first be used, if that still lies ahead.
    pub valid_from: Option<DateTime<Utc>>,
    pub valid_until: Option<DateTime<Utc>>,
    /// The code came in the place of an earlier one.
    pub replaces: bool,
    pub message_id: String,
}

#[derive(Template)]
#[template(path = "mails/fulfilment.html")]
struct FulfilmentHtml<'a>(&'a FulfilmentCopy);

#[derive(Template)]
#[template(path = "mails/fulfilment.txt")]
struct FulfilmentText<'a>(&'a FulfilmentCopy);

/// The facts as one-line texts. The text template is not escaped: nothing in here holds a line
/// break.
struct FulfilmentCopy {
    merchant: String,
    first_name: Option<String>,
    title: String,
    code: String,
    pin: Option<String>,
    valid_from: Option<String>,
    valid_until: Option<String>,
    replaces: bool,
    subject: String,
    code_size: u8,
}

/// Renders the mail.
///
/// Errors: a defect of the templates; there is no input that makes one.
pub fn compose(facts: &FulfilmentFacts<'_>) -> Result<Letter, askama::Error> {
    let words = FulfilmentCopy::of(facts);
    Ok(Letter {
        message_id: facts.message_id.clone(),
        sender: sender(facts.merchant, facts.desk),
        recipient: facts.recipient.to_string(),
        subject: words.subject.clone(),
        text: FulfilmentText(&words).render()?,
        html: FulfilmentHtml(&words).render()?,
    })
}

impl FulfilmentCopy {
    fn of(facts: &FulfilmentFacts<'_>) -> Self {
        let zone = facts.merchant.zone;
        let merchant = short_line(&facts.merchant.name, 80);
        let code = line(facts.code.as_str());
        Self {
            // No code in the subject: it is read over shoulders and on locked screens.
            subject: format!(
                "Your {} from {merchant}",
                if facts.replaces { "new code" } else { "code" }
            ),
            first_name: facts.first_name.and_then(first_name),
            title: short_line(facts.title, 160),
            pin: facts.pin.map(line).filter(|pin| !pin.is_empty()),
            valid_from: facts.valid_from.map(|at| zone::show(at, zone)),
            valid_until: facts.valid_until.map(|at| zone::show_end(at, zone)),
            replaces: facts.replaces,
            code_size: match code.chars().count() {
                0..=13 => 30,
                14..=20 => 24,
                21..=36 => 20,
                _ => 16,
            },
            merchant,
            code,
        }
    }
}

/// The merchant's own sender, or the desk's address in the merchant's name.
fn sender(merchant: &Merchant, desk: &Mailbox) -> String {
    let (name, address) = match &merchant.mail_from {
        Some(own) => (own.name.as_deref().unwrap_or(&merchant.name), &own.address),
        None => (merchant.name.as_str(), &desk.address),
    };
    let name = display_name(name);
    Mailbox { name: (!name.is_empty()).then_some(name), address: address.clone() }.to_string()
}

#[cfg(test)]
#[path = "fulfilment_tests.rs"]
mod tests;
