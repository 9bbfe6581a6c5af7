//! A coupon code as text: what may be one.

use unicode_normalization::UnicodeNormalization;

use super::{
    Invalid, cell,
    damage::Damage,
    fold,
    invisible::{self, is_invisible},
};

/// A code that may be stored: 3 to 255 characters, no white space, nothing around it, and not what
/// a program has left instead of one.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CouponCode(String);

impl CouponCode {
    /// Trims `text` and takes it as a code, in Unicode's composed form: however it was typed, it is
    /// one code.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = &*fold::nfc(trimmed(text));
        if text.is_empty() {
            return Err(Invalid::because("the code is empty"));
        }
        if let Some(damage) = Damage::of(text) {
            return Err(damage.reason("this code"));
        }
        if let Some(name) = invisible::first_in(text) {
            return Err(Invalid::because(format!(
                "the code has an invisible character inside ({name}); retype the code"
            )));
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(Invalid::because("the code contains white space or a control character"));
        }
        let length = text.chars().count();
        if !(3..=255).contains(&length) {
            return Err(Invalid::because(format!(
                "the code has {length} characters; use 3 to 255"
            )));
        }
        // Written into a file and read again, it has to be the same code.
        if cell::reference(&cell::harmless(text)) != text {
            return Err(Invalid::because(
                "the code has quotes, an apostrophe or a comma around it; enter only the code",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// A code that was checked before it was stored.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The letters without case, for batches that ignore case.
    pub fn folded(&self) -> String {
        fold::code(&self.0)
    }
}

impl std::fmt::Display for CouponCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A code is bearer money: what is printed for debugging may end up in a log.
impl std::fmt::Debug for CouponCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CouponCode(…)")
    }
}

/// Without white space and invisible characters around it, as a pasted code often has.
pub fn trimmed(text: &str) -> &str {
    invisible::trimmed(text)
}

/// As [`trimmed`], and without white space, invisible and control characters inside too: no code
/// has any.
pub fn bare(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !c.is_control() && !is_invisible(*c)).collect()
}

/// The texts under which a code may be stored: composed, as it is now, and as its letters fall
/// apart, as a file may have had it before.
pub fn stored_forms(code: &str) -> Vec<String> {
    let mut forms = vec![fold::nfc(code).into_owned()];
    if !code.is_ascii() {
        forms.extend([code.nfd().collect(), code.to_owned()]);
        forms.dedup();
    }
    forms
}

/// The same for the letters of a code without case.
pub fn stored_letters(code: &str) -> Vec<String> {
    let mut letters: Vec<String> = vec![fold::code(code)];
    letters.extend(
        stored_forms(code)
            .iter()
            .skip(1)
            .map(|form| form.chars().flat_map(char::to_lowercase).collect::<String>()),
    );
    letters.dedup();
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_trimmed_and_keeps_its_case() {
        assert_eq!(CouponCode::parse(" \u{feff}Ab-1 \r").map(|c| c.to_string()), Ok("Ab-1".into()));
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for text in
            ["", "ab", "a b c", "abc\u{200b}d", "5.57E+92", "1E+10", "5,57e-9", &"x".repeat(256)]
        {
            assert!(CouponCode::parse(text).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn each_refusal_names_its_cause() {
        for (text, why) in [
            ("=\"0012\"", "is a formula"),
            ("#N/A", "a spreadsheet error"),
            ("NULL", "a placeholder"),
            ("\\N", "a placeholder"),
            ("10012345.0", "a number with decimals"),
            ("1.5E15", "a number like 5.57E+92"),
            ("10,012,345", "a number in groups"),
            ("AB\u{2066}12", "U+2066, a direction mark"),
            ("'ABC'", "quotes"),
            ("ABC,", "a comma"),
            ("'0012", "an apostrophe"),
        ] {
            let said = CouponCode::parse(text).map(drop).map_err(|why| why.0);
            assert!(said.as_ref().is_err_and(|said| said.contains(why)), "{text:?}: {said:?}");
        }
    }

    #[test]
    fn codes_that_only_look_like_numbers_are_taken() {
        for text in
            ["5E92", "E+10", "12E+AB", "0012345", "1.5", "10.50", "'ABC", "=1+1", &"é".repeat(255)]
        {
            assert!(CouponCode::parse(text).is_ok(), "{text:?} was refused");
        }
    }

    #[test]
    fn a_code_is_one_however_its_letters_were_typed() {
        let (composed, decomposed) = ("SÉ-1", "SE\u{301}-1");
        assert_eq!(
            CouponCode::parse(decomposed).map(|code| code.to_string()),
            Ok(composed.to_owned())
        );
        assert_eq!(stored_forms(decomposed), [composed, decomposed]);
        assert_eq!(stored_forms(composed), [composed, decomposed, composed]);
        assert_eq!(stored_letters(composed)[..2], ["sé-1", "se\u{301}-1"]);
        assert_eq!(
            (stored_forms("AB-1"), stored_letters("AB-1")),
            (vec!["AB-1".to_owned()], vec!["ab-1".to_owned()])
        );
    }

    #[test]
    fn debug_output_never_shows_the_code() {
        assert!(!format!("{:?}", CouponCode::stored("SECRET-1".into())).contains("SECRET"));
    }
}
