//! Passwords: which ones may be chosen, and how they are kept and compared (guarantee S4). Slow on
//! purpose: callers on async threads go through [`crate::app::Desk`], and bound how many run at once.

use std::sync::OnceLock;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use unicode_normalization::UnicodeNormalization;

use crate::{
    app::{Error, Fault},
    domain::Invalid,
};

const MIN_CHARS: usize = 12;
/// Long enough for any phrase; short enough that nobody makes us hash a book.
const MAX_CHARS: usize = 256;

/// What people choose when they are told to choose twelve characters: whole phrases, and words that
/// are stretched with digits and marks.
const COMMON_PASSWORDS: &str = "\
    abc abcd access admin administrator asdf asdfgh asdfghjkl asdfghjklqwertyuiop baseball \
    changeit changeme changethispassword \
    company computer correcthorsebatterystaple coupon customer default dragon football freedom \
    google hello helloworld iloveyou \
    iloveyouforever iloveyousomuch internet jesuschrist letmein letmeinnow liverpool liverpoolfc \
    login manchester \
    manchesterunited marketing master microsoft michael monkey mustang mypassword newpassword \
    nopassword ninja pass passphrase \
    passw passwd password passwordpassword pokemon princess qazwsx qazwsxedc qazwsxedcrfv qwer \
    qwert qwerty qwertyqwerty \
    qwertyuiop qwertyuiopasdfghjkl qwertyuiopasdfghjklzxcvbnm reward rewarddesk rewards root \
    samsung secret secretpassword shadow \
    spring starwars summer sunshine superman superuser supervisor support system test testing \
    testtest thisisapassword \
    thisismypassword trustno trustnoone user username voucher welcome welcomehome whatever winter \
    zaqwsx zxcvbn zxcvbnm";

/// What walks along a keyboard.
const KEYBOARD_WALKS: &[&str] =
    &["qwertyuiopasdfghjklzxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm", "1q2w3e4r5t6y7u8i9o0p"];

/// Refuses what is too short, too long or too common. `names` are the person's own words: e-mail
/// and name.
pub fn check_new(password: &str, names: &[&str]) -> Result<(), Invalid> {
    let password: String = password.nfkc().collect();
    let length = password.chars().count();
    if length < MIN_CHARS {
        return Err(Invalid::because(format!(
            "the password has {length} characters; use {MIN_CHARS} or more, such as a few \
             unrelated words"
        )));
    }
    if length > MAX_CHARS {
        return Err(Invalid::because(format!(
            "the password has {length} characters; use {MAX_CHARS} or fewer"
        )));
    }
    if password.chars().any(char::is_control) {
        return Err(Invalid::because("the password contains a line break or control character"));
    }
    let lower = password.to_lowercase();
    let plain: String = lower.chars().filter(|c| c.is_alphanumeric()).collect();
    let repeats = (1..=plain.len() / 2).any(|n| {
        plain.len().is_multiple_of(n)
            && plain.is_char_boundary(n)
            && plain[..n].repeat(plain.len() / n) == plain
    });
    let distinct = lower.chars().collect::<std::collections::BTreeSet<_>>().len();
    let walks = KEYBOARD_WALKS.iter().any(|walk| {
        !plain.is_empty()
            && (walk.contains(&plain) || walk.chars().rev().collect::<String>().contains(&plain))
    });
    if distinct < 5
        || repeats
        || walks
        || climbs(&plain)
        || is_common(&lower)
        || names.iter().any(|name| is_own(&plain, name))
    {
        return Err(Invalid::because(
            "the password is too easy to guess; use a few unrelated words",
        ));
    }
    Ok(())
}

/// Mostly steps to the next or the previous letter or digit, such as fedcba654321.
fn climbs(plain: &str) -> bool {
    let points: Vec<u32> = plain.chars().map(u32::from).collect();
    let steps = points.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) <= 1).count();
    points.len() > 1 && steps * 4 >= (points.len() - 1) * 3
}

