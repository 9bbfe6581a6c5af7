//! Each house rule catches what it is for, and lets pass what it must.

use super::{
    MAX_TEST_NAME,
    documents::{dead_links, missing_documents, missing_files},
    problems_of_source, problems_of_template, problems_of_test_names,
};

#[track_caller]
fn caught(path: &str, text: &str, problem: &str) {
    let found = problems_of_source(path, &format!("//! Owns.\n{text}"));
    assert!(
        found.iter().any(|p| p.contains(problem)),
        "{text:?} in {path} passed; only found {found:?}"
    );
}

#[track_caller]
fn passes(path: &str, text: &str) {
    assert_eq!(
        problems_of_source(path, &format!("//! Owns.\n{text}")),
        Vec::<String>::new(),
        "{text:?} in {path}"
    );
}

#[test]
fn an_upward_import_is_caught_in_every_shape() {
    for text in [
        "use crate::app::Desk;",
        "use crate::{domain::ids::UserId, app::{Desk, Error}};",
        "use crate::{\n    app,\n    domain,\n};",
        "fn f() { crate::app::run() }",
        "use super::super::app::Desk;",
        "pub use crate::app as house;",
        "use crate::{domain::{self, role::Role}, app::Desk};",
    ] {
        caught("src/db/coupons.rs", text, "db reaches for app");
    }
    caught("src/db/imports/rows.rs", "use super::super::super::web::Frame;", "db reaches for web");
    caught("src/domain/ids.rs", "use crate::db::DbConn;", "domain reaches for db");
    caught("src/mail/smtp.rs", "use crate::db::DbConn;", "mail reaches for db");
    caught("src/app/desk.rs", "use crate::web::Site;", "app reaches for web");
    caught("src/web/errors.rs", "use crate::{app, db};", "web reaches for db");
    caught("src/web/errors.rs", "use crate::mail::Mailer;", "web reaches for mail");
    caught("src/jobs/sender.rs", "use crate::db::mails;", "jobs reaches for db");
    caught("src/jobs/sender.rs", "use crate::web::Site;", "jobs reaches for web");
    caught("src/app/desk.rs", "use crate::config::Config;", "app reaches for config");
}

#[test]
fn a_downward_import_passes() {
    passes("src/db/coupons.rs", "use crate::{domain::{app_like::App, ids::UserId}, each};");
    passes("src/db/coupons.rs", "use super::{DbConn, app_of};");
    passes("src/app/desk.rs", "use crate::{db::Database, domain::clock::Clock, mail::Letter};");
    passes("src/web/errors.rs", "use crate::app; use super::ui; // crate::db is not for us");
    passes("src/domain/mod.rs", "mod mail; use self::mail::Letter; use super::domain::ids;");
    passes(
        "src/domain/mail.rs",
        "use super::mail::Letter; fn f() { let text = \"crate::db::DbConn\"; }",
    );
    passes(
        "src/startup.rs",
        "use crate::{app::Desk, db::Database, web::Site, mail, jobs}; use diesel::QueryDsl;",
    );
}

#[test]
fn a_crate_that_a_floor_must_not_know_is_caught() {
    for (path, text, name) in [
        ("src/domain/ids.rs", "use diesel::QueryDsl;", "diesel"),
        ("src/domain/ids.rs", "#[derive(diesel::Queryable)] struct A;", "diesel"),
        ("src/domain/ids.rs", "use std::{env, fmt};", "std::env"),
        ("src/domain/ids.rs", "fn f() { std::env::var(\"X\"); }", "std::env"),
        ("src/domain/ids.rs", "fn f() { chrono::Utc::now(); }", "Utc::now"),
        ("src/db/tx.rs", "use tokio::sync::Notify;", "tokio"),
        ("src/app/desk.rs", "use diesel::{QueryDsl, RunQueryDsl};", "diesel"),
        ("src/app/desk.rs", "use actix_web::web;", "actix_web"),
        ("src/web/errors.rs", "use lettre::Message;", "lettre"),
        ("src/jobs/sender.rs", "extern crate lettre; use lettre;", "lettre"),
    ] {
        caught(path, text, &format!("must not know {name}"));
    }
    passes("src/domain/clock.rs", "fn f() { Utc::now(); }");
    passes(
        "src/domain/ids.rs",
        "fn environment() {} struct DieselEngine; fn f(diesel: u8) -> u8 { diesel }",
    );
    passes("src/web/errors.rs", "use actix_web::web; use askama::Template;");
}

