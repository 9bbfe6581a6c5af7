//! What a program has left in the place of a value: a formula, an error, a word for nothing, or the
//! number that it took a code for.

use super::{Invalid, cell::is_formula};

/// What is there instead of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// A formula that has to be reckoned out.
    Formula,
    /// What a spreadsheet writes where a formula failed.
    ErrorValue,
    /// A word for no value.
    NoValue,
    /// A long number, rounded: 5.57E+92.
    Exponent,
    /// A whole number with decimals: 10012345.0.
    Decimals,
    /// A whole number in groups: 10,012,345.
    Grouped,
}

/// What Excel, LibreOffice and Google Sheets write where a formula failed, in the languages that
/// they have; in capitals, a space between two.
const ERROR_VALUES: &str = "\
    #ADR! #AD? #ARG! #ARVO! #BAŞV! #BEZUG! #BLOCKED! #BLOCKIERT! #BOŞ! #BUSY! #CALC! #CONNECT! \
    #DEEL/0! #DEĞER! #DIV/0! \
    #DIVISION/0! #DZIEL/0! #DĚLENÍ_NULOU! #EPARS! #ERROR! #ESPANSIONE! #EXTERNAL! #FEHLER! #FELD! \
    #FIELD! #GETAL! \
    #GETTING_DATA #HIÁNYZIK #HIV! #HODNOTA! #I/T #JAKO/0! #KALK! #LEEG! #LICZBA! #LUKU! #MACRO? \
    #N/A #N/A! #N/B #N/D #N/D! \
    #NAAM? #NAME? #NAMN? #NAVN? #NAZWA? #NENÍ_K_DISPOZICI #NIMI? #NOM? #NOMBRE! #NOME? #NUL! \
    #NULL! #NULLA! #NULLO! #NULO! \
    #NUM! #NV #NÁZEV? #NÉV? #NÚM! #ODKAZ! #OGILTIGT! #OVERLOOP! #PROPAGATION! #PUUTTUU! #PYTHON! \
    #REF! #REFERENCE! \
    #REFERENS! #RIF! #SAKNAS! #SAYI! #SAYI/0! #SKÄRNING! #SPILL! #SZÁM! #SZÁM? #TIMEOUT! #TYHJÄ! \
    #UNKNOWN! #VALEUR! #VALOR! \
    #VALORE! #VALUE! #VERDI! #VERW! #VIITTAUS! #VÄRDEFEL! #VÆRDI! #WAARDE! #WERT! #YOK #ZAHL! \
    #ZERO! #ZÉRÓOSZTÓ! #ÉRTÉK! \
    #ČÍSLO! #ÜBERLAUF! #¡CALC! #¡DESBORDAMIENTO! #¡DIV/0! #¡NULO! #¡NUM! #¡REF! #¡VALOR! \
    #¿NOMBRE? #ДЕЛ/0! #ЗНАЧ! #ИМЯ? #Н/Д \
    #ПУСТО! #ССЫЛКА! #ЧИСЛО!";

/// Words for no value, as databases and programs write them; in any case.
const NO_VALUES: &str = "null (null) <null> [null] {null} nil (nil) <nil> none (none) <none> n/a \
    n.a. (n/a) <na> nan undefined \\n (blank) \
    (empty) <empty>";

/// Those of them that are no name either, exactly so: there are people called Null, Nil and Nan.
const NO_WORDS: &str = "NULL null (NULL) (null) <NULL> <null> [NULL] [null] {null} None (none) \
    N/A n/a <NA> NaN NaT undefined \\N (blank) \
    (empty) <empty>";

impl Damage {
    /// What `value`, a code or another reference, is instead of one.
    pub fn of(value: &str) -> Option<Self> {
        Self::of_any(value).or_else(|| {
            let first = value.bytes().next()?;
            if first.is_ascii_digit() || matches!(first, b'-' | b'+') {
                return number(value);
            }
            let is_word = matches!(value, "NA" | "NaT")
                || NO_VALUES.split(' ').any(|word| word.eq_ignore_ascii_case(value));
            is_word.then_some(Self::NoValue)
        })
    }

    /// What `value`, a name or a sentence, is instead of one.
    pub fn of_text(value: &str) -> Option<Self> {
        Self::of_any(value)
            .or_else(|| NO_WORDS.split(' ').any(|word| word == value).then_some(Self::NoValue))
    }

    /// What is no value in any column.
    pub fn of_any(value: &str) -> Option<Self> {
        if is_formula(value) {
            return Some(Self::Formula);
        }
        is_error_value(value).then_some(Self::ErrorValue)
    }

    /// Whether it is a number that a program took a code for.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Exponent | Self::Decimals | Self::Grouped)
    }

    /// Why `what` ("this code", "pin") cannot be taken, and what to do.
    pub fn reason(self, what: &str) -> Invalid {
        Invalid::because(match self {
            Self::Formula => format!(
                "{what} is a formula, not its result; paste the column as values and export it \
                 again"
            ),
            Self::ErrorValue => {
                format!("{what} is a spreadsheet error such as #N/A; find the correct value")
            }
            Self::NoValue => format!(
                "{what} is a placeholder such as NULL; find the correct value, or remove the row"
            ),
            Self::Exponent => format!(
                "a spreadsheet has turned {what} into a number like 5.57E+92; export the column \
                 as text"
            ),
            Self::Decimals => format!(
                "a program has turned {what} into a number with decimals like 10012345.0; export \
                 the column as text"
            ),
            Self::Grouped => format!(
                "a spreadsheet has turned {what} into a number in groups like 10,012,345; export \
                 the column as text"
            ),
        })
    }
}

