//! Mails to users about a merchant's stock: one alert, or a day's alerts together. Rendered once,
//! when it is queued.

use askama::Template;

use super::presentable::{display_name, short_line};
use crate::domain::{
    email::{EmailAddress, Mailbox},
    mail::Letter,
    merchant::Merchant,
    stock_alert::AlertKind,
};

/// One alert and where it leads.
#[derive(Debug, Clone)]
pub struct MailedAlert<'a> {
    pub batch: &'a str,
    pub kind: AlertKind,
    pub codes_left: i64,
    /// The batch's "Add vouchers".
    pub link: String,
}

/// What the mail says.
#[derive(Debug)]
pub struct AlertFacts<'a> {
    pub merchant: &'a Merchant,
    pub desk: &'a Mailbox,
    pub recipient: &'a EmailAddress,
    pub alerts: Vec<MailedAlert<'a>>,
    /// Where one chooses how to hear of the stock.
    pub choose: String,
    pub message_id: String,
}

#[derive(Template)]
#[template(path = "mails/alert.html")]
struct AlertHtml<'a>(&'a AlertCopy);

#[derive(Template)]
#[template(path = "mails/alert.txt")]
struct AlertText<'a>(&'a AlertCopy);

struct AlertCopy {
    merchant: String,
    subject: String,
    lines: Vec<AlertSection>,
    choose: String,
}

struct AlertSection {
    title: String,
    text: String,
    act: &'static str,
    link: String,
}

/// Renders the mail.
///
/// Errors: a defect of the templates; there is no input that makes one.
pub fn compose(facts: &AlertFacts<'_>) -> Result<Letter, askama::Error> {
    let merchant = short_line(&facts.merchant.name, 80);
    let lines: Vec<AlertSection> = facts.alerts.iter().map(item).collect();
    let subject = match lines.as_slice() {
        [only] => format!("{} ({merchant})", only.title),
        many => format!("{} stock alerts ({merchant})", many.len()),
    };
    let words = AlertCopy { merchant, subject, lines, choose: facts.choose.clone() };
    Ok(Letter {
        message_id: facts.message_id.clone(),
        sender: Mailbox {
            name: Some(display_name("Reward Desk")),
            address: facts.desk.address.clone(),
        }
        .to_string(),
        recipient: facts.recipient.to_string(),
        subject: words.subject.clone(),
        text: AlertText(&words).render()?,
        html: AlertHtml(&words).render()?,
    })
}

fn item(alert: &MailedAlert<'_>) -> AlertSection {
    let batch = short_line(alert.batch, 120);
    let left = match alert.codes_left {
        0 => "No usable codes are left.".to_owned(),
        1 => "1 usable code is left.".to_owned(),
        n => format!("{n} usable codes are left."),
    };
    let (title, text) = match alert.kind {
        AlertKind::Threshold => (
            format!("{batch} is running low"),
            format!("{left} This is at or below its threshold."),
        ),
        AlertKind::Half => (format!("{batch} is at half its threshold"), left),
        AlertKind::Tenth => (format!("{batch} is at a tenth of its threshold"), left),
        AlertKind::RunOut => (
            format!("{batch} has run out"),
            "No usable codes are left. Rewards from this batch can't be reissued until vouchers \
             are added."
                .to_owned(),
        ),
        AlertKind::Reserve => (
            format!("{batch} has reached its reserve"),
            format!("{left} This is fewer than the number kept for reissues."),
        ),
        AlertKind::Expiring => (
            format!("{batch} is expiring"),
            format!("{left} Customers who get a code now have little time to use it."),
        ),
        AlertKind::Expired => (
            format!("{batch} has expired"),
            "Its codes can't be handed out any \
            more."
                .to_owned(),
        ),
    };
    let act = if matches!(alert.kind, AlertKind::Expiring | AlertKind::Expired) {
        "Adjust validity or add vouchers"
    } else {
        "Add vouchers"
    };
    AlertSection { title, text, act, link: alert.link.clone() }
}
