//! Tests of addresses: what is one, and which texts are the same one.
#![allow(clippy::unwrap_used, reason = "tests may stop at the first surprise")]

use proptest::{prelude::*, test_runner::TestRunner};

use super::*;

fn parsed(text: &str) -> String {
    EmailAddress::parse(text)
        .map_or_else(|why| format!("refused: {why}"), |address| address.to_string())
}

#[test]
fn an_address_is_trimmed_and_lower_case() {
    assert_eq!(parsed(" Jo@Customer.Example "), "jo@customer.example");
    assert_eq!(parsed("ÉMILE@x.example"), "émile@x.example");
    assert_eq!(parsed("e\u{301}mile@x.example"), "émile@x.example");
}

#[test]
fn more_than_one_plain_address_is_refused() {
    for text in [
        "",
        "jo",
        "jo@",
        "@x.example",
        "..@x.example",
        "a@b.example,c@d.example",
        "Jo <jo@x.example>",
        "a@b.example\nBcc: c@d.example",
        "a b@c.example",
        "\"a b\"@c.example",
        "a@b@c.example",
        "lit@[127.0.0.1]",
    ] {
        assert!(EmailAddress::parse(text).is_err(), "{text:?} was taken");
    }
}

#[test]
fn an_international_domain_has_one_form() {
    for text in [
        "kim@bücher.example",
        "KIM@BÜCHER.example",
        "kim@bu\u{308}cher.example",
        "kim@XN--bcher-kva.example",
        "kim@bücher。example",
    ] {
        assert_eq!(parsed(text), "kim@xn--bcher-kva.example", "{text:?}");
    }
    assert_eq!(parsed("jo@faß.example"), "jo@xn--fa-hia.example", "ß is a letter of its own");
    assert_eq!(
        parsed("jo@xn--nothing-valid-at-all.example"),
        "jo@xn--nothing-valid-at-all.example"
    );
    assert!(EmailAddress::parse("jo@bü_cher.example").is_err());
}

#[test]
fn nothing_turns_into_ascii() {
    for text in [
        "\u{212a}im@x.example",
        "jo@\u{212a}im.example",
        "jo@bücher-\u{212a}.example",
        "jo@ｅxample.example",
        "jo@ﬁ.example",
    ] {
        assert!(parsed(text).contains("only looks like"), "{text:?}: {}", parsed(text));
    }
    assert_eq!(account_key("\u{212a}im"), "\u{212a}im");
    assert_eq!(parsed("İpek@x.example"), "İpek@x.example", "its lower case begins with an i");
}

#[test]
fn what_is_invisible_is_trimmed_around_and_named_inside() {
    assert_eq!(parsed("\u{feff}\u{200e}jo@x.example\u{200b}\u{202c}"), "jo@x.example");
    assert_eq!(
        parsed("j\u{200b}o@x.example"),
        "refused: the email address has an invisible character inside (U+200B, a zero-width \
         space); retype the address"
    );
}

#[test]
fn carriers_odd_dots_are_taken_and_quoted_for_the_relay() {
    for local in ["a..b", ".ab", "ab.", "a...b.."] {
        let address = EmailAddress::parse(&format!("{local}@docomo.ne.jp")).unwrap();
        assert_eq!(address.as_str(), format!("{local}@docomo.ne.jp"));
        assert_eq!(address.for_relay(), (format!("\"{local}\""), "docomo.ne.jp"));
        assert_eq!(
            parsed(&format!("\"{local}\"@docomo.ne.jp")),
            address.to_string(),
            "quoted or not"
        );
    }
    assert_eq!(EmailAddress::parse("a.b@docomo.ne.jp").unwrap().for_relay().0, "a.b");
}

#[test]
fn a_domain_is_shown_in_letters_that_look_like_no_others() {
    for (text, shown) in [
        ("kim@bücher.example", "kim@bücher.example"),
        ("kim@日本語.jp", "kim@日本語.jp"),
        ("kim@почта.рф", "kim@почта.рф"),
        ("kim@аррӏе.example", "kim@xn--80ak6aa92e.example"),
        ("kim@pаypal.example", "kim@xn--pypal-4ve.example"),
        ("kim@ıo.example", "kim@xn--o-eka.example"),
        ("kim@plain.example", "kim@plain.example"),
    ] {
        assert_eq!(EmailAddress::parse(text).unwrap().shown(), shown, "{text}");
    }
}

#[test]
fn a_mailbox_has_a_name_or_none() {
    assert_eq!(
        Mailbox::parse("Ann Lee <ANN@desk.example>").map(|m| m.to_string()),
        Ok("Ann Lee <ann@desk.example>".into())
    );
    assert_eq!(Mailbox::parse("ann@desk.example").map(|m| m.name), Ok(None));
    assert_eq!(
        Mailbox::parse("Lea <lea@bücher.example>").map(|m| m.to_string()),
        Ok("Lea <lea@xn--bcher-kva.example>".into())
    );
    assert!(Mailbox::parse("Ann <ann@desk.example").is_err());
}

#[test]
fn an_address_is_taken_as_it_is_stored_and_as_it_is_shown() {
    let parts =
        ("[a-zA-Zà-žА-я0-9._+-]{1,12}", "[a-zà-žа-яぁ-ん\u{4e00}-\u{4e80}]{1,8}\\.(example|jp|рф)");
    let tried = TestRunner::default().run(&parts, |(local, domain)| {
        if let Ok(address) = EmailAddress::parse(&format!("{local}@{domain}")) {
            prop_assert_eq!(EmailAddress::parse(address.as_str()).unwrap(), address.clone());
            prop_assert_eq!(EmailAddress::parse(&address.shown()).unwrap(), address.clone());
            prop_assert_eq!(account_key(&format!(" {local}@{domain}")), address.to_string());
        }
        Ok(())
    });
    assert!(tried.is_ok(), "{tried:?}");
}

#[test]
fn any_text_has_one_account_key() {
    let tried = TestRunner::default().run(&"\\PC{0,16}(@\\PC{1,10})?", |text| {
        let key = account_key(&text);
        prop_assert_eq!(account_key(&key), key.clone());
        let ascii = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).count();
        let is_kept = ascii(&key) <= ascii(&text) || key.contains("xn--");
        prop_assert!(is_kept, "{text:?} became {key:?}");
        Ok(())
    });
    assert!(tried.is_ok(), "{tried:?}");
}
