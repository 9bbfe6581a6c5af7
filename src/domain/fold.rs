//! When two texts are the same: for search (no case, no marks, no typographic signs) and for codes
//! of batches that ignore case. Made in Rust because SQLite's `lower` knows ASCII only, and both
//! databases must find the same rows.

use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark, is_nfc};

use super::invisible::is_invisible;

mod tables;

/// The version of the rules that stored search keys are made by. Anybody who changes what
/// [`for_search`] or [`SearchKeys`](super::customer::SearchKeys) answers raises it, and adds a
/// migration whose partial index holds the rows of earlier versions.
pub const VERSION: i64 = 2;

/// In Unicode's composed form (NFC): the same characters, however they were typed.
pub fn nfc(text: &str) -> Cow<'_, str> {
    if is_nfc(text) { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
}

/// What search compares: lower case, compatibility forms unified, marks and invisible characters
/// dropped, letters without a decomposition written in ASCII, one sign for all apostrophes and one
/// for all hyphens, white space runs made one space: "Zoë  O’Brien-Łoś" -> "zoe o'brien-los".
pub fn for_search(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    // Before the compatibility decomposition: it takes some apostrophes for a space with an accent.
    for c in text
        .nfd()
        .filter(|c| !is_invisible(*c))
        .map(|c| if is_loose_accent(c) { '\'' } else { c })
        .nfkd()
    {
        // The tatweel only makes a word longer.
        if is_combining_mark(c) || is_invisible(c) || c == '\u{640}' {
            continue;
        }
        for lower in c.to_lowercase() {
            match LETTERS.get(&lower) {
                Some(plain) if !lower.is_ascii() || lower == '`' => folded.push_str(plain),
                _ if is_combining_mark(lower) => {}
                _ => folded.push(lower),
            }
        }
    }
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An accent that stands alone, as some keyboards set for an apostrophe.
fn is_loose_accent(c: char) -> bool {
    matches!(c, '\u{b4}' | '\u{1fbd}' | '\u{1fbf}' | '\u{1ffd}' | '\u{1ffe}')
}

/// Each letter of the tables with what is written for it.
static LETTERS: LazyLock<HashMap<char, &'static str>> = LazyLock::new(|| {
    let rows = tables::LATIN.iter().chain(tables::OTHERS);
    rows.flat_map(|(plain, letters)| letters.chars().map(move |letter| (letter, *plain))).collect()
});

/// Whether people take `c` for a hyphen.
pub fn is_hyphen(c: char) -> bool {
    c == '-'
        || LETTERS.get(&c).is_some_and(|plain| *plain == "-")
        || matches!(c, '－' | '﹣' | '﹘')
}

/// The letters of a code without case, in composed form. Marks are kept: in a code they are part of
/// the money.
pub fn code(text: &str) -> String {
    let lower: String = nfc(text).chars().flat_map(char::to_lowercase).collect();
    nfc(&lower).into_owned()
}

#[cfg(test)]
mod tests {
    use icu_properties::{
        CodePointMapData, CodePointSetData,
        props::{Alphabetic, Script},
    };
    use proptest::{prelude::*, test_runner::TestRunner};
    use sha2::{Digest, Sha256};

    use super::*;

    fn all() -> impl Iterator<Item = char> {
        (0..=0x10_ffff).filter_map(char::from_u32)
    }

    #[test]
    fn search_ignores_case_marks_and_spaces() {
        assert_eq!(for_search("  Zoë\tÅngström "), "zoe angstrom");
        assert_eq!(for_search("ＡＢＣ"), "abc");
    }

    #[test]
    fn letters_without_a_decomposition_are_found_by_plain_ones() {
        for (written, plain) in [
            ("Łukasz Wałęsa", "lukasz walesa"),
            ("Søren Ødegård", "soren odegard"),
            ("ĐẶNG Ðorð Ɖ", "dang dord d"),
            ("Großmann GROẞMANN", "grossmann grossmann"),
            ("Æsa Œuvre Þórsdóttir", "aesa oeuvre thorsdottir"),
            ("Yıldız IŞIK İstanbul", "yildiz isik istanbul"),
            ("Ħal Ŧ Ŋ ĸ Ə", "hal t n q e"),
            ("Gal·la GaĿla", "galla galla"),
            ("Γιώργος ΓΙΩΡΓΟΣ", "γιωργοσ γιωργοσ"),
        ] {
            assert_eq!(for_search(written), plain);
        }
    }

