//! The tests that docs/guarantees.md names are there, and each guarantee names one or says that
//! there is none.

use std::{fs, path::Path};

/// The guarantees, each with its text.
fn guarantees(page: &str) -> Vec<&str> {
    page.split("\n### ").skip(1).collect()
}

/// What stands between single backticks and is a test's name.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').filter(|part| part.contains("::") && !part.contains(char::is_whitespace))
}

/// Whether a file of one of the modules in `name` has that function.
fn is_there(name: &str) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let parts: Vec<&str> = name.split("::").collect();
    let Some((function, modules)) = parts.split_last() else { return false };
    (1..=modules.len()).any(|depth| {
        let path = modules[..depth].join("/");
        ["src", "tests/it"].iter().any(|top| {
            ["", "/mod", "_tests"].iter().any(|end| {
                fs::read_to_string(root.join(format!("{top}/{path}{end}.rs")))
                    .is_ok_and(|source| source.contains(&format!("fn {function}(")))
            })
        })
    })
}

#[test]
fn every_test_that_a_guarantee_names_is_there() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guarantees.md"));
    let page = page.unwrap();
    let guarantees = guarantees(&page);
    assert!(guarantees.len() > 40, "{} guarantees", guarantees.len());
    for guarantee in guarantees {
        let title = guarantee.lines().next().unwrap();
        let is_open = guarantee.contains("No test shows this yet.");
        assert!(is_open || names(guarantee).next().is_some(), "{title} names no test");
        let missing: Vec<&str> = names(guarantee).filter(|name| !is_there(name)).collect();
        assert!(missing.is_empty(), "{title}: {missing:?}");
    }
    assert!(is_there("layers::guarantees::every_test_that_a_guarantee_names_is_there"));
    assert!(!is_there("layers::guarantees::no_such_test"));
}
