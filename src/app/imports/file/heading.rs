//! Whether a line of a file of bare codes is a heading that we don't know. A heading taken as a
//! code would one day be handed to a customer.

/// Words that headings are made of and codes, as a rule, are not.
const WORDS: &[&str] = &[
    "amount",
    "at",
    "barcode",
    "batch",
    "bon",
    "buono",
    "campaign",
    "card",
    "cards",
    "code",
    "codes",
    "codice",
    "codigo",
    "código",
    "coupon",
    "coupons",
    "cupom",
    "cupon",
    "cupón",
    "customer",
    "date",
    "discount",
    "e",
    "email",
    "expires",
    "expiry",
    "from",
    "gift",
    "gutschein",
    "gutscheine",
    "id",
    "ids",
    "identifier",
    "kennwort",
    "key",
    "keys",
    "kod",
    "kode",
    "kupon",
    "link",
    "list",
    "mail",
    "max",
    "name",
    "no",
    "nr",
    "number",
    "numbers",
    "offer",
    "order",
    "password",
    "passwort",
    "pin",
    "promo",
    "promotion",
    "promotional",
    "rabatt",
    "redeem",
    "redemption",
    "redemptions",
    "ref",
    "reference",
    "reward",
    "rewards",
    "serial",
    "title",
    "token",
    "unique",
    "valid",
    "value",
    "voucher",
    "vouchers",
];

/// A heading consists of the words above, perhaps with a number and unlike the line below, or has
/// small letters above a code with a digit.
pub fn looks_like_one(first: &str, below: Option<&str>) -> bool {
    let first = first.trim();
    if first.chars().any(char::is_numeric) {
        return is_numbered(first, below);
    }
    let has_digit = |code: &str| code.chars().any(|c| c.is_ascii_digit());
    is_known(first)
        || (is_wordy(first)
            && first.chars().any(char::is_lowercase)
            && below.is_some_and(has_digit))
}

/// Whether the text consists of the words above, without a number: so it is a heading wherever it
/// is.
pub fn is_known(text: &str) -> bool {
    is_wordy(text)
        && text
            .to_lowercase()
            .split(|c: char| !c.is_alphabetic())
            .filter(|word| !word.is_empty())
            .all(is_made_of_words)
}

fn is_wordy(text: &str) -> bool {
    text.chars().any(char::is_alphabetic)
        && text.chars().all(|c| {
            c.is_alphabetic()
                || c.is_whitespace()
                || matches!(c, '_' | '-' | '.' | ':' | '#' | '(' | ')' | '/')
        })
}

/// "voucher_code_1", "Coupon2027"; but not the first of a series of such codes, and nothing as
/// short as E-1.
fn is_numbered(first: &str, below: Option<&str>) -> bool {
    let letters =
        |text: &str| text.to_lowercase().chars().filter(|c| c.is_alphabetic()).collect::<String>();
    let plain = first.chars().all(|c| {
        c.is_alphanumeric()
            || c.is_whitespace()
            || matches!(c, '_' | '-' | '.' | ':' | '#' | '(' | ')' | '/')
    });
    let lower = first.to_lowercase();
    let known = lower
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| !word.is_empty())
        .all(is_made_of_words);
    plain
        && known
        && letters(first).len() >= 4
        && below.is_none_or(|code| letters(code) != letters(first))
}

/// Whether the text is one of the words, or several run together ("vouchercode").
fn is_made_of_words(text: &str) -> bool {
    // No code and no heading is longer; below that, each place is looked at once, whatever words
    // could end there.
    if text.len() > 255 {
        return false;
    }
    let mut ends = vec![false; text.len() + 1];
    ends[0] = true;
    for at in 0..text.len() {
        if ends[at] {
            for word in
                WORDS.iter().filter(|word| text.as_bytes()[at..].starts_with(word.as_bytes()))
            {
                ends[at + word.len()] = true;
            }
        }
    }
    ends[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_seen() {
        for first in [
            "Voucher",
            "coupon_code",
            "VOUCHER CODE",
            "VoucherCode",
            "promo-code",
            "Gutscheincode",
            "E-Mail",
            "Code:",
            "Card number",
        ] {
            assert!(looks_like_one(first, Some("ABC")), "{first:?} was taken as a code");
        }
        for first in [
            "voucher_code_1",
            "gutschein_code_2024",
            "Coupon2027",
            "Promocode(1)",
            "Codes 2027",
            "Voucher #1",
            "Unique_Link",
            "Redeem",
        ] {
            assert!(looks_like_one(first, Some("QWERTI")), "{first:?} was taken as a code");
        }
        for first in ["Kennung", "Bon de réduction", "Einmalschlüssel (neu)"] {
            assert!(looks_like_one(first, Some("AB-12")), "{first:?} was taken as a code");
        }
    }

    #[test]
    fn a_heading_is_known_anywhere_but_a_number_may_be_a_code() {
        for text in ["Coupon_Code", "code", "VoucherCode", "Gutschein", "gift-card:", "código"] {
            assert!(is_known(text), "{text:?}");
        }
        for text in ["SUMMER", "GIFT-0001", "PROMO25", "codex"] {
            assert!(!is_known(text), "{text:?}");
        }
        // Many ways to cut it, or a very long text, take no longer.
        assert!(
            is_known(&"kode".repeat(60))
                && !is_known(&("kode".repeat(60) + "x"))
                && !is_known(&"e".repeat(100_000))
        );
    }

    #[test]
    fn codes_are_no_headings() {
        for (first, below) in [
            ("AB-12", "AB-13"),
            ("WELCOME", "SUMMER10"),
            ("CODE-A", "CODE-B"),
            ("summer", "winter"),
            ("VOUCHER1", "VOUCHER2"),
            ("GIFT-0001", "GIFT-0002"),
            ("E-1", "F-2"),
            ("123", "4"),
        ] {
            assert!(!looks_like_one(first, Some(below)), "{first:?} was refused");
        }
        assert!(!looks_like_one("SPRING", None));
    }
}
