//! Other people's text made fit for a mail: one line, nothing that acts, turns or hides.

use crate::domain::invisible;

/// One line of `text`: line breaks and control characters are spaces, invisible and
/// direction-turning ones are gone.
pub(super) fn line(text: &str) -> String {
    let spaced: String = text
        .chars()
        .filter(|c| !is_trickery(*c))
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// [`line`], cut at `most` characters.
pub(super) fn short_line(text: &str, most: usize) -> String {
    let line = line(text);
    if line.chars().count() <= most {
        line
    } else {
        line.chars().take(most - 1).chain(['…']).collect()
    }
}

/// The text as a sender's display name: without what would end or split it.
pub(super) fn display_name(text: &str) -> String {
    line(&text.replace(['<', '>', '"', '\\', ',', ';', '@'], " "))
}

/// A first name to greet by. A "name" that is an address or a sentence would be somebody else's
/// words in the merchant's mouth, and mail programs would make it a link: nobody is greeted by
/// those.
pub(super) fn first_name(text: &str) -> Option<String> {
    let name = line(text);
    let plain =
        |c: char| c.is_alphabetic() || is_mark(c) || matches!(c, ' ' | '-' | '\'' | '’' | '.');
    let looks_like_a_host =
        name.split(' ').any(|word| word.trim_end_matches('.').contains('.') && !is_initials(word));
    let fits = !name.is_empty() && name.chars().count() <= 40 && name.split(' ').count() <= 4;
    (fits && name.chars().all(plain) && name.chars().any(char::is_alphabetic) && !looks_like_a_host)
        .then_some(name)
}

/// A name that somebody chose for a thing or a person, if it is no more than that: letters, digits
/// and the few signs that names have. Mail programs make links of addresses, and a sentence would
/// be somebody else's words in the desk's mouth.
pub(super) fn plain_name(text: &str) -> Option<String> {
    let name = line(text);
    let plain = |c: char| {
        c.is_alphanumeric()
            || is_mark(c)
            || matches!(c, ' ' | '-' | '\'' | '’' | '_' | '(' | ')' | '+')
    };
    (!name.is_empty() && name.chars().count() <= 40 && name.chars().all(plain)).then_some(name)
}

/// "J.R." or "J.R": single letters with dots.
fn is_initials(word: &str) -> bool {
    word.split('.').all(|part| part.chars().count() <= 1)
}

fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

/// Characters that show nothing of their own, but for those that words are written with.
fn is_trickery(c: char) -> bool {
    invisible::is_invisible(c) && !invisible::shapes_words(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_one_harmless_line() {
        assert_eq!(line("a\r\nBcc: x@y.example\u{2028}\tb\0c"), "a Bcc: x@y.example b c");
        assert_eq!(line("\u{202e}gnp.exe\u{2066} ok\u{200b}"), "gnp.exe ok");
        assert_eq!(short_line("abcdef", 4), "abc…");
        assert_eq!(short_line("abcd", 4), "abcd");
    }

    #[test]
    fn a_display_name_cannot_end_early() {
        assert_eq!(display_name("Acme <evil@x.example>, \"Bob\""), "Acme evil x.example Bob");
    }

    #[test]
    fn people_are_greeted_by_names_only() {
        for name in
            ["Jo", "Zoë", "O'Neil", "Mary-Jane", "J.R.", "José María", "大輔", "Jo.", "Siân"]
        {
            assert_eq!(first_name(name).as_deref(), Some(name));
        }
        for text in [
            "",
            "  ",
            "Click http://evil.example",
            "evil.example",
            "jo@x.example",
            "You won 500",
            "<b>Jo</b>",
            "{{7*7}}",
            "a b c d e",
            "-",
        ] {
            assert_eq!(first_name(text), None, "{text:?}");
        }
        assert_eq!(first_name(&"a".repeat(41)), None);
    }
}
