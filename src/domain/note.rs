//! A short text that somebody types about an act: why a coupon is barred, which order used it.

use super::Invalid;

/// As long as a code may be; longer stories belong in a ticket.
const MAX_NOTE_CHARS: usize = 255;

/// Trimmed, one line, 1 to 255 characters, nothing that changes how it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note(String);

impl Note {
    /// Takes `text` as a note; an empty one is none.
    pub fn parse(text: &str) -> Result<Option<Self>, Invalid> {
        let text = text.trim();
        if text.chars().any(|c| c.is_control() || turns_text_round(c)) {
            return Err(Invalid::because(
                "this contains a line break or another control character; write it on one line",
            ));
        }
        let length = text.chars().count();
        if length > MAX_NOTE_CHARS {
            return Err(Invalid::because(format!(
                "this has {length} characters; at most {MAX_NOTE_CHARS} are allowed"
            )));
        }
        Ok((length > 0).then(|| Self(text.to_owned())))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Marks that make what follows read from the other side, and so could make a reason say something
/// else.
fn turns_text_round(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_trimmed_and_an_empty_one_is_none() {
        assert_eq!(
            Note::parse(" leaked online \n").map(|n| n.map(|n| n.0)),
            Ok(Some("leaked online".into()))
        );
        assert_eq!(Note::parse(" \t"), Ok(None));
        assert!(Note::parse(&"é".repeat(255)).is_ok());
    }

    #[test]
    fn what_is_too_long_or_holds_control_characters_is_refused() {
        for text in [&"x".repeat(256), "a\nb", "a\0b", "a\u{7f}b", "a\u{202e}b"] {
            assert!(Note::parse(text).is_err(), "{text:?} was taken");
        }
    }
}
