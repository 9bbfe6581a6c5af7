//! What people paste into a search box, and the texts that they may mean by it: every search reads
//! a term by these.

use super::{cell, code, email::EmailAddress, fold, invisible};

/// A term that somebody typed or pasted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// As it is, without white space and invisible characters around it, and without control
    /// characters.
    pub itself: String,
    /// Without the quotes, brackets and punctuation around it, where there are any.
    pub bare: Option<String>,
    /// The one address in it.
    pub address: Option<EmailAddress>,
    /// The codes that it may be, the likeliest first: each once.
    pub codes: Vec<String>,
}

impl Term {
    /// Whether it is words without a digit, as names are: joined to a code they mean somebody else.
    pub fn may_be_a_name(&self) -> bool {
        self.itself.split_whitespace().nth(1).is_some()
            && !self.itself.chars().any(char::is_numeric)
    }
}

/// No code is longer; of a longer text no reading is tried.
const MAX_TERM_CHARS: usize = 255;

impl Term {
    pub fn read(text: &str) -> Self {
        // No text that is stored has a control character, and PostgreSQL refuses to look for some.
        // Those that are white space part words.
        let kept: String = text.chars().filter(|c| !c.is_control() || c.is_whitespace()).collect();
        let itself = fold::nfc(invisible::trimmed(&kept)).into_owned();
        let inner = itself.trim_matches(is_around);
        let bare = (inner != itself && !inner.is_empty()).then(|| inner.to_owned());
        let mut term = Self { address: address_in(&itself), codes: vec![], itself, bare };
        term.codes = codes(&term.itself, term.bare.as_deref());
        term
    }
}

/// What a sentence or a mail program sets around a code or an address.
fn is_around(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '<' | '>'
                | '('
                | ')'
                | '['
                | ']'
                | '{'
                | '}'
                | '"'
                | '\''
                | '`'
                | ','
                | ';'
                | ':'
                | '.'
                | '!'
                | '?'
        )
        || matches!(
            c,
            '“' | '”'
                | '„'
                | '‘'
                | '’'
                | '‚'
                | '«'
                | '»'
                | '‹'
                | '›'
                | '、'
                | '。'
                | '，'
                | '；'
                | '：'
                | '…'
                | '「'
                | '」'
        )
}

/// The only address among the words of a text: of `Jo Smith <jo@x.example>`,
/// `mailto:jo@x.example?subject=…` or `(jo@x.example).`
fn address_in(text: &str) -> Option<EmailAddress> {
    let is_between = |c: char| {
        c.is_whitespace()
            || matches!(
                c,
                '<' | '>' | '(' | ')' | '[' | ']' | ',' | ';' | '"' | '“' | '”' | '«' | '»'
            )
    };
    let mut found: Vec<EmailAddress> = text.split(is_between).filter_map(address_of_word).collect();
    found.dedup();
    if found.len() == 1 { found.pop() } else { None }
}

fn address_of_word(word: &str) -> Option<EmailAddress> {
    if !word.contains('@') {
        return None;
    }
    let is_mailto = word.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("mailto:"));
    let word = if is_mailto { word.get(7..)?.split('?').next()? } else { word };
    let word = word.trim_start_matches(|c| is_around(c) && c != '.').trim_end_matches(is_around);
    EmailAddress::parse(word).ok()
}

