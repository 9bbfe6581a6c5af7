//! What a migration may do while the version before it still works on the schema (guarantee R11):
//! add, and not remove. What removes, or asks more of those who write, says in a line of the
//! file why nobody is hurt by it.

use std::collections::BTreeSet;

use super::{assert_none, problems_of_any};
use crate::faults::versions::ADDITIONS;

/// Makes the whole schema: no version was at work before it.
const INITIAL: &str = "2026-12-01-000000_initial_schema";
/// It is one list, in which one looks a table up: longer than what is read in one sitting.
const INITIAL_MAX_LINES: usize = 1_000;

/// `-- Last used in 0.1.0: users.nickname`: what goes was last used in a release that is not this
/// one.
const LAST_USED: &str = "-- Last used in ";
/// `-- Old versions are not hurt: mails takes all that it took`: it only looks like taking away.
const HARMLESS: &str = "-- Old versions are not hurt: ";

/// All that is wrong with a migration, one sentence each. `path` is relative to the project.
fn problems_of_migration(path: &str, text: &str) -> Vec<String> {
    let name = path.split('/').nth(2).unwrap_or_default();
    if name == INITIAL && text.lines().count() <= INITIAL_MAX_LINES {
        return vec![];
    }
    let mut found = problems_of_any(path, text);
    if path.ends_with("/down.sql") {
        return found;
    }
    let (statements, reasons) = read(text);
    let new: BTreeSet<&str> =
        statements.iter().filter_map(|statement| made_table(statement)).collect();
    for statement in &statements {
        let Some((table, why)) = taken_away(statement).filter(|(table, _)| !new.contains(table))
        else {
            continue;
        };
        match reasons.iter().find(|(_, about)| names(about, table)) {
            None => found.push(format!(
                "{why} ({table}), while the version before may still be at work; first release a \
                 version that does without it, then say \
                 \"{LAST_USED}VERSION: {table}…\", or \"{HARMLESS}… {table} …\" where that is so"
            )),
            Some((Some(release), _)) if *release >= this_release() => {
                found.push(format!(
                    "{why} ({table}), and this release, or a later one, is said to \
                    use it"
                ));
            }
            Some(_) => {}
        }
    }
    found
}

type Release = (u32, u32, u32);

fn release(text: &str) -> Option<Release> {
    let numbers: Vec<u32> = text.trim().split('.').map_while(|part| part.parse().ok()).collect();
    numbers.try_into().ok().map(|[major, minor, patch]: [u32; 3]| (major, minor, patch))
}

fn this_release() -> Release {
    release(env!("CARGO_PKG_VERSION")).expect("three numbers")
}

/// Why something may go: since which release, if so said, and what it is about.
type Reason = (Option<Release>, String);

/// The statements in capital letters with single spaces, without comments and bodies of functions;
/// and the reasons that are given.
fn read(text: &str) -> (Vec<String>, Vec<Reason>) {
    let (mut code, mut reasons) = (String::new(), vec![]);
    for line in text.lines() {
        let comment = line.trim();
        if let Some((since, about)) =
            comment.strip_prefix(LAST_USED).and_then(|rest| rest.split_once(':'))
        {
            reasons.extend(release(since).map(|since| (Some(since), about.to_uppercase())));
        } else if let Some(about) = comment.strip_prefix(HARMLESS) {
            reasons.push((None, about.to_uppercase()));
        }
        code.push_str(line.split("--").next().unwrap_or_default());
        code.push('\n');
    }
    let outside: String = code.split("$$").step_by(2).collect();
    let statements = outside.to_uppercase();
    let statements = statements
        .split(';')
        .map(|statement| statement.split_whitespace().collect::<Vec<_>>().join(" "));
    (statements.filter(|statement| !statement.is_empty()).collect(), reasons)
}

/// Whether `about` names `table`, as a word of its own.
fn names(about: &str, table: &str) -> bool {
    about.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == table)
}

/// The first word of `rest`, without signs.
fn word(rest: &str) -> &str {
    let rest = ["IF NOT EXISTS ", "IF EXISTS ", "ONLY "]
        .iter()
        .fold(rest.trim_start(), |rest, skip| rest.strip_prefix(skip).unwrap_or(rest));
    rest.trim_start_matches('"')
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()
        .unwrap_or_default()
}

fn made_table(statement: &str) -> Option<&str> {
    statement.strip_prefix("CREATE TABLE ").map(word)
}

/// The table that a statement takes something away from, or of which it asks more, and in which
/// way.
fn taken_away(statement: &str) -> Option<(&str, &'static str)> {
    for what in ["TABLE ", "VIEW ", "FUNCTION ", "TYPE ", "SEQUENCE "] {
        if let Some(rest) = statement.strip_prefix("DROP ").and_then(|rest| rest.strip_prefix(what))
        {
            return Some((word(rest), "drops what may be used"));
        }
    }
    if let Some(rest) = statement.strip_prefix("ALTER TABLE ") {
        let table = word(rest);
        let after = rest.split_once(table).map_or("", |(_, after)| after.trim_start_matches('"'));
        return clauses(after).into_iter().find_map(asked_more).map(|why| (table, why));
    }
    let on = || statement.split_once(" ON ").map(|(_, rest)| word(rest));
    if statement.starts_with("CREATE UNIQUE INDEX ") {
        return on().map(|table| (table, "refuses doubles that the version before may write"));
    }
    if statement.starts_with("REVOKE ") {
        return on().map(|table| (table, "takes a right away"));
    }
    let triggered = ["CREATE TRIGGER ", "CREATE CONSTRAINT TRIGGER ", "CREATE OR REPLACE TRIGGER "];
    if triggered.iter().any(|start| statement.starts_with(start)) {
        return on().map(|table| (table, "watches over what the version before writes"));
    }
    None
}

