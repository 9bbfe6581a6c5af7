//! The documents: each one that a comment names is there, each link between them leads somewhere,
//! and so does each file of the project that they name.

use std::{collections::BTreeSet, fs, path::Path};

/// Where comments are read, and where documents are; `""` is the project's own folder.
const COMMENTED: [&str; 10] = [
    "",
    ".ci",
    "benches",
    "deploy",
    "migrations",
    "scripts",
    "src",
    "static",
    "templates",
    "tests",
];
const DOCUMENTED: [&str; 4] = ["", "benches", "docs", "migrations"];
/// The folders whose files documents name.
const NAMED: [&str; 7] =
    ["benches", "deploy", "migrations", "scripts", "src", "templates", "tests"];
/// Made by `scripts/bench` from `benches`: of the day when it measured.
const MEASURED: [&str; 2] = ["docs/speed.md", "benches/"];
/// Holds breaches on purpose, as texts.
const PROOFS: &str = "tests/it/layers/proofs.rs";

/// What a file's comments are made of begins with one of these. A template's comment may have many
/// lines: all of it is read, as is every other kind of file.
fn comment_marks(path: &str, text: &str) -> &'static [&'static str] {
    match Path::new(path).extension().and_then(|ending| ending.to_str()) {
        Some("rs" | "mjs" | "js") => &["//", "/*", " * "],
        Some("sql") => &["--"],
        Some("sh") => &["#"],
        None if text.starts_with("#!") => &["#"],
        _ => &[""],
    }
}

/// The documents that a file's comments name, such as `docs/speed.md`.
fn named_documents<'a>(path: &str, text: &'a str) -> Vec<&'a str> {
    let marks = comment_marks(path, text);
    let comments = text
        .lines()
        .filter_map(|line| marks.iter().find_map(|mark| line.find(mark).map(|at| &line[at..])));
    comments.flat_map(documents_in).collect()
}

fn documents_in(comment: &str) -> impl Iterator<Item = &str> {
    let is_in_a_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    comment
        .split(move |c| !is_in_a_path(c))
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| is_document(word))
}

fn is_document(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|ending| ending == "md")
}

/// Each document that a file's comments name and that is neither in the project's folder nor beside
/// the file. `is_there` is asked for paths relative to the project.
pub fn missing_documents(path: &str, text: &str, is_there: impl Fn(&str) -> bool) -> Vec<String> {
    named_documents(path, text)
        .into_iter()
        .filter(|name| !is_there(name) && !beside(path, name).is_some_and(|it| is_there(&it)))
        .map(|name| format!("{path} names {name}, which is not there"))
        .collect()
}

/// Where a path that is written in the file `from` leads, relative to the project; `None`: out of
/// it.
fn beside(from: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// A page's text without its blocks of code.
fn prose(page: &str) -> String {
    page.split("\n```").step_by(2).collect()
}

/// The targets of a page's links and pictures.
fn links(page: &str) -> Vec<String> {
    let targets = |text: &str| -> Vec<String> {
        text.split("](")
            .skip(1)
            .filter_map(|rest| rest.split_once(')'))
            .map(|(target, _)| target.to_owned())
            .collect()
    };
    targets(&prose(page))
}

/// The names by which a page's headings are linked to, as GitHub makes them.
fn anchors(page: &str) -> BTreeSet<String> {
    let name = |heading: &str| {
        heading
            .trim_start_matches('#')
            .trim()
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    };
    prose(page).lines().filter(|line| line.starts_with('#')).map(name).collect()
}

/// Each link of a page that leads nowhere in the project. `is_there` and `page_of` are asked for
/// paths relative to the project; a folder is there, too.
pub fn dead_links(
    path: &str,
    text: &str,
    is_there: impl Fn(&str) -> bool,
    page_of: impl Fn(&str) -> Option<String>,
) -> Vec<String> {
    let is_ours = |link: &&String| !link.contains("://") && !link.starts_with("mailto:");
    let leads_nowhere = |link: &&String| {
        let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
        let target = if file.is_empty() { Some(path.to_owned()) } else { beside(path, file) };
        let Some(target) = target.filter(|target| is_there(target)) else { return true };
        !anchor.is_empty() && !page_of(&target).is_some_and(|page| anchors(&page).contains(anchor))
    };
    links(text)
        .iter()
        .filter(is_ours)
        .filter(leads_nowhere)
        .map(|link| format!("{path} links to {link}, which leads nowhere"))
        .collect()
}

/// Each file or folder of the project that a page names between backticks and that is not there.
/// `src/app/<noun>/` and the like stand for several.
pub fn missing_files(path: &str, text: &str, is_there: impl Fn(&str) -> bool) -> Vec<String> {
    let is_ours = |name: &&str| {
        NAMED.iter().any(|folder| {
            name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/') && rest.len() > 1)
        })
    };
    prose(text)
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(is_ours)
        .filter_map(|name| name.split_whitespace().next())
        .filter(|name| !name.contains(['<', '{', '*', '…']) && !is_there(name))
        .map(|name| format!("{path} names {name}, which is not there"))
        .collect()
}

fn is_there(path: &str) -> bool {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path).exists()
}

fn page_of(path: &str) -> Option<String> {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).ok()
}

/// Each text file below `folder`, as (path relative to the project, text); of the project's own
/// folder (`""`) only the files in it.
fn texts(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut folders, mut found) = (vec![root.join(folder)], vec![]);
    while let Some(folder_path) = folders.pop() {
        for path in fs::read_dir(folder_path).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() && !folder.is_empty() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                found.push((name, text));
            }
        }
    }
    found
}

#[test]
fn every_document_that_a_comment_names_is_there() {
    let found: Vec<String> = COMMENTED
        .into_iter()
        .flat_map(texts)
        .filter(|(path, _)| !is_document(path) && path != PROOFS)
        .flat_map(|(path, text)| missing_documents(&path, &text, is_there))
        .collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

fn pages() -> Vec<(String, String)> {
    let pages: Vec<(String, String)> =
        DOCUMENTED.into_iter().flat_map(texts).filter(|(path, _)| is_document(path)).collect();
    assert!(pages.iter().any(|(path, _)| path == "README.md"), "no documents were read");
    pages
}

#[test]
fn every_file_that_a_document_names_is_there() {
    let found: Vec<String> = pages()
        .into_iter()
        .filter(|(path, _)| !MEASURED.iter().any(|measured| path.starts_with(measured)))
        .flat_map(|(path, text)| missing_files(&path, &text, is_there))
        .collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let found: Vec<String> =
        pages().iter().flat_map(|(path, text)| dead_links(path, text, is_there, page_of)).collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}