/// A common word or phrase with digits and marks around it, also in the spelling of `P@ssw0rd`.
fn is_common(lower: &str) -> bool {
    let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
    let spelled: String = lower
        .trim_matches(|c: char| !c.is_alphabetic() && !"@$".contains(c))
        .chars()
        .map(|c| match c {
            '0' => 'o',
            '1' | '!' => 'i',
            '3' => 'e',
            '4' | '@' => 'a',
            '5' | '$' => 's',
            '7' => 't',
            other => other,
        })
        .collect();
    [letters(lower), letters(&spelled)]
        .iter()
        .any(|core| COMMON_PASSWORDS.split(' ').any(|common| common == core) || core.is_empty())
}

/// Somebody's own address, its parts or their name, with digits and marks around it.
fn is_own(plain: &str, name: &str) -> bool {
    let digitless = |text: &str| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
    let core = digitless(plain);
    let name = name.to_lowercase();
    core.chars().count() < 4
        || std::iter::once(name.as_str())
            .chain(name.split(['@', ' ']))
            .map(digitless)
            .any(|own| own.chars().count() >= 3 && own == core)
}

/// The form in which a password is kept: argon2id with 19 MiB, two passes, one lane (OWASP's
/// parameters), salted.
pub fn hash(password: &str) -> Result<String, Error> {
    let password: String = password.nfkc().collect();
    let hashed: Result<PasswordHash, _> = Argon2::default().hash_password(password.as_bytes());
    hashed
        .map(|h| h.to_string())
        .map_err(|e| Fault::Crypto(format!("no password can be hashed: {e}")).into())
}

/// Whether `password` is the one that was kept. A user who is not there (`None`), or has not chosen
/// one yet, takes as long.
pub fn verify(password: &str, kept: Option<&str>) -> bool {
    static DUMMY_HASH: OnceLock<String> = OnceLock::new();
    let password: String = password.nfkc().take(MAX_CHARS).collect();
    let dummy = || {
        DUMMY_HASH
            .get_or_init(|| hash("the password of nobody at all").unwrap_or_default())
            .as_str()
    };
    let kept = kept.and_then(|kept| PasswordHash::new(kept).ok());
    let is_real = kept.is_some();
    let matches = kept
        .or_else(|| PasswordHash::new(dummy()).ok())
        .is_some_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
    matches && is_real
}

/// Makes the dummy hash now, so that the first unknown user does not take longer than the rest.
pub fn warm_up() {
    let _ = verify("", None);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_password_is_recognised_and_another_is_not() {
        let kept = hash("correct horse battery 42!").unwrap_or_else(|e| panic!("{e}"));
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(verify("correct horse battery 42!", Some(&kept)));
        assert!(!verify("correct horse battery 43!", Some(&kept)));
        assert!(!verify("the password of nobody at all", None));
        assert!(!verify("", Some("not a hash")));
    }

    #[test]
    fn one_password_typed_on_two_keyboards_is_the_same() {
        let kept = hash("cafe\u{301} au lait, s'il vous plait").unwrap_or_else(|e| panic!("{e}"));
        assert!(verify("caf\u{e9} au lait, s'il vous plait", Some(&kept)));
    }

    #[test]
    fn short_and_common_passwords_are_refused() {
        for text in [
            "short",
            "elevenchars",
            "password1234",
            "P@ssw0rd1234!",
            "Password!2026",
            "123456789012",
            "qwertyuiop123",
            "aaaaaaaaaaaaaaa",
            "abcabcabcabc",
            "Welcome2026!!",
            "correcthorsebatterystaple",
            "correct horse battery staple",
            "ch4ngeme!!!!!",
            "2026-11-23 10:00",
            "Casey Manager 1",
            "casey.manager1",
            "caseycaseycasey",
            "1qaz2wsx3edc",
            "fedcba987654321",
            "abcdefghijkl",
            "rewarddesk2026",
            &"long".repeat(80),
        ] {
            assert!(
                check_new(text, &["casey.manager@desk.example", "Casey Manager"]).is_err(),
                "{text:?} was taken"
            );
        }
    }

    #[test]
    fn there_are_no_composition_rules() {
        for text in [
            "correct horse battery 42!",
            "tulip anchor violin",
            "zxwvkjqphgtm",
            "мой дядя самых честных",
            "a password of unrelated words",
        ] {
            assert_eq!(check_new(text, &["casey@desk.example", "Casey"]), Ok(()), "{text:?}");
        }
    }
}
