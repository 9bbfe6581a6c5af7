//! Codes of authenticator apps (RFC 6238: SHA-1, six digits, half a minute), the only kind that
//! every app knows.

use chrono::{DateTime, Utc};
use totp_rs::{Algorithm, Builder, Secret, Totp};

use crate::app::{Error, encrypted_text};

/// 160 bits, as RFC 4226 asks for.
const SECRET_BYTES: usize = 20;
const STEP_SECONDS: u64 = 30;
/// A code of the step before or after is taken, too: clocks differ, and people type slowly.
const TOLERANCE_STEPS: u16 = 1;

/// A new secret.
pub fn new_secret() -> Result<Vec<u8>, Error> {
    Ok(encrypted_text::random::<SECRET_BYTES>()?.to_vec())
}

/// The time step whose code this is, if it is one of those around `now`.
pub fn step_of(secret: &[u8], code: &str, now: DateTime<Utc>) -> Option<i64> {
    let step = totp(secret)?.check(code, u64::try_from(now.timestamp()).ok()?)?;
    i64::try_from(step).ok()
}

/// The secret as it is typed into an app.
pub fn in_letters(secret: &[u8]) -> String {
    Secret::from(secret.to_vec()).to_base32()
}

/// What an app reads from the picture: issuer, account and secret.
pub fn address(secret: &[u8], account: &str) -> String {
    let account =
        percent_encoding::utf8_percent_encode(account, percent_encoding::NON_ALPHANUMERIC);
    let letters = in_letters(secret);
    format!(
        "otpauth://totp/Reward%20Desk:{account}?secret={letters}&issuer=Reward%20Desk&algorithm=SHA1&digits=6&period={STEP_SECONDS}"
    )
}

fn totp(secret: &[u8]) -> Option<Totp> {
    let builder = Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_step_duration(STEP_SECONDS)
        .with_skew(TOLERANCE_STEPS);
    builder.with_secret(secret.to_vec()).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(seconds)
    }

    #[test]
    fn the_codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, cut to six digits.
        let secret = b"12345678901234567890";
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(step_of(secret, code, at(seconds)), Some(seconds / 30), "{code}");
            assert_eq!(
                step_of(secret, code, at(seconds + 30)),
                Some(seconds / 30),
                "{code} a step later"
            );
            assert_eq!(
                step_of(secret, code, at(seconds - 30)),
                Some(seconds / 30),
                "{code} a step earlier"
            );
            assert_eq!(step_of(secret, code, at(seconds + 60)), None, "{code} two steps later");
        }
        for code in ["", "28708", "2870822", "28708a", "+87082", "２８７０８２"] {
            assert_eq!(step_of(secret, code, at(59)), None, "{code:?}");
        }
        assert_eq!(in_letters(secret), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }
}
