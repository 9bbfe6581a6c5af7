//! Tests of what is taken off a cell, and put on it.

use proptest::{
    prelude::*,
    test_runner::{TestCaseResult, TestRunner},
};

use super::*;
use crate::domain::{code::CouponCode, invisible::is_invisible};

#[test]
fn formulas_that_only_say_a_text_are_that_text() {
    for cell in [
        r#"="0012""#,
        r#" =" 0012 " "#,
        r#"=("0012")"#,
        r#"=T("0012")"#,
        r#"= t ( ( "0012" ) )"#,
        r#"=+"0012""#,
        r#"="=""0012""""#,
        "='0012'",
        "=“0012”",
        "=„0012“",
        "\u{feff}=\"\u{200e}0012\"",
        "＝\"0012\"",
    ] {
        assert_eq!((reference(cell), text(cell)), ("0012".into(), "0012".into()), "{cell:?}");
    }
    assert_eq!(reference(r#"="""#), "");
    assert_eq!(reference(r#"="AB""12""#), "AB\"12");
}

#[test]
fn formulas_that_must_be_reckoned_out_stay_and_are_known() {
    for cell in [
        r#"="00"&"12""#,
        r#"="0012"#,
        r#"=HYPERLINK("https://shop.example","0012")"#,
        r#"=TEXT(12;"0000")"#,
        "=A1",
        "=$AB$12:C13",
        "=Sheet1!A1",
        "=A1&B1",
        "=SUM(1)",
        r#"=("a")&("b")"#,
        r#"=-"x""#,
    ] {
        assert_eq!(reference(cell), cell);
        assert!(is_formula(cell), "{cell:?}");
    }
    for cell in ["=1+1", "=x", "=", "1=1", "=cmd|' /C calc'!A0", "=ABCD-1", "==", "=-x"] {
        assert!(!is_formula(cell), "{cell:?} may be a code");
    }
}

#[test]
fn what_is_around_a_reference_is_taken_off() {
    for (cell, value) in [
        ("\"ABC-1\"", "ABC-1"),
        (" “ABC-1” ", "ABC-1"),
        ("‘ABC-1’", "ABC-1"),
        ("«ABC-1»", "ABC-1"),
        ("`ABC-1`", "ABC-1"),
        ("'jo@x.example'", "jo@x.example"),
        ("ABC-1,", "ABC-1"),
        ("'ABC-1' ;", "ABC-1"),
        ("'0012", "0012"),
        ("’0012", "0012"),
        ("'+441234", "+441234"),
        ("'=1+1", "=1+1"),
        ("'=\"0012\"", "0012"),
        ("\u{2066}ABC-1\u{2069}", "ABC-1"),
        ("a;'=1", "a;=1"),
        ("\"\"", ""),
        // These may be meant so.
        ("'t Hart", "'t Hart"),
        ("'ABC-1", "'ABC-1"),
        ("ABC\"", "ABC\""),
        ("O'Neill", "O'Neill"),
        ("'90s", "'90s"),
    ] {
        assert_eq!(reference(cell), value, "{cell:?}");
    }
    for sentence in ["\"Best friend\"", "'90", "Thanks,", "“You”"] {
        assert_eq!(text(sentence), sentence);
    }
}

#[test]
fn no_cell_begins_a_formula_whatever_the_delimiter() {
    for (cell, written) in [
        ("=1", "'=1"),
        ("＝1", "'＝1"),
        ("a;=1", "a;'=1"),
        ("a; \"=1", "a;' \"=1"),
        ("a\t-1\n@x\r\n+1", "a\t'-1\n'@x\r\n'+1"),
        ("a,=1", "a,=1"),
        ("a;b", "a;b"),
        ("plain", "plain"),
    ] {
        assert_eq!(harmless(cell), written, "{cell:?}");
    }
}

/// Cells made of what matters here.
fn cell() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[A-Za-z0-9-]{1,4}",
        2 => proptest::sample::select(vec![
            "=", "+", "-", "@", "'", "\"", ";", ",", "\t", "\n", "\r", " ", "(", ")", "T(", "=\"", "\"\"", "“", "”", "’", "«", "»", "`", "1", "0",
            "\u{feff}", "\u{202a}", "\u{202c}", "\u{2066}", "\u{e0041}", "\u{3164}", "é", "＝", "#N/A", "NULL", ".0", "E+15", "😀",
        ]).prop_map(ToOwned::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// How a spreadsheet with that delimiter cuts the line, at the roughest: any delimiter ends a cell,
/// quoted or not.
fn cells_of(line: &str) -> impl Iterator<Item = &str> {
    line.split(SEPARATORS).map(|cell| cell.trim_start_matches([' ', '\u{a0}', '"']))
}

/// Tries a rule on many cells.
#[track_caller]
fn on_cells(rule: impl Fn(String) -> TestCaseResult) {
    let config =
        ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() };
    let tried = TestRunner::new(config).run(&cell(), rule);
    assert!(tried.is_ok(), "{tried:?}");
}

#[test]
fn reading_twice_is_reading_once() {
    on_cells(|cell| {
        for read in [reference, text] {
            let once = read(&cell).into_owned();
            prop_assert_eq!(&read(&once), &once);
        }
        Ok(())
    });
}

#[test]
fn a_cell_that_was_written_reads_as_it_did() {
    on_cells(|cell| {
        let words = text(&cell);
        let written = harmless(&words);
        prop_assert_eq!(text(&written), words.clone());
        if let Ok(code) = CouponCode::parse(&reference(&cell)) {
            let written = harmless(code.as_str());
            prop_assert_eq!(reference(&written), code.as_str());
        }
        Ok(())
    });
}

#[test]
fn what_is_written_begins_no_formula() {
    on_cells(|cell| {
        let written = harmless(&cell);
        let is_safe = !written.starts_with(SIGNS) && !written.starts_with(['\t', '\r', '\n']);
        prop_assert!(is_safe, "{:?}", written);
        for part in cells_of(&written).skip(1) {
            prop_assert!(!part.starts_with(SIGNS), "{:?} in {:?}", part, written);
        }
        Ok(())
    });
}

#[test]
fn no_code_holds_what_cannot_be_seen_or_is_around_it() {
    on_cells(|cell| {
        let Ok(code) = CouponCode::parse(&reference(&cell)) else { return Ok(()) };
        let code = code.as_str();
        let is_hidden = |c: char| c.is_whitespace() || c.is_control() || is_invisible(c);
        prop_assert!(!code.chars().any(is_hidden), "{:?}", code);
        let is_bare = without_quotes(code).is_none() && without_formula(code).is_none();
        prop_assert!(is_bare && !is_formula(code), "{:?}", code);
        prop_assert_eq!(&reference(code), code);
        prop_assert_eq!(crate::domain::damage::Damage::of(code), None);
        Ok(())
    });
}