#[test]
fn telling_the_databases_apart_outside_db_is_caught() {
    caught(
        "src/app/desk.rs",
        "fn f(c: C) { match c { DbConn::Sqlite(_) => 1, DbConn::Postgres(_) => 2 } }",
        "outside src/db",
    );
    caught("src/cli.rs", "fn f(c: C) { if let db::DbConn::Sqlite(_) = c {} }", "outside src/db");
    caught("src/startup.rs", "fn f() { each!(conn, |c| c.run()) }", "outside src/db");
    passes(
        "src/db/coupons.rs",
        "fn f() { each!(conn, |c| c.run()); match c { DbConn::Sqlite(_) => 1 } }",
    );
    passes("src/cli.rs", "fn f(c: &mut DbConn) {} fn each() {}");
}

#[test]
fn long_files_empty_names_and_missing_openings_are_caught() {
    caught("src/db/coupons.rs", &"\n".repeat(500), "more than 500");
    caught("src/web/utils.rs", "", "is called utils");
    caught("src/web/helpers/mod.rs", "", "is called helpers");
    caught("src/web/frame.rs", "mod helpers;", "something called helpers");
    caught("src/web/frame.rs", "pub struct SessionManager;", "something called manager");
    passes("src/web/frame.rs", "fn manager_of() {} struct AccountManagerName;");
    assert!(!problems_of_source("src/db/coupons.rs", "use std::fmt;\n//! Late.").is_empty());
}

#[test]
fn words_in_comments_texts_and_characters_do_not_count() {
    passes(
        "src/db/a.rs",
        "/* crate::web */ fn f<'a>(x: &'a str) -> char { let _ = r#\"crate::web \"x\" \"#; '\"' }",
    );
    caught(
        "src/db/a.rs",
        "fn f<'a>(x: &'a str) { let q = '\"'; let e = '\\''; crate::web::go(\"\\\"\") }",
        "db reaches for web",
    );
}

#[test]
fn what_a_template_must_not_hold_is_caught() {
    for (text, problem) in [
        ("<p>{{ name|safe }}</p>", "escaping off"),
        ("<p>{{ name | safe }}</p>", "escaping off"),
        ("{% autoescape false %}", "escaping off"),
        ("<p style=\"color: red\">", "style attribute"),
        ("<svg width=\"1\"style='x'>", "style attribute"),
        ("<button onclick=\"go()\">", "onclick"),
        ("<button\n  OnClick=go>", "onclick"),
        ("<a hx-on:click=\"x\">", "hx-on:click"),
        ("<script>alert(1)</script>", "inline script"),
        ("<script type=\"module\">go()</script>", "inline script"),
        ("<style>p{}</style>", "inline style sheet"),
        ("<a href=\"javascript:x\">", "javascript: address"),
    ] {
        let found = problems_of_template("templates/rewards/_row.html", text);
        assert!(found.iter().any(|p| p.contains(problem)), "{text:?} passed; only found {found:?}");
    }
}

#[test]
fn what_a_template_may_hold_passes() {
    for text in [
        "<script src=\"{{ js }}\" defer></script>",
        "<p class=\"style\" data-on=\"x\">{{ style }} onclick = x</p>",
        "{% if tone == \"x\" %}<b lang=\"en\">{% endif %}",
        "<p>one=1</p>",
    ] {
        assert_eq!(
            problems_of_template("templates/rewards/_row.html", text),
            Vec::<String>::new(),
            "{text:?}"
        );
    }
    assert_eq!(
        problems_of_template("templates/mails/fulfilment.html", "<p style=\"color: red\">"),
        Vec::<String>::new()
    );
}

