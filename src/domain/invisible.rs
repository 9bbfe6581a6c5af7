//! The one list of characters that show nothing on a screen. Codes, names, addresses and mail text
//! all ask here.

use std::borrow::Cow;

use icu_properties::{
    CodePointSetData,
    props::{BidiControl, DefaultIgnorableCodePoint},
};

/// Whether `c` shows nothing of its own: Unicode's default-ignorable characters (joiners, fillers,
/// variation selectors, tags), all bidirectional controls, and the few that Unicode counts as signs
/// although nothing is drawn for them.
pub fn is_invisible(c: char) -> bool {
    // Nearly every character that is asked about: nothing invisible is in ASCII.
    !c.is_ascii()
        && (CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
            || CodePointSetData::new::<BidiControl>().contains(c)
            // BRAILLE PATTERN BLANK, NULL NOTEHEAD, and the marks around interlinear annotations.
            || matches!(c, '\u{2800}' | '\u{1d159}' | '\u{fff9}'..='\u{fffb}'))
}

/// Whether `c` is invisible but changes how its neighbours look, as people write it: joiners in
/// Persian, Indic and emoji, and variation selectors. A name or a sentence keeps them; a code, an
/// address and what is searched do not.
pub fn shapes_words(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// `text` without the white space, control and invisible characters around it, which copying from
/// pages and chats leaves there.
pub fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c.is_control() || is_invisible(c))
}

/// `text` as it is kept to be shown: without the invisible characters that shape no words.
pub fn shown(text: &str) -> Cow<'_, str> {
    let is_kept = |c: char| !is_invisible(c) || shapes_words(c);
    if text.chars().all(is_kept) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.chars().filter(|c| is_kept(*c)).collect())
    }
}

/// The first invisible character of `text`, named for a person: "U+200B, a zero-width space".
pub fn first_in(text: &str) -> Option<String> {
    text.chars().find(|c| is_invisible(*c)).map(name)
}

/// `c` as people can look it up, with what it is where that is commonly met.
fn name(c: char) -> String {
    let kind = match c {
        '\u{ad}' => "a soft hyphen",
        '\u{200b}' => "a zero-width space",
        '\u{200c}' | '\u{200d}' => "a zero-width joiner or non-joiner",
        '\u{2060}' => "a word joiner",
        '\u{feff}' => "a byte order mark",
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => "a Hangul filler",
        '\u{2800}' => "a blank Braille sign",
        '\u{e0000}'..='\u{e007f}' => "a tag character",
        c if CodePointSetData::new::<BidiControl>().contains(c) => "a direction mark",
        c if shapes_words(c) => "a variation selector",
        _ => return format!("U+{:04X}", u32::from(c)),
    };
    format!("U+{:04X}, {kind}", u32::from(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_nothing_is_known() {
        let hidden = "\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{180e}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\
                      \u{202e}\u{2060}\u{2063}\u{2066}\u{2069}\u{206f}\u{2800}\u{3164}\u{fe0f}\u{feff}\u{ffa0}\u{fffb}\u{1d173}\u{e0001}\u{e0020}\u{e007f}\u{e01ef}";
        for c in hidden.chars() {
            assert!(is_invisible(c), "U+{:04X}", u32::from(c));
        }
        for c in "aZ09-_ éßłIа字😀\u{301}‐–’·".chars() {
            assert!(!is_invisible(c), "U+{:04X} is seen", u32::from(c));
        }
    }

    #[test]
    fn what_shapes_words_is_invisible_by_itself() {
        assert!(
            (0..=0x10_ffff)
                .filter_map(char::from_u32)
                .filter(|c| shapes_words(*c))
                .all(is_invisible)
        );
    }

    #[test]
    fn it_is_trimmed_around_a_text_and_named_inside() {
        assert_eq!(trimmed("\u{202a}\u{feff} AB 12\u{202c}\r\n\u{200b}"), "AB 12");
        assert_eq!(shown("\u{202e}می\u{200c}خواهم\u{200b}"), "می\u{200c}خواهم");
        assert_eq!(first_in("AB12"), None);
        assert_eq!(first_in("A\u{200b}B").as_deref(), Some("U+200B, a zero-width space"));
        assert_eq!(first_in("A\u{202e}B").as_deref(), Some("U+202E, a direction mark"));
        assert_eq!(first_in("A\u{34f}B").as_deref(), Some("U+034F"));
    }
}