fn is_error_value(value: &str) -> bool {
    match value.bytes().next() {
        // A column that is too narrow is exported as such signs by LibreOffice.
        Some(b'#') if value.bytes().all(|byte| byte == b'#') => value.len() >= 3,
        Some(b'#') => value.len() <= 32 && has_error_value(&value.to_uppercase()),
        // "Err:502", in French "Err : 502".
        Some(b'E' | b'e') => {
            let digits = value
                .get(3..)
                .and_then(|rest| rest.trim_start().strip_prefix(':'))
                .map(str::trim_start);
            value.get(..3).is_some_and(|word| word.eq_ignore_ascii_case("err"))
                && digits.is_some_and(|digits| digits.len() == 3 && is_digits(digits))
        }
        _ => false,
    }
}

fn has_error_value(capitals: &str) -> bool {
    ERROR_VALUES.split(' ').any(|value| value == capitals)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// The number that a program has made of a code. Narrow, since 5E92, 1.5 and 10.50 may be codes.
fn number(value: &str) -> Option<Damage> {
    let value = value.trim_start_matches(['-', '+']);
    if let Some((mantissa, exponent)) = value.split_once(['E', 'e']) {
        // Without a sign only where a decimal mark says that it is no code of digits and an E.
        let decimal = mantissa.split_once(['.', ',']);
        let digits =
            exponent.strip_prefix(['+', '-', '−']).or_else(|| decimal.map(|_| exponent))?;
        let (whole, part) = decimal.unwrap_or((mantissa, "0"));
        return (is_digits(digits) && is_digits(whole) && is_digits(part))
            .then_some(Damage::Exponent);
    }
    let groups = |text: &str, marks: &[char]| {
        let mut parts = text.split(marks);
        parts.next().is_some_and(|first| (1..=3).contains(&first.len()) && is_digits(first))
            && text.contains(marks)
            && parts.all(|part| part.len() == 3 && is_digits(part))
    };
    if groups(value, &[',']) || groups(value, &['\'', '’']) {
        return Some(Damage::Grouped);
    }
    let (whole, part) = value.rsplit_once(['.', ','])?;
    if part.is_empty() || part.bytes().any(|b| b != b'0') {
        return None;
    }
    // One zero is how programs write a whole number that they keep as a fraction; more are
    // somebody's format, and 10.00 may be a code. No code is shorter than three characters.
    let plain = is_digits(whole) && (part.len() == 1 || whole.len() >= 3);
    (plain || groups(whole, &[',', '.', '\'', '’'])).then_some(Damage::Decimals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_were_codes_are_known() {
        for value in [
            "5.57E+92", "1E+10", "5,57e-9", "1.00E+15", "1,00E+15", "1.5E15", "1.5e15", "-1.5E+15",
            "1E−7",
        ] {
            assert_eq!(Damage::of(value), Some(Damage::Exponent), "{value:?}");
        }
        for value in
            ["10012345.0", "10012345,0", "7.0", "100.00", "1,234,567.00", "1.234.567,00", "-12.0"]
        {
            assert_eq!(Damage::of(value), Some(Damage::Decimals), "{value:?}");
        }
        for value in ["10,012,345", "1,234", "10'012'345", "10’012’345"] {
            assert_eq!(Damage::of(value), Some(Damage::Grouped), "{value:?}");
        }
    }

    #[test]
    fn what_may_be_a_code_is_left_alone() {
        for value in [
            "5E92",
            "E+10",
            "12E+AB",
            "0012345",
            "1.5",
            "10.50",
            "10.00",
            "10.012.345",
            "1-2-3",
            "1.2.3",
            "12,34",
            "12,3456",
            "A.0",
            "1.0.0",
            "1E5",
            "2027-01-01",
            "NULLA",
            "NAT",
            "NONE-1",
            "NULL1",
            "Nullify",
            "#1001",
            "#SALE!",
            "##",
            "Err:50",
            "ERR502",
            "TRUE",
            "１２３",
            "=1+1",
        ] {
            assert_eq!(Damage::of(value), None, "{value:?}");
        }
    }

    #[test]
    fn error_values_and_words_for_nothing_are_known() {
        for value in [
            "#N/A",
            "#n/a",
            "#REF!",
            "#NAME?",
            "#DIV/0!",
            "#SPILL!",
            "#NV",
            "#BEZUG!",
            "#WERT!",
            "#¡VALOR!",
            "#ССЫЛКА!",
            "####",
            "Err:502",
            "err : 508",
        ] {
            assert_eq!(
                (Damage::of(value), Damage::of_text(value)),
                (Some(Damage::ErrorValue), Some(Damage::ErrorValue)),
                "{value:?}"
            );
        }
        for value in [
            "NULL",
            "null",
            "(null)",
            "None",
            "nil",
            "N/A",
            "n/a",
            "NaN",
            "undefined",
            "\\N",
            "<null>",
            "NA",
        ] {
            assert_eq!(Damage::of(value), Some(Damage::NoValue), "{value:?}");
        }
        for name in ["Null", "Nil", "nil", "Nan", "NA", "None Such", "# 1", "Naan"] {
            assert_eq!(Damage::of_text(name), None, "{name:?} may be a name");
        }
        assert_eq!(Damage::of_text("NULL"), Some(Damage::NoValue));
    }

    /// Otherwise they would never be found.
    #[test]
    fn error_values_are_listed_in_capitals() {
        assert!(ERROR_VALUES.split(' ').all(|value| value.to_uppercase() == value
            && value.starts_with('#')
            && value.len() <= 32));
    }
}
