//! When an international domain may be shown in its own letters: where nobody can take them for
//! others.

use icu_properties::{CodePointMapData, props::Script};
use idna::uts46::{AsciiDenyList, Hyphens, Uts46};

/// The domain in its own letters where each label is safe, else as DNS knows it.
pub(super) fn domain(ascii: &str) -> String {
    let (letters, read) =
        Uts46::new().to_unicode(ascii.as_bytes(), AsciiDenyList::STD3, Hyphens::Allow);
    if read.is_err() || !is_safe(&letters) { ascii.to_owned() } else { letters.into_owned() }
}

fn is_safe(domain: &str) -> bool {
    let has_own_ending = domain.rsplit('.').next().is_some_and(|ending| !ending.is_ascii());
    domain.split('.').all(|label| label.is_ascii() || is_label_safe(label, has_own_ending))
}

/// Whether a label is of one script, and of one whose words are not taken for Latin ones. Cyrillic
/// and Greek letters look like Latin ones: they are shown under an ending of their own only.
fn is_label_safe(label: &str, has_own_ending: bool) -> bool {
    let scripts = CodePointMapData::<Script>::new();
    let mut found: Vec<Script> = vec![];
    for script in label
        .chars()
        .map(|c| scripts.get(c))
        .filter(|script| !matches!(*script, Script::Common | Script::Inherited))
    {
        if !found.contains(&script) {
            found.push(script);
        }
    }
    let is_east_asian = |s: &Script| {
        matches!(
            *s,
            Script::Han | Script::Hiragana | Script::Katakana | Script::Hangul | Script::Bopomofo
        )
    };
    match found.as_slice() {
        // Letters with marks, of Europe's and Vietnam's languages; the dotless i and the kra look
        // like others.
        [Script::Latin] => label.chars().all(|c| {
            c.is_ascii()
                || matches!(c, 'ß'..='ö' | 'ø'..='ÿ' | 'ā'..='ķ' | 'Ĺ'..='ň' | 'Ō'..='ž' | 'ơ' | 'ư' | 'ạ'..='ỹ') && !matches!(c, 'ı' | 'ĸ')
        }),
        [Script::Cyrillic | Script::Greek] => has_own_ending,
        [Script::Arabic | Script::Hebrew | Script::Thai | Script::Devanagari | Script::Bengali | Script::Tamil | Script::Georgian] => true,
        all => !all.is_empty() && all.iter().all(is_east_asian),
    }
}