    #[test]
    fn apostrophes_hyphens_and_what_shows_nothing_are_one() {
        for sign in "’‘ʼ´`′ʻʹ＇".chars() {
            assert_eq!(
                for_search(&format!("O{sign}Brien")),
                "o'brien",
                "U+{:04X}",
                u32::from(sign)
            );
        }
        for sign in "‐‑‒–—―−－﹣".chars() {
            assert_eq!(
                for_search(&format!("Jean{sign}Luc")),
                "jean-luc",
                "U+{:04X}",
                u32::from(sign)
            );
        }
        assert_eq!(for_search("Ma\u{ad}ry\u{200b} \u{202e}Lee\u{feff}"), "mary lee");
    }

    #[test]
    fn arabic_and_persian_keyboards_find_one_another() {
        for (one, other) in [
            ("علی", "علي"),
            ("کریم", "كريم"),
            ("فاطمة", "فاطمه"),
            ("أحمد إبراهيم آمنة", "احمد ابراهيم امنه"),
            ("مؤمن رائد", "مومن رايد"),
            ("محـــمد", "محمد"),
            ("علی\u{200c}رضا", "علیرضا"),
            ("٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹"),
        ] {
            assert_eq!(for_search(one), for_search(other), "{one} and {other}");
        }
        assert_eq!(for_search("۰۱۲۳۴۵۶۷۸۹"), "0123456789");
    }

    #[test]
    fn every_latin_letter_that_languages_are_written_in_is_plain() {
        let script = CodePointMapData::<Script>::new();
        let is_letter = |c: &char| c.is_alphabetic() && script.get(*c) == Script::Latin;
        // Latin-1, Extended-A, Extended-B without the clicks and tones, and Extended Additional.
        let blocks = ('\u{c0}'..='\u{24f}').chain('\u{1e00}'..='\u{1eff}');
        let odd: Vec<char> = blocks
            .filter(is_letter)
            .filter(|c| !"ƄƅƻƼƽƾǀǁǂǃɁɂ".contains(*c))
            .filter(|c| !for_search(&c.to_string()).is_ascii())
            .collect();
        assert!(odd.is_empty(), "{odd:?}");
    }

    #[test]
    fn no_visible_letter_is_lost_and_folding_twice_changes_nothing() {
        let alphabetic = CodePointSetData::new::<Alphabetic>();
        for c in all() {
            let text = c.to_string();
            let folded = for_search(&text);
            assert_eq!(for_search(&folded), folded, "U+{:04X}", u32::from(c));
            let is_mark =
                text.nfkd().all(|c| is_combining_mark(c) || c.is_whitespace() || c == '\u{640}');
            let is_lost = folded.is_empty() && alphabetic.contains(c) && !is_mark;
            assert!(!is_lost || text.nfkd().all(is_invisible), "U+{:04X} is lost", u32::from(c));
            assert_eq!(code(&code(&text)), code(&text), "U+{:04X} in a code", u32::from(c));
        }
    }

    #[test]
    fn other_rules_have_another_version() {
        let mut digest = Sha256::new();
        for c in all() {
            digest.update(for_search(&c.to_string()));
            digest.update([0]);
        }
        let digest = crate::domain::hex::hex(&digest.finalize());
        assert_eq!(
            (VERSION, &digest[..16]),
            (2, "114807843de798ab"),
            "the rules changed: raise VERSION, or stored keys find nobody"
        );
    }

    #[test]
    fn a_code_loses_its_case_only() {
        assert_eq!(code("Éa-1O"), "éa-1o");
        assert_eq!(code("E\u{301}a"), "éa");
    }

    #[test]
    fn composed_and_decomposed_texts_are_the_same() {
        let tried = TestRunner::default().run(&"\\PC{0,24}", |text| {
            let (composed, decomposed): (String, String) =
                (text.nfc().collect(), text.nfd().collect());
            prop_assert_eq!(for_search(&composed), for_search(&decomposed));
            prop_assert_eq!(code(&composed), code(&decomposed));
            let folded = for_search(&text);
            prop_assert_eq!(for_search(&folded), folded);
            let once = nfc(&text).into_owned();
            prop_assert_eq!(nfc(&once), once.as_str());
            Ok(())
        });
        assert!(tried.is_ok(), "{tried:?}");
    }

    #[test]
    fn case_makes_no_difference() {
        let tried = TestRunner::default().run(&"[a-zA-ZÀ-ɏΑ-ωА-я '’-]{0,24}", |text| {
            prop_assert_eq!(for_search(&text.to_uppercase()), for_search(&text.to_lowercase()));
            Ok(())
        });
        assert!(tried.is_ok(), "{tried:?}");
    }
}
