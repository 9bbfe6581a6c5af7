//! What the mail says, and what hostile input does in it: nothing.
#![allow(clippy::unwrap_used, reason = "tests may stop at the first surprise")]

use chrono::TimeZone;

use super::*;
use crate::domain::{
    ids::MerchantId,
    merchant::{Slug, StockRules},
};

fn merchant(name: &str) -> Merchant {
    Merchant {
        id: MerchantId(1),
        slug: Slug::stored("acme".into()),
        name: name.into(),
        zone: chrono_tz::Europe::London,
        ticket_url: None,
        requires_second_factor: false,
        account_manager: None,
        stock_rules: StockRules::default(),
        mail_from: None,
    }
}

fn composed(change: impl FnOnce(&mut FulfilmentFacts<'_>)) -> Letter {
    composed_for(&merchant("Acme Coffee"), change)
}

fn composed_for(merchant: &Merchant, change: impl FnOnce(&mut FulfilmentFacts<'_>)) -> Letter {
    let desk = Mailbox::parse("Desk <desk@desk.example>").unwrap();
    let (recipient, code) = (
        EmailAddress::parse("jo@customer.example").unwrap(),
        CouponCode::parse("SUMMER-7Q0O-1L").unwrap(),
    );
    let mut facts = FulfilmentFacts {
        merchant,
        desk: &desk,
        recipient: &recipient,
        first_name: Some("Jo"),
        title: "£10 off your next order",
        code: &code,
        pin: None,
        valid_from: None,
        valid_until: Some(Utc.with_ymd_and_hms(2026, 10, 3, 23, 0, 0).unwrap()),
        replaces: true,
        message_id: "mail-1@desk.example".into(),
    };
    change(&mut facts);
    compose(&facts).unwrap()
}

#[test]
fn the_mail_says_what_the_customer_needs() {
    let letter = composed(|f| f.pin = Some("0042"));
    assert_eq!(letter.subject, "Your new code from Acme Coffee");
    assert_eq!(letter.sender, "Acme Coffee <desk@desk.example>");
    assert_eq!(letter.recipient, "jo@customer.example");
    assert_eq!(
        letter.text,
        "Hello Jo,

Here is a new code for your reward from Acme Coffee:
£10 off your next order

    Code: SUMMER-7Q0O-1L
    PIN:  0042

It is valid until 3 Oct 2026, 23:59 BST.
Enter it exactly as it is shown here.

It replaces your earlier code, which no longer works. You can delete the earlier email.

Please keep this code to yourself: anyone who has it can use it.

Best wishes,
Acme Coffee

-- 
This email was sent to you because you earned a reward from Acme Coffee."
    );
    for said in [
        "Hello Jo,",
        "£10 off your next order",
        ">SUMMER-7Q0O-1L<",
        ">0042<",
        "3 Oct 2026, 23:59 BST",
        "no longer works",
    ] {
        assert!(letter.html.contains(said), "{said}");
    }
}

#[test]
fn a_code_that_replaces_nothing_says_nothing_of_an_earlier_one() {
    let letter = composed(|f| {
        f.replaces = false;
        f.first_name = None;
        f.valid_until = None;
        f.valid_from = Some(Utc.with_ymd_and_hms(2027, 1, 1, 0, 0, 0).unwrap());
    });
    assert_eq!(letter.subject, "Your code from Acme Coffee");
    assert_eq!(
        letter.text,
        "Hello,

Here is the code for your reward from Acme Coffee:
£10 off your next order

    Code: SUMMER-7Q0O-1L

It can be used from 1 Jan 2027, 00:00 GMT.
Enter it exactly as it is shown here.

Please keep this code to yourself: anyone who has it can use it.

Best wishes,
Acme Coffee

-- 
This email was sent to you because you earned a reward from Acme Coffee."
    );
    assert!(!letter.html.contains("earlier code") && !letter.html.contains("valid until"));
}

#[test]
fn the_code_is_in_the_body_only() {
    let letter = composed(|_| ());
    assert!(!letter.subject.contains("SUMMER"));
    let (before, _) = letter.html.split_once("role=\"presentation\"").unwrap();
    assert!(!before.contains("SUMMER"), "the title or the preview holds the code");
    assert_eq!(letter.html.matches("SUMMER-7Q0O-1L").count(), 1);
}

#[test]
fn the_mail_loads_nothing_and_links_nowhere() {
    let html = composed(|_| ()).html;
    for part in ["<img", "<a ", "href", "src=", "url(", "http", "<script", "@import", "<link"] {
        assert!(!html.contains(part), "{part}");
    }
}

#[test]
fn the_merchants_own_sender_comes_first() {
    let mut own = merchant("Acme Coffee");
    own.mail_from = Some(Mailbox::parse("Rewards <rewards@acme.example>").unwrap());
    assert_eq!(composed_for(&own, |_| ()).sender, "Rewards <rewards@acme.example>");
    own.mail_from = Some(Mailbox::parse("rewards@acme.example").unwrap());
    assert_eq!(composed_for(&own, |_| ()).sender, "Acme Coffee <rewards@acme.example>");
}

const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "Jo\r\nBcc: all@customer.example\r\n\r\nBuy now",
    "x\u{2028}y\u{85}z\u{b}",
    "</td></table></body>",
    "{{ 7*7 }}{% raw %}",
    "\u{202e}moc.elpmaxe",
    "javascript:alert(1)//",
];

#[test]
fn hostile_text_does_nothing() {
    let benign = composed(|f| f.pin = Some("1"));
    for text in HOSTILE {
        let evil = merchant(text);
        let letter = composed_for(&evil, |f| {
            f.first_name = Some(text);
            f.title = text;
            f.pin = Some(text);
        });
        let tags = |html: &str| html.matches('<').count();
        assert!(tags(&letter.html) == tags(&benign.html), "{text:?} made or closed a tag");
        assert_eq!(
            letter.text.lines().count(),
            benign.text.lines().count(),
            "{text:?} broke a line"
        );
        for field in [&letter.subject, &letter.sender, &letter.recipient] {
            assert!(!field.chars().any(char::is_control), "{field:?}");
        }
        assert!(Mailbox::parse(&letter.sender).is_ok(), "{:?}", letter.sender);
        assert!(!letter.text.contains(['\u{202e}', '\u{2028}', '\u{85}']));
    }
}

#[test]
fn a_hostile_code_is_shown_as_it_is() {
    let code: &'static CouponCode = Box::leak(Box::new(CouponCode::parse("<b>&\"'A</b>").unwrap()));
    let letter = composed(|f| f.code = code);
    assert!(letter.text.contains("    Code: <b>&\"'A</b>\n"));
    assert!(letter.html.contains("&#60;b&#62;&#38;&#34;&#39;A&#60;/b&#62;"));
}