/// As if the project had these two documents only.
fn page_of(path: &str) -> Option<String> {
    match path {
        "README.md" => Some("# Desk\n".into()),
        "docs/a.md" => Some("# The desk's pages\n\n```sh\n# no heading\n```\n".into()),
        _ => None,
    }
}

#[test]
fn a_comment_that_names_a_missing_document_is_caught() {
    let missing = |path, text| missing_documents(path, text, |path| page_of(path).is_some());
    for (path, text) in [
        ("src/db/tx.rs", "//! See docs/b.md, section 2."),
        ("src/db/tx.rs", "fn f() {} // as in contract.md."),
        ("migrations/sqlite/a/up.sql", "-- `docs/b.md` says why"),
        ("scripts/dev", "#!/bin/sh\n# docs/b.md"),
        ("templates/a.html", "{#\n  docs/b.md\n#}"),
        ("benches/desk/main.rs", "//! ../b.md"),
    ] {
        assert_eq!(missing(path, text).len(), 1, "{text:?} in {path}");
    }
    for (path, text) in [
        ("src/db/tx.rs", "//! See docs/a.md (and README.md)."),
        ("src/db/tx.rs", "fn f() { write(\"new.md\") }"),
        ("docs/notes.rs", "// a.md is beside it"),
        ("src/db/tx.rs", "// a .md, x.mdx, cmd"),
    ] {
        assert_eq!(missing(path, text), Vec::<String>::new(), "{text:?} in {path}");
    }
}

#[test]
fn a_link_that_leads_nowhere_is_caught() {
    let dead = |path, text| dead_links(path, text, |path| page_of(path).is_some(), page_of);
    for (path, text) in [
        ("README.md", "[a](docs/b.md)"),
        ("README.md", "![a](docs/b.png)"),
        ("README.md", "[a](docs/a.md#no-heading)"),
        ("README.md", "[a](#nothing)"),
        ("docs/a.md", "[a](README.md)"),
        ("docs/a.md", "[a](../../README.md)"),
    ] {
        assert_eq!(dead(path, text).len(), 1, "{text:?} in {path}");
    }
    for (path, text) in [
        ("README.md", "[a](docs/a.md#the-desks-pages), [b](https://example.com/b.md)"),
        ("docs/a.md", "[a](../README.md#desk), [b](#the-desks-pages), [c](mailto:a@example.com)"),
        ("README.md", "text\n```\n[a](docs/b.md)\n```\n"),
    ] {
        assert_eq!(dead(path, text), Vec::<String>::new(), "{text:?} in {path}");
    }
}

#[test]
fn a_document_that_names_a_missing_file_is_caught() {
    let missing = |text| missing_files("docs/a.md", text, |path| path == "src/db/tx.rs");
    for text in ["`src/db/ty.rs`", "see `templates/none/`, too", "`scripts/none --all`"] {
        assert_eq!(missing(text).len(), 1, "{text}");
    }
    for text in [
        "`src/db/tx.rs`, `src/app/<noun>/`, `src/db/*.rs`",
        "text\n```\n`src/db/ty.rs`\n```\n",
        "`db/ty.rs` and src/db/ty.rs",
    ] {
        assert_eq!(missing(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn a_long_name_of_a_test_is_caught_however_it_is_marked() {
    let (longest, long) = ("a".repeat(MAX_TEST_NAME), "a".repeat(MAX_TEST_NAME + 1));
    for mark in [
        "#[test]",
        "#[both]",
        "#[tokio::test(flavor = \"multi_thread\")]",
        "#[ignore = \"a reason\"]\n#[both]\nasync",
        "#[test]\n/// What it shows.\n#[allow(dead_code)]\npub",
    ] {
        let found = |name: &str| problems_of_test_names("", &format!("{mark} fn {name}() {{}}"));
        assert_eq!(found(&long).len(), 1, "{mark}");
        assert_eq!(found(&longest), Vec::<String>::new(), "{mark}");
    }
    let others = format!("#[cfg(test)] fn {long}() {{}} fn test() {{}} fn {long}() {{}}");
    assert_eq!(problems_of_test_names("", &others), Vec::<String>::new());
}
