//! Secrets that must be read again, kept encrypted: XChaCha20-Poly1305 under a key of the installation's secret for one purpose.
//! Must not know what is sealed.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};

use super::{Desk, Error};
use crate::db;

const NONCE: usize = 24;

/// Seals `plain` for `owner`: what is sealed for one opens for no other, and for no other purpose.
///
/// Errors: only where the machine gives no random numbers.
pub fn seal(desk: &Desk, purpose: &str, owner: &str, plain: &[u8]) -> Result<String, Error> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).map_err(|e| db::Error::Unavailable(format!("no randomness: {e}")))?;
    let sealed = cipher(desk, purpose)
        .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: owner.as_bytes() })
        .map_err(|_| db::Error::Unavailable("a secret could not be sealed".into()))?;
    Ok(URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
}

/// What was sealed; `None`: it was changed, is another's, or was sealed under another secret.
pub fn open(desk: &Desk, purpose: &str, owner: &str, sealed: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let (nonce, sealed) = bytes.split_at_checked(NONCE)?;
    let nonce: [u8; NONCE] = nonce.try_into().ok()?;
    cipher(desk, purpose).decrypt(&XNonce::from(nonce), Payload { msg: sealed, aad: owner.as_bytes() }).ok()
}

fn cipher(desk: &Desk, purpose: &str) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&desk.key_for::<32>(purpose).into())
}
