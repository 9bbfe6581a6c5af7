//! Browsers in which a user has signed in before: signed tokens, stored nowhere (OWASP's device
//! cookies).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::{
    app::{Desk, Error, encrypted_text},
    db::sessions,
    domain::{email::account_key, ids::UserId},
};

/// How long a browser stays known after the last sign-in in it.
pub const LIFETIME: TimeDelta = TimeDelta::days(180);
const NONCE_BYTES: usize = 16;
const MAC_BYTES: usize = 32;

/// A token for a browser in which the user with that address has just proved who they are; `None`:
/// there is no such user.
pub fn mark(desk: &Desk, email: &str) -> Result<Option<String>, Error> {
    let Some(known) = credentials(desk, email)? else { return Ok(None) };
    let mut bytes = encrypted_text::random::<NONCE_BYTES>()?.to_vec();
    bytes.extend(desk.clock.now().timestamp().to_be_bytes());
    let mac = sign(desk, known.user, &known.password_hash, &bytes).finalize().into_bytes();
    bytes.extend(mac);
    Ok(Some(URL_SAFE_NO_PAD.encode(bytes)))
}

/// Under which name the browser with that token is known for the user with that address; `None`: it
/// is not. It never is after the user has chosen another password: the person who asked for one may
/// have lost a browser.
pub fn recognise(desk: &Desk, email: &str, mark: &str) -> Result<Option<String>, Error> {
    // Looked up whether or not the token is valid, so that the time tells nothing.
    let known = credentials(desk, email)?
        .unwrap_or(sessions::Credentials { user: UserId(0), password_hash: String::new() });
    let Ok(bytes) = URL_SAFE_NO_PAD.decode(mark) else { return Ok(None) };
    let Some((signed, mac)) =
        bytes.split_at_checked(NONCE_BYTES + 8).filter(|(_, mac)| mac.len() == MAC_BYTES)
    else {
        return Ok(None);
    };
    let Some((nonce, made)) = signed.split_first_chunk::<NONCE_BYTES>() else { return Ok(None) };
    let made = made.first_chunk().map_or(0, |made| i64::from_be_bytes(*made));
    let is_ours = sign(desk, known.user, &known.password_hash, signed).verify_slice(mac).is_ok();
    let is_young =
        (0..LIFETIME.num_seconds()).contains(&desk.clock.now().timestamp().saturating_sub(made));
    Ok((is_ours && is_young).then(|| URL_SAFE_NO_PAD.encode(nonce)))
}

fn credentials(desk: &Desk, email: &str) -> Result<Option<sessions::Credentials>, Error> {
    // As at sign-in: PostgreSQL takes no NUL in a text.
    let email = account_key(email).replace('\0', "\u{fffd}");
    desk.db.read(|conn| sessions::credentials(conn, &email).map_err(Error::from))
}

fn sign(desk: &Desk, user: UserId, password_hash: &str, signed: &[u8]) -> Hmac<Sha256> {
    let key: [u8; 64] = desk.key_for("known-device-v1");
    // Over fixed widths: no two bindings can read alike.
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&key.into());
    mac.update(&user.0.to_be_bytes());
    mac.update(&Sha256::digest(password_hash.as_bytes()));
    mac.update(signed);
    mac
}
