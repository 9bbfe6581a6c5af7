//! The bytes on the wire.
#![allow(clippy::unwrap_used, reason = "tests may stop at the first surprise")]

use chrono::TimeZone;

use super::*;

fn letter() -> Letter {
    Letter {
        message_id: "mail-018f@desk.example".into(),
        sender: "Acme Café <rewards@acme.example>".into(),
        recipient: "jo@customer.example".into(),
        subject: "Your new code from Acme Café".into(),
        text: "Hello Zoë,\n.\nSUMMER-1\n".into(),
        html: "<p>Hello Zoë, SUMMER-1</p>".into(),
    }
}

fn queued() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 23, 12, 0, 0).unwrap()
}

fn wire(change: impl FnOnce(&mut Letter)) -> String {
    let mut letter = letter();
    change(&mut letter);
    String::from_utf8(Message::build(&letter, queued()).unwrap().bytes).unwrap()
}

/// The header's lines, unfolded.
fn headers(wire: &str) -> Vec<String> {
    let (head, _) = wire.split_once("\r\n\r\n").unwrap();
    head.replace("\r\n ", " ").split("\r\n").map(ToOwned::to_owned).collect()
}

#[test]
fn the_headers_say_who_what_and_when() {
    let wire = wire(|_| ());
    assert_eq!(
        headers(&wire),
        [
            "From: =?utf-8?b?QWNtZSBDYWbDqQ==?= <rewards@acme.example>",
            "To: jo@customer.example",
            "Subject: Your new code from Acme =?utf-8?b?Q2Fmw6k=?=",
            "Date: Mon, 23 Nov 2026 12:00:00 +0000",
            "Message-ID: <mail-018f@desk.example>",
            "Auto-Submitted: auto-generated",
            "X-Auto-Response-Suppress: All",
            "MIME-Version: 1.0",
            "Content-Type: multipart/alternative; boundary=\"=_mail018fdeskexample\"",
        ]
    );
    assert!(
        wire.is_ascii()
            && wire.contains("text/plain; charset=utf-8")
            && wire.contains("text/html; charset=utf-8")
    );
}

#[test]
fn the_same_letter_makes_the_same_bytes() {
    assert_eq!(wire(|_| ()), wire(|_| ()));
}

#[test]
fn headers_cannot_be_injected() {
    let evil = "x\r\nBcc: all@customer.example\r\n\r\nbody\u{0}";
    let wire = wire(|l| {
        l.subject = evil.into();
        l.sender = format!("{evil} <rewards@acme.example>");
        l.message_id = format!("{evil}@desk.example");
    });
    let headers = headers(&wire);
    assert_eq!(headers.len(), 9, "{headers:#?}");
    assert!(headers.iter().all(|line| !line.starts_with("Bcc")));
    assert_eq!(headers[1], "To: jo@customer.example");
}

#[test]
fn there_is_one_recipient_or_no_mail() {
    for recipient in [
        "",
        "a@b.example, c@d.example",
        "a@b.example\r\nRCPT TO:<c@d.example>",
        "Jo <a@b.example>",
        "@",
        "a@b.example>",
    ] {
        let mut letter = letter();
        letter.recipient = recipient.into();
        assert!(
            matches!(Message::build(&letter, queued()), Err(SendError::Temporary(_))),
            "{recipient:?}"
        );
    }
}

#[test]
fn a_domain_beyond_ascii_is_named_as_dns_knows_it() {
    let mut letter = letter();
    letter.recipient = "jo@bücher.example".into();
    let message = Message::build(&letter, queued()).unwrap();
    assert_eq!(message.to.to_string(), "jo@xn--bcher-kva.example");
    assert!(message.has_plain_addresses());
    letter.recipient = "zoë@customer.example".into();
    assert!(!Message::build(&letter, queued()).unwrap().has_plain_addresses());
}

#[test]
fn odd_dots_of_carriers_are_quoted() {
    for (recipient, quoted) in
        [("a..b@docomo.ne.jp", "\"a..b\"@docomo.ne.jp"), ("ab.@ezweb.ne.jp", "\"ab.\"@ezweb.ne.jp")]
    {
        let mut letter = letter();
        letter.recipient = recipient.into();
        let message = Message::build(&letter, queued()).unwrap();
        assert_eq!(message.to.to_string(), quoted);
        assert!(String::from_utf8(message.bytes).unwrap().contains(&format!("To: {quoted}\r\n")));
    }
}