/// Cut at the commas that stand outside of brackets.
fn clauses(text: &str) -> Vec<&str> {
    let (mut depth, mut from, mut found) = (0_u32, 0, vec![]);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                found.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    found.push(&text[from..]);
    found
}

fn asked_more(clause: &str) -> Option<&'static str> {
    let clause = clause.trim();
    if clause.starts_with("RENAME ") {
        return Some("renames what may be used");
    }
    if let Some(rest) = clause.strip_prefix("DROP ") {
        return (!rest.starts_with("CONSTRAINT ")).then_some("drops what may be used");
    }
    if let Some(rest) = clause.strip_prefix("ADD ") {
        let rule = [
            "CONSTRAINT ",
            "CHECK ",
            "CHECK(",
            "UNIQUE ",
            "UNIQUE(",
            "FOREIGN ",
            "PRIMARY ",
            "EXCLUDE ",
        ];
        if rule.iter().any(|rule| rest.starts_with(rule)) {
            return Some("adds a rule that the version before may break");
        }
        let is_demanded = rest.contains(" NOT NULL")
            && !rest.contains(" DEFAULT ")
            && !rest.contains(" GENERATED ");
        return is_demanded.then_some("adds a column that the version before leaves out");
    }
    if clause.starts_with("ALTER ") {
        let changes = [" SET NOT NULL", " DROP NOT NULL", " DROP DEFAULT", " TYPE "];
        return changes
            .iter()
            .any(|change| clause.contains(change))
            .then_some("changes a column that is used");
    }
    None
}

#[test]
fn migrations_leave_the_version_before_what_it_uses() {
    assert_none("migrations", &["sql"], problems_of_migration);
}

const LATER: &str = "migrations/postgres/2026-12-01-000001_later/up.sql";

#[test]
fn what_takes_away_or_asks_more_is_caught() {
    for (text, why) in [
        ("DROP TABLE passkeys;", "drops what may be used (PASSKEYS)"),
        ("alter table users\n  drop column name;", "drops what may be used (USERS)"),
        ("ALTER TABLE users ADD COLUMN a TEXT, DROP b;", "drops what may be used"),
        ("ALTER TABLE users RENAME TO people;", "renames"),
        ("ALTER TABLE ONLY users RENAME COLUMN name TO called;", "renames"),
        ("ALTER TABLE users ADD COLUMN a TEXT NOT NULL;", "leaves out"),
        ("ALTER TABLE users ADD a TEXT NOT NULL CHECK (a IN ('x', 'y'));", "leaves out"),
        ("ALTER TABLE users ALTER COLUMN a SET NOT NULL;", "changes a column"),
        ("ALTER TABLE users ALTER a TYPE BIGINT;", "changes a column"),
        ("ALTER TABLE users ADD CONSTRAINT c CHECK (a > 0);", "adds a rule"),
        ("CREATE UNIQUE INDEX i ON users (a);", "refuses doubles"),
        (
            "CREATE TRIGGER t BEFORE INSERT ON users BEGIN SELECT RAISE(ABORT, 'no'); END;",
            "watches over",
        ),
        ("REVOKE UPDATE ON users FROM desk_app;", "takes a right away"),
        ("-- Last used in 0.0.9: sessions.a\nDROP TABLE users;", "drops what may be used"),
        ("-- Last used in soon: users\nDROP TABLE users;", "drops what may be used"),
        (
            concat!("-- Last used in ", env!("CARGO_PKG_VERSION"), ": users\nDROP TABLE users;"),
            "this release, or a later one",
        ),
    ] {
        let found = problems_of_migration(LATER, text);
        assert!(
            found.iter().any(|problem| problem.contains(why)),
            "{text:?} passed; only found {found:?}"
        );
    }
}

#[test]
fn what_adds_or_says_why_it_hurts_nobody_passes() {
    for text in [
        ADDITIONS,
        "CREATE TABLE a (b TEXT NOT NULL CHECK (b <> '')); CREATE UNIQUE INDEX i ON a (b); ALTER \
         TABLE a ADD CONSTRAINT c CHECK (b <> 'x');",
        "ALTER TABLE users ADD COLUMN a TEXT NOT NULL DEFAULT '', DROP CONSTRAINT c; DROP INDEX \
         i; DROP TRIGGER t ON users;",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DROP TABLE users; END \
         $$;",
        "-- Last used in 0.0.9: users.a\nALTER TABLE users DROP COLUMN a;",
        "-- Old versions are not hurt: mails takes all that it took, and one origin more.\nALTER \
         TABLE mails ADD CONSTRAINT c CHECK (TRUE);",
    ] {
        assert_eq!(problems_of_migration(LATER, text), Vec::<String>::new(), "{text:?}");
    }
    let initial = LATER.replace("2026-12-01-000001_later", INITIAL);
    assert_eq!(problems_of_migration(&initial, "DROP TABLE users;"), Vec::<String>::new());
    assert_eq!(problems_of_migration(&initial, &"\n".repeat(1_000)), Vec::<String>::new());
    assert_eq!(problems_of_migration(&initial, &"\n".repeat(1_001)).len(), 1);
    assert_eq!(problems_of_migration(LATER, &"\n".repeat(501)).len(), 1);
    assert_eq!(
        problems_of_migration(&LATER.replace("up.sql", "down.sql"), "DROP TABLE users;"),
        Vec::<String>::new()
    );
}
