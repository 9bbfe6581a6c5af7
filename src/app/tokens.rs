//! Idempotency tokens: signed, stored nowhere until they are used.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::{Desk, Error, encrypted_text};
use crate::domain::{
    Invalid,
    hex::hex,
    ids::{MerchantId, RewardNo, UserId},
};

/// What a token is bound to.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    pub merchant: MerchantId,
    pub user: UserId,
    pub reward: RewardNo,
}

const LIFETIME: TimeDelta = TimeDelta::hours(24);
const NONCE_BYTES: usize = 16;
const MAC_BYTES: usize = 32;

/// A new token; every GET of the dialog hands out another.
pub fn issue(desk: &Desk, binding: Binding) -> Result<String, Error> {
    let mut bytes = encrypted_text::random::<NONCE_BYTES>()?.to_vec();
    bytes.extend(desk.clock.now().timestamp().to_be_bytes());
    let mac = sign(desk, binding, &bytes).finalize().into_bytes();
    bytes.extend(mac);
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// SHA-256 of the token in hex: what a reissue remembers of it.
pub fn hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

/// Whether the token was made here for this binding and is not too old.
///
/// Errors: [`Error::Invalid`] with what to do.
pub fn check(desk: &Desk, binding: Binding, token: &str, now: DateTime<Utc>) -> Result<(), Error> {
    let unknown = || {
        Error::from(Invalid::because(
            "This form doesn't belong to this reward, or it was changed on the way. Nothing was \
             done. Open the dialog again.",
        ))
    };
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| unknown())?;
    let (signed, mac) = bytes
        .split_at_checked(NONCE_BYTES + 8)
        .filter(|(_, mac)| mac.len() == MAC_BYTES)
        .ok_or_else(unknown)?;
    sign(desk, binding, signed).verify_slice(mac).map_err(|_| unknown())?;
    let issued = signed
        .get(NONCE_BYTES..)
        .and_then(|b| <[u8; 8]>::try_from(b).ok())
        .map(i64::from_be_bytes)
        .ok_or_else(unknown)?;
    let age = now.timestamp() - issued;
    if (0..LIFETIME.num_seconds()).contains(&age) {
        Ok(())
    } else {
        Err(Error::from(Invalid::because(
            "This form is more than 24 hours old. Nothing was done. Open the dialog again.",
        )))
    }
}

fn sign(desk: &Desk, binding: Binding, signed: &[u8]) -> Hmac<Sha256> {
    let key: [u8; 64] = desk.key_for("reissue-token-v1");
    // A MAC_BYTES over fixed-width fields: no two bindings can read alike.
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&key.into());
    mac.update(&binding.merchant.0.to_be_bytes());
    mac.update(&binding.user.0.to_be_bytes());
    mac.update(&binding.reward.0.to_be_bytes());
    mac.update(signed);
    mac
}
