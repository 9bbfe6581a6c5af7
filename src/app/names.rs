//! Names that people type for merchants, users and batches.

use crate::domain::{Invalid, fold, invisible};

/// Takes 1 to 100 characters without control characters; white space around and invisible
/// characters are dropped, and it is in Unicode's composed form. `what` begins the complaint.
pub fn check(what: &str, text: &str) -> Result<String, Invalid> {
    let text = invisible::shown(text);
    let text = &*fold::nfc(text.trim());
    let length = text.chars().count();
    if text.chars().any(char::is_control) {
        return Err(Invalid::because(format!("{what} contains a line break or control character")));
    }
    match length {
        1..=100 => Ok(text.to_owned()),
        _ => Err(Invalid::because(format!("{what} has {length} characters; use 1 to 100"))),
    }
}
