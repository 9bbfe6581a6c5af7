//! Secrets that must be read again, kept encrypted under a key of the installation's secret for one
//! purpose.

use super::{Desk, Error, encrypted_text};

/// Seals `plain` for `owner`: what is sealed for one opens for no other, and for no other purpose.
///
/// Errors: only where the machine gives no random numbers.
pub fn encrypt(desk: &Desk, purpose: &str, owner: &str, plain: &[u8]) -> Result<String, Error> {
    encrypted_text::encrypt(&desk.key_for(purpose), owner.as_bytes(), plain)
}

/// What was sealed; `None`: it was changed, is another's, or was sealed under another secret.
pub fn decrypt(desk: &Desk, purpose: &str, owner: &str, text: &str) -> Option<Vec<u8>> {
    encrypted_text::decrypt(&desk.key_for(purpose), owner.as_bytes(), text)
}
