//! Mails to users about a merchant's stock: one alert, or a day's alerts together. Rendered once,
//! when it is queued.

use askama::Template;

use super::presentable::{display_name, short_line};
use crate::domain::{
    email::{EmailAddress, Mailbox},
    mail::Letter,
    merchant::Merchant,
    stock_alert::StockThreshold,
};

/// One alert and where it leads.
#[derive(Debug, Clone)]
pub struct RaisedAlert<'a> {
    pub batch: &'a str,
    pub line: StockThreshold,
    pub codes_left: i64,
    /// The batch's "Add vouchers".
    pub link: String,
}

/// What the mail says.
#[derive(Debug)]
pub struct Facts<'a> {
    pub merchant: &'a Merchant,
    pub desk: &'a Mailbox,
    pub recipient: &'a EmailAddress,
    pub alerts: Vec<RaisedAlert<'a>>,
    /// Where one chooses how to hear of the stock.
    pub choose: String,
    pub message_id: String,
}

#[derive(Template)]
#[template(path = "mails/alert.html")]
struct Html<'a>(&'a AlertCopy);

#[derive(Template)]
#[template(path = "mails/alert.txt")]
struct Text<'a>(&'a AlertCopy);

struct AlertCopy {
    merchant: String,
    subject: String,
    lines: Vec<Item>,
    choose: String,
}

struct Item {
    title: String,
    text: String,
    act: &'static str,
    link: String,
}

/// Renders the mail.
///
/// Errors: a defect of the templates; there is no input that makes one.
pub fn compose(facts: &Facts<'_>) -> Result<Letter, askama::Error> {
    let merchant = short_line(&facts.merchant.name, 80);
    let lines: Vec<Item> = facts.alerts.iter().map(item).collect();
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
        text: Text(&words).render()?,
        html: Html(&words).render()?,
    })
}

fn item(told: &RaisedAlert<'_>) -> Item {
    let batch = short_line(told.batch, 120);
    let left = match told.codes_left {
        0 => "No usable code is left.".to_owned(),
        1 => "1 usable code is left.".to_owned(),
        n => format!("{n} usable codes are left."),
    };
    let (title, text) = match told.line {
        StockThreshold::Threshold => (
            format!("{batch} is running low"),
            format!(
                "{left} That is at or \
            below its threshold."
            ),
        ),
        StockThreshold::Half => (format!("{batch} is at half its threshold"), left),
        StockThreshold::Tenth => (format!("{batch} is at a tenth of its threshold"), left),
        StockThreshold::RunOut => (
            format!("{batch} has run out"),
            "No usable code is left. Rewards of this batch can't be reissued until vouchers are \
             added."
                .to_owned(),
        ),
        StockThreshold::Reserve => (
            format!("{batch} has touched its reserve"),
            format!(
                "{left} That is \
            less than what is kept for reissues."
            ),
        ),
        StockThreshold::Expiring => (
            format!("{batch} is expiring"),
            format!(
                "{left} A code handed out now leaves its \
                customer little time to use it."
            ),
        ),
        StockThreshold::Expired => (
            format!("{batch} has expired"),
            "Its codes can't be handed out any \
            more."
                .to_owned(),
        ),
    };
    let act = if matches!(told.line, StockThreshold::Expiring | StockThreshold::Expired) {
        "Adjust validity or add vouchers"
    } else {
        "Add vouchers"
    };
    Item { title, text, act, link: told.link.clone() }
}
