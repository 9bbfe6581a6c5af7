//! Short texts under a key: XChaCha20-Poly1305 with a random nonce, as one line of text.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};

use super::{Error, Fault};

/// A key.
pub type EncryptionKey = [u8; 32];

/// Begins every sealed text: the version of the form. A text of this form reads
/// `sealed1.NONCE.CIPHERTEXT`.
const VERSION: &str = "sealed1";
const NONCE_BYTES: usize = 24;

/// `text` under `key`, bound to `place`: moved elsewhere, it can't be opened.
///
/// Errors: [`Error::Fault`] without randomness.
pub fn encrypt(key: &EncryptionKey, place: &[u8], text: &[u8]) -> Result<String, Error> {
    let nonce: [u8; NONCE_BYTES] = random()?;
    let encrypted = XChaCha20Poly1305::new(key.into())
        .encrypt(&XNonce::from(nonce), Payload { msg: text, aad: place })
        .map_err(|_| Fault::Crypto("a text could not be encrypted".into()))?;
    Ok(format!("{VERSION}.{}.{}", URL_SAFE_NO_PAD.encode(nonce), URL_SAFE_NO_PAD.encode(encrypted)))
}

/// The text in `encrypted`, when it was sealed under `key` for `place`.
pub fn decrypt(key: &EncryptionKey, place: &[u8], encrypted: &str) -> Option<Vec<u8>> {
    let (nonce, ciphertext) = parts(encrypted)?;
    XChaCha20Poly1305::new(key.into())
        .decrypt(&XNonce::from(nonce), Payload { msg: &ciphertext, aad: place })
        .ok()
}

/// Whether `text` has the form of a sealed one.
pub fn is_encrypted(text: &str) -> bool {
    parts(text).is_some()
}

fn parts(encrypted: &str) -> Option<([u8; NONCE_BYTES], Vec<u8>)> {
    let (nonce, ciphertext) =
        encrypted.strip_prefix(VERSION)?.strip_prefix('.')?.split_once('.')?;
    let nonce = URL_SAFE_NO_PAD.decode(nonce).ok()?.try_into().ok()?;
    Some((nonce, URL_SAFE_NO_PAD.decode(ciphertext).ok()?))
}

/// Bytes that nobody can guess.
///
/// Errors: [`Error::Fault`] where the system has none.
pub fn random<const N: usize>() -> Result<[u8; N], Error> {
    fail::fail_point!("crypto::random", |_| Err(Fault::Crypto("no random numbers".into()).into()));
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|e| Fault::Crypto(format!("this machine provides no random numbers: {e}")))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_and_place_open_it() {
        let encrypted = encrypt(&[1; 32], b"here", b"leaked by Jo").unwrap_or_default();
        assert!(is_encrypted(&encrypted) && !encrypted.contains("Jo"));
        assert_eq!(
            decrypt(&[1; 32], b"here", &encrypted).as_deref(),
            Some(b"leaked by Jo".as_slice())
        );
        assert_eq!(decrypt(&[2; 32], b"here", &encrypted), None, "another key");
        assert_eq!(decrypt(&[1; 32], b"there", &encrypted), None, "another place");
        let mut changed = encrypted.clone();
        changed.pop();
        changed.push(if encrypted.ends_with('A') { 'Q' } else { 'A' });
        assert_eq!(decrypt(&[1; 32], b"here", &changed), None, "another letter");
    }

    #[test]
    fn the_same_text_never_looks_the_same_twice() {
        let one = || encrypt(&[1; 32], b"", b"x").unwrap_or_default();
        assert_ne!(one(), one());
    }

    #[test]
    fn what_people_type_is_not_sealed() {
        for text in ["", "leaked", "sealed1", "sealed1.", "sealed1.a.b", "sealed1. . "] {
            assert!(!is_encrypted(text), "{text:?}");
        }
    }
}