/// The codes that the text may be: as it is; bare; without white space; with plain hyphens, also
/// for white space; without any; and in groups of three to six, as codes are often printed.
fn codes(itself: &str, bare: Option<&str>) -> Vec<String> {
    let mut found: Vec<String> = vec![];
    let mut add = |code: String| {
        if !code.is_empty() && !found.contains(&code) {
            found.push(code);
        }
    };
    add(itself.to_owned());
    if itself.chars().count() > 2 * MAX_TERM_CHARS {
        return found;
    }
    // As a file's cell or a list has it: in quotes, or as a formula that only says a text.
    add(cell::reference(itself).into_owned());
    add(code::bare(itself));
    let text = bare.unwrap_or(itself);
    add(text.to_owned());
    let joined = code::bare(text);
    add(joined.clone());
    let hyphens = with_hyphens(&joined);
    add(hyphens.clone());
    let words = text
        .split_whitespace()
        .map(|word| with_hyphens(&code::bare(word)).trim_matches('-').to_owned());
    add(words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-"));
    let plain: Vec<char> = hyphens.chars().filter(|c| *c != '-').collect();
    add(plain.iter().collect());
    for size in 3..=6 {
        if plain.len() > size {
            add(plain
                .chunks(size)
                .map(|group| group.iter().collect::<String>())
                .collect::<Vec<_>>()
                .join("-"));
        }
    }
    found
}

/// With `-` for every hyphen, dash and minus sign, and for each run of them.
fn with_hyphens(text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    for c in text.chars() {
        let c = if fold::is_hyphen(c) { '-' } else { c };
        if c != '-' || !made.ends_with('-') {
            made.push(c);
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, test_runner::TestRunner};

    use super::*;

    #[test]
    fn the_one_address_is_found_in_what_mail_programs_copy() {
        for text in [
            "Jo Smith <jo+shop@customer.example>",
            "<jo+shop@customer.example>",
            "mailto:jo+shop@customer.example",
            "MAILTO:jo+shop@customer.example?subject=Hi@you",
            "jo+shop@customer.example,",
            "jo+shop@customer.example.",
            "(jo+shop@customer.example)!",
            "\"Smith, Jo\" <Jo+Shop@customer.example>",
            "“jo+shop@customer.example”",
            "jo+shop@customer.example; jo+shop@customer.example",
            "From: Jo <jo+shop@customer.example>\r\n",
        ] {
            assert_eq!(
                Term::read(text).address.map(|a| a.to_string()).as_deref(),
                Some("jo+shop@customer.example"),
                "{text:?}"
            );
        }
        assert_eq!(Term::read("a@x.example, b@x.example").address, None, "which one?");
        assert_eq!(Term::read("no address").address, None);
        assert_eq!(
            Term::read(".ab@docomo.ne.jp").address.map(|a| a.to_string()).as_deref(),
            Some(".ab@docomo.ne.jp")
        );
    }

    #[test]
    fn a_code_is_first_what_was_typed() {
        assert_eq!(Term::read(" AB-1. ").codes, ["AB-1.", "AB-1", "AB1"]);
        assert_eq!(Term::read("AB1").codes, ["AB1"]);
        let long = "x".repeat(600);
        assert_eq!(Term::read(&long).codes, [long]);
        assert_eq!(Term::read("").codes, Vec::<String>::new());
    }

    const SEPARATORS: &str = "[ \u{a0}\u{3000}\t\n‐‑‒–—―−-]{1,2}";

    #[test]
    fn a_code_is_among_the_readings_whatever_separates_its_groups() {
        let groups = proptest::collection::vec("[A-Z0-9]{4}", 2..5);
        let typed = (groups, SEPARATORS, "[<(\"' ]?", "[>)\"'., ]?");
        let tried = TestRunner::default().run(&typed, |(groups, separator, around, end)| {
            let typed = format!("{around}{}{end}", groups.join(&separator));
            let codes = Term::read(&typed).codes;
            for code in [groups.concat(), groups.join("-")] {
                prop_assert!(codes.contains(&code), "{code} is not among {codes:?}");
            }
            Ok(())
        });
        assert!(tried.is_ok(), "{tried:?}");
    }

    #[test]
    fn no_reading_has_a_control_character() {
        let texts = "[A-C\\x00-\\x08\\x0e-\\x1b \\x7f@.-]{0,20}";
        let tried = TestRunner::default().run(&texts, |text| {
            let term = Term::read(&text);
            let address = term.address.map(|address| address.to_string());
            let mut all =
                [Some(term.itself), term.bare, address].into_iter().flatten().chain(term.codes);
            let is_clean = all.all(|reading| !reading.chars().any(char::is_control));
            prop_assert!(is_clean, "{text:?}");
            Ok(())
        });
        assert!(tried.is_ok(), "{tried:?}");
    }

    #[test]
    fn a_term_itself_is_the_first_reading_and_none_comes_twice() {
        let tried = TestRunner::default().run(&"\\PC{0,40}", |text| {
            let term = Term::read(&text);
            prop_assert_eq!(term.codes.first().map_or("", String::as_str), term.itself.as_str());
            let mut once = term.codes.clone();
            once.sort();
            once.dedup();
            prop_assert_eq!(once.len(), term.codes.len());
            prop_assert!(term.codes.len() < 24);
            Ok(())
        });
        assert!(tried.is_ok(), "{tried:?}");
    }
}
