//! Second factors: which ones a user has, whether one that is shown is right, and recovery codes.

use super::{passkeys, totp};
use crate::{
    app::{Desk, Error, encrypt_secret, encrypted_text, tokens},
    db::{self, DbConn, WriteTx, factors},
    domain::{
        audit::{Action, Actor, NewRecord},
        ids::UserId,
    },
};

/// What somebody shows as a second factor.
#[derive(Clone, PartialEq, Eq)]
pub enum FactorProof {
    /// A code of the authenticator app, or a recovery code, as typed.
    Code(String),
    /// A passkey's answer, as the browser gave it.
    Passkey(String),
}

/// A factor that was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factor {
    App,
    RecoveryCode,
    Passkey,
}

impl Factor {
    /// As in the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::RecoveryCode => "recovery_code",
            Self::Passkey => "passkey",
        }
    }
}

/// What a user can be asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Has {
    pub app: bool,
    pub recovery_code: bool,
    pub passkey: bool,
}

/// What this user can be asked for.
pub fn of_user(conn: &mut DbConn, user: UserId) -> Result<Has, Error> {
    Ok(Has {
        app: factors::app_of(conn, user)?.is_some(),
        recovery_code: factors::count_recovery_codes(conn, user)? > 0,
        passkey: !db::passkeys::list_of_user(conn, user)?.is_empty(),
    })
}

/// Whom a passkey's question was put to, and what was asked, sealed.
pub(in crate::app) struct Challenge<'a> {
    pub owner: &'a str,
    pub encrypted: Option<&'a str>,
}

/// Whether what is shown is right; a code is used up by it. The user's row is locked by the caller,
/// so that one code shown twice at once counts once.
pub(in crate::app) fn check(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    user: UserId,
    shown: &FactorProof,
    challenge: &Challenge<'_>,
    request_id: &str,
) -> Result<Option<Factor>, Error> {
    match shown {
        FactorProof::Passkey(answer) => {
            let Some(encrypted) = challenge.encrypted else { return Ok(None) };
            Ok(passkeys::check(tx, desk, user, challenge.owner, encrypted, answer)?
                .then_some(Factor::Passkey))
        }
        FactorProof::Code(typed) => {
            let code = plain(typed);
            if code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()) {
                return Ok(check_app(tx, desk, user, &code)?.then_some(Factor::App));
            }
            if !factors::use_recovery_code(tx, user, &hash_of(user, &code), desk.clock.now())? {
                return Ok(None);
            }
            let left = factors::count_recovery_codes(tx, user)?;
            let record = NewRecord::new(None, Action::RecoveryCodeUsed, Actor::User(user))
                .detail("left", left);
            crate::app::sign_in::sessions::record_in_each_merchant(
                tx, desk, user, &record, request_id,
            )?;
            Ok(Some(Factor::RecoveryCode))
        }
    }
}

fn check_app(tx: &mut WriteTx<'_>, desk: &Desk, user: UserId, code: &str) -> Result<bool, Error> {
    let Some(app) = factors::app_of(tx, user)? else { return Ok(false) };
    let Some(secret) = secret_of(desk, user, &app.encrypted_secret) else {
        tracing::error!(
            "an authenticator app's secret can't be decrypted because the secret key has changed; \
             reset the user's second factors"
        );
        return Ok(false);
    };
    match totp::step_of(&secret, code, desk.clock.now()) {
        Some(step) => Ok(factors::use_step(tx, user, step)?),
        None => Ok(false),
    }
}

const SECRET: &str = "totp-secret-v1";

/// The secret of the user's app as it is kept.
pub(in crate::app) fn seal(desk: &Desk, user: UserId, secret: &[u8]) -> Result<String, Error> {
    encrypt_secret::encrypt(desk, SECRET, &user.to_string(), secret)
}

/// The secret that was sealed for this user.
pub(in crate::app) fn secret_of(desk: &Desk, user: UserId, encrypted: &str) -> Option<Vec<u8>> {
    encrypt_secret::decrypt(desk, SECRET, &user.to_string(), encrypted)
}

const FORM: &str = "totp-form-v1";

/// The secret of an app that is being set up, to come back with the form. What is kept is sealed in
/// another way: no form shows that.
pub(in crate::app) fn encrypt_for_form(
    desk: &Desk,
    user: UserId,
    secret: &[u8],
) -> Result<String, Error> {
    encrypt_secret::encrypt(desk, FORM, &user.to_string(), secret)
}

/// The secret that came back with the form.
pub(in crate::app) fn secret_in_form(
    desk: &Desk,
    user: UserId,
    encrypted: &str,
) -> Option<Vec<u8>> {
    encrypt_secret::decrypt(desk, FORM, &user.to_string(), encrypted)
}

const RECOVERY_CODES: usize = 10;
/// No letter that looks like another or like a digit: they are written down by hand.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz123456789";
const LETTERS_PER_CODE: usize = 16;

/// Ten new recovery codes in place of the old; they are shown once, and kept hashed.
pub(in crate::app) fn make_recovery_codes(
    tx: &mut WriteTx<'_>,
    user: UserId,
) -> Result<Vec<String>, Error> {
    let bytes = encrypted_text::random::<{ RECOVERY_CODES * LETTERS_PER_CODE }>()?;
    // Five bits of each byte: every letter is equally likely, and a code has 80 bits.
    let letters: Vec<char> =
        bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
    let codes: Vec<String> =
        letters.chunks(LETTERS_PER_CODE).map(|code| code.iter().collect()).collect();
    factors::replace_recovery_codes(
        tx,
        user,
        &codes.iter().map(|code| hash_of(user, code)).collect::<Vec<_>>(),
    )?;
    Ok(codes.iter().map(|code| in_groups(code)).collect())
}

/// `abcdefgh…` -> `abcd-efgh-…`
fn in_groups(code: &str) -> String {
    let letters: Vec<char> = code.chars().collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// What is kept of a code. With 80 random bits a plain hash can't be searched.
fn hash_of(user: UserId, code: &str) -> String {
    tokens::hash(&format!("{user}:{code}"))
}

/// A code without the marks and capitals that people add; anything long is none.
fn plain(typed: &str) -> String {
    typed.chars().filter(|c| c.is_alphanumeric()).take(64).collect::<String>().to_lowercase()
}
