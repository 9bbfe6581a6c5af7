//! Whether the first line of a file of bare codes is a heading that we don't know.
//! A heading taken as a code would one day be handed to a customer. Must not know columns.

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
    "key",
    "keys",
    "kod",
    "kode",
    "kupon",
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
    "pin",
    "promo",
    "promotion",
    "promotional",
    "rabatt",
    "redemption",
    "redemptions",
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

/// A heading has letters and no digits, and either consists of the words above, or has small letters above a code with a digit.
pub fn looks_like_one(first: &str, below: Option<&str>) -> bool {
    let first = first.trim();
    let wordy = first.chars().any(char::is_alphabetic)
        && first.chars().all(|c| c.is_alphabetic() || c.is_whitespace() || matches!(c, '_' | '-' | '.' | ':' | '#' | '(' | ')' | '/'));
    if !wordy {
        return false;
    }
    let lower = first.to_lowercase();
    let known = lower.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).all(is_made_of_words);
    known || (first.chars().any(char::is_lowercase) && below.is_some_and(|code| code.chars().any(|c| c.is_ascii_digit())))
}

/// Whether the text is one of the words, or several run together ("vouchercode").
fn is_made_of_words(text: &str) -> bool {
    text.is_empty() || WORDS.iter().any(|word| text.strip_prefix(word).is_some_and(is_made_of_words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_seen() {
        for first in
            ["Voucher", "coupon_code", "VOUCHER CODE", "VoucherCode", "promo-code", "Gutscheincode", "E-Mail", "Code:", "Card number"]
        {
            assert!(looks_like_one(first, Some("ABC")), "{first:?} was taken as a code");
        }
        for first in ["Kennung", "Bon de réduction", "Einmalschlüssel (neu)"] {
            assert!(looks_like_one(first, Some("AB-12")), "{first:?} was taken as a code");
        }
    }

    #[test]
    fn codes_are_no_headings() {
        for (first, below) in
            [("AB-12", "AB-13"), ("WELCOME", "SUMMER10"), ("CODE-A", "CODE-B"), ("summer", "winter"), ("VOUCHER1", "X"), ("123", "4")]
        {
            assert!(!looks_like_one(first, Some(below)), "{first:?} was refused");
        }
        assert!(!looks_like_one("SPRING", None));
    }
}
