//! How text is made comparable: for search (no case, no marks) and for codes of batches that ignore case.
//! Made in Rust because SQLite's `lower` knows ASCII only, and both databases must find the same rows.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Lower case, compatibility forms unified, marks dropped, white space runs made one space: "Zoë  O’Brien" -> "zoe o’brien".
pub fn for_search(text: &str) -> String {
    let bare: String = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect();
    bare.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The letters of a code without case. Marks are kept: in a code they are part of the money.
pub fn code(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_ignores_case_marks_and_spaces() {
        assert_eq!(for_search("  Zoë\tÅngström "), "zoe angstrom");
        assert_eq!(for_search("ＡＢＣ"), "abc");
    }

    #[test]
    fn a_code_loses_its_case_only() {
        assert_eq!(code("Éa-1O"), "éa-1o");
    }
}
