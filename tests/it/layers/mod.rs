//! The house rules that a compiler does not know, read from the sources themselves:
//! layers, lengths, names, and what a template may hold. Each rule is shown to catch what it is
//! for, in `proofs`.

mod documents;
mod guarantees;
mod migrations;
mod proofs;
mod source;
mod speed;

use std::{fs, path::Path};

use source::Source;

/// No file is longer: it can be read in one sitting.
const MAX_LINES: usize = 500;

/// No test's name is longer, so that the runner's lines can be read.
const MAX_TEST_NAME: usize = 60;

/// What a layer may use of the others, and which crates and calls it must not know.
struct Floor {
    name: &'static str,
    may_use: &'static [&'static str],
    must_not_know: &'static [&'static str],
}

/// All that lies in `src/`, lowest first. Wiring may use everything.
const FLOORS: [Floor; 6] = [
    Floor {
        name: "domain",
        may_use: &[],
        must_not_know: &[
            "diesel",
            "diesel_migrations",
            "r2d2",
            "actix_web",
            "askama",
            "lettre",
            "tokio",
            "reqwest",
            "clap",
            "std::env",
            "std::fs",
            "std::net",
            "Utc::now",
            "SystemTime",
        ],
    },
    Floor {
        name: "db",
        may_use: &["domain"],
        must_not_know: &["actix_web", "askama", "lettre", "tokio", "clap", "std::env", "Utc::now"],
    },
    Floor {
        name: "mail",
        may_use: &["domain"],
        must_not_know: &["diesel", "r2d2", "actix_web", "clap", "std::env", "Utc::now"],
    },
    Floor {
        name: "app",
        may_use: &["domain", "db", "mail"],
        must_not_know: &[
            "diesel",
            "r2d2",
            "actix_web",
            "askama",
            "lettre",
            "clap",
            "std::env",
            "Utc::now",
        ],
    },
    Floor {
        name: "web",
        may_use: &["domain", "app"],
        must_not_know: &["diesel", "r2d2", "lettre", "clap", "std::env", "Utc::now"],
    },
    Floor {
        name: "jobs",
        may_use: &["domain", "app"],
        must_not_know: &[
            "diesel",
            "r2d2",
            "actix_web",
            "askama",
            "lettre",
            "clap",
            "std::env",
            "Utc::now",
        ],
    },
];

/// Not layers, but no layer may reach up to them.
const WIRING: [&str; 6] = ["cli", "config", "startup", "telemetry", "main", "commands"];

/// Names that say nothing.
const EMPTY_NAMES: [&str; 8] =
    ["util", "utils", "helper", "helpers", "manager", "managers", "misc", "common"];

/// All that is wrong with one file of `src/`, one sentence each. `path` is relative to the project,
/// such as `src/db/tx.rs`.
fn problems_of_source(path: &str, text: &str) -> Vec<String> {
    let mut found = problems_of_any(path, text);
    let source = Source::read(text);
    if !text.starts_with("//!") {
        found.push("does not open with a //! comment: what it owns, what it must not know".into());
    }
    let inside: Vec<&str> = path.strip_prefix("src/").unwrap_or(path).split(['/', '.']).collect();
    if let Some(floor) = FLOORS.iter().find(|floor| floor.name == inside[0]) {
        let reached = source.house_paths(inside.len().saturating_sub(1));
        let off_limits = FLOORS
            .iter()
            .map(|f| f.name)
            .chain(WIRING)
            .filter(|name| *name != floor.name && !floor.may_use.contains(name));
        found.extend(
            off_limits
                .filter(|name| reached.iter().any(|r| r == name))
                .map(|name| format!("{} reaches for {name}", floor.name)),
        );
        let known = floor
            .must_not_know
            .iter()
            .filter(|name| source.knows(name) && !is_the_clock(path, name));
        found.extend(known.map(|name| format!("{} must not know {name}", floor.name)));
    }
    if inside[0] != "db"
        && (source.knows("DbConn::Sqlite")
            || source.knows("DbConn::Postgres")
            || source.holds("each!"))
    {
        found.push("tells the two databases apart outside src/db".into());
    }
    for name in EMPTY_NAMES {
        if source.declares_module(name) || source.declares_type_ending_in(name) {
            found.push(format!("has something called {name}"));
        }
    }
    found
}

fn is_the_clock(path: &str, name: &str) -> bool {
    path == "src/domain/clock.rs" && name == "Utc::now"
}

/// What holds for every file.
fn problems_of_any(path: &str, text: &str) -> Vec<String> {
    let mut found = vec![];
    let lines = text.lines().count();
    if lines > MAX_LINES {
        found.push(format!("has {lines} lines, more than {MAX_LINES}"));
    }
    let called = path.split(['/', '.']).find(|part| EMPTY_NAMES.contains(part));
    found.extend(called.map(|name| format!("is called {name}")));
    found
}

/// Tests whose names say too much.
fn problems_of_test_names(_path: &str, text: &str) -> Vec<String> {
    let source = Source::read(text);
    let long = source.tests().into_iter().filter(|name| name.len() > MAX_TEST_NAME);
    long.map(|name| format!("has a test whose name is longer than {MAX_TEST_NAME}: {name}"))
        .collect()
}

/// All that is wrong with a template. Mail clients need inline styles, and their page has a policy
/// of its own (guarantee S6).
fn problems_of_template(path: &str, text: &str) -> Vec<String> {
    let mut found = problems_of_any(path, text);
    let lower = text.to_lowercase();
    let squeezed: String = lower.chars().filter(|c| !c.is_whitespace()).collect();
    if squeezed.contains("|safe")
        || squeezed.contains("|escape(\"none\"")
        || squeezed.contains("{%autoescape")
    {
        found.push("turns escaping off".into());
    }
    let is_mail = ["fulfilment", "_notice", "alert", "account", "heads"]
        .iter()
        .any(|mail| path.ends_with(&format!("mails/{mail}.html")));
    for (attribute, value) in source::attributes(&lower) {
        if attribute == "style" && !is_mail {
            found.push("has a style attribute".into());
        }
        if attribute.starts_with("on") && attribute.len() > 3 || attribute.starts_with("hx-on") {
            found.push(format!("has an {attribute} attribute"));
        }
        if value.starts_with("javascript:") {
            found.push(format!("has a javascript: address in {attribute}"));
        }
    }
    if lower
        .match_indices("<script")
        .any(|(at, _)| !lower[at..].split('>').next().unwrap_or_default().contains("src="))
    {
        found.push("has an inline script".into());
    }
    if lower.contains("<style") && !is_mail {
        found.push("has an inline style sheet".into());
    }
    found
}

/// Each file below `folder` with one of the endings, as (path relative to the project, text).
fn files(folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut folders, mut found) = (vec![root.join(folder)], vec![]);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.expect("the sources can be read").path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| endings.iter().any(|ending| e == *ending)) {
                let name = path
                    .strip_prefix(root)
                    .expect("below the root")
                    .to_string_lossy()
                    .replace('\\', "/");
                found.push((name, fs::read_to_string(&path).expect("a source is text")));
            }
        }
    }
    found.sort();
    found
}

#[track_caller]
fn assert_none(folder: &str, endings: &[&str], problems: fn(&str, &str) -> Vec<String>) {
    let files = files(folder, endings);
    assert!(!files.is_empty(), "nothing was read in {folder}");
    let found: Vec<String> = files
        .iter()
        .flat_map(|(path, text)| {
            problems(path, text).into_iter().map(move |problem| format!("{path} {problem}"))
        })
        .collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn the_sources_keep_the_house_rules() {
    assert_none("src", &["rs"], problems_of_source);
}

#[test]
fn the_templates_keep_the_house_rules() {
    assert_none("templates", &["html", "txt"], problems_of_template);
}

#[test]
fn the_tests_can_be_read_in_one_sitting() {
    assert_none("tests", &["rs"], problems_of_any);
}

#[test]
fn test_names_are_short() {
    assert_none("src", &["rs"], problems_of_test_names);
    assert_none("tests", &["rs"], problems_of_test_names);
}
