//! A book of every statement that the desk sends to its database, and of what was asked of the desk
//! meanwhile. Connections of the tests themselves are not listened to.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use rewarddesk::{
    db::{
        DbConn,
        lock_order::{LOCK_ORDER, OF_ONE_USER},
    },
    each,
};

/// What nobody asked for: the workers' rounds.
pub const BY_ITSELF: &str = "by itself";

/// One statement; those that differ only in numbers or in the length of a list are one.
#[derive(Debug, Clone)]
pub struct Statement {
    pub sql: String,
    /// What stood in for the parameters, as diesel shows it.
    pub binds: String,
    /// PostgreSQL was told in that transaction to walk through a table only where nothing else is
    /// possible.
    pub walks_last: bool,
    /// A connection keeps it prepared, and PostgreSQL its plan, whatever the values are.
    pub is_kept: bool,
    /// During which requests and steps it was sent.
    pub during: BTreeSet<String>,
}

/// A request that was answered.
#[derive(Debug)]
pub struct Answer {
    pub method: String,
    pub path: String,
    pub status: u16,
    /// Where it led.
    pub location: String,
}

#[derive(Default)]
struct Book {
    is_open: bool,
    statements: BTreeMap<(String, bool), Statement>,
    now: Vec<(usize, String)>,
    next: usize,
    answers: Vec<Answer>,
    /// Transactions that locked tables in another order than the desk's.
    disorder: BTreeSet<String>,
}

static BOOK: Mutex<Option<Book>> = Mutex::new(None);

fn book() -> MutexGuard<'static, Option<Book>> {
    BOOK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins to write down; connections that are open already are not listened to.
pub fn listen() {
    *book() = Some(Book { is_open: true, ..Book::default() });
    set_default_instrumentation(|| Some(Box::new(Ear::default()))).expect("nobody else listens");
}

/// Ends it and answers the statements and the requests.
pub fn told() -> (Vec<Statement>, Vec<Answer>) {
    let book = book().take().unwrap_or_default();
    (book.statements.into_values().collect(), book.answers)
}

/// What was locked in another order than [`LOCK_ORDER`] says, so far.
pub fn disorder() -> BTreeSet<String> {
    book().as_ref().map(|book| book.disorder.clone()).unwrap_or_default()
}

/// Nobody listens on this connection: it is a test's own.
pub fn mute(mut conn: DbConn) -> DbConn {
    each!(&mut conn, |c| diesel::Connection::set_instrumentation(
        c,
        |_: InstrumentationEvent<'_>| {}
    ));
    conn
}

/// Something that is going on, for as long as this lives.
pub struct During(Option<usize>);

/// What is sent from now on is sent during this.
pub fn during(what: &str) -> During {
    let mut book = book();
    let Some(book) = book.as_mut().filter(|book| book.is_open) else { return During(None) };
    book.next += 1;
    book.now.push((book.next, what.to_owned()));
    During(Some(book.next))
}

impl Drop for During {
    fn drop(&mut self) {
        if let (Some(own), Some(book)) = (self.0, book().as_mut()) {
            book.now.retain(|(number, _)| *number != own);
        }
    }
}

/// A request was answered.
pub fn answered(method: &str, path: &str, status: u16, location: &str) {
    if let Some(book) = book().as_mut() {
        book.answers.push(Answer {
            method: method.to_owned(),
            path: path.to_owned(),
            status,
            location: location.to_owned(),
        });
    }
}

/// Listens on one connection.
#[derive(Default)]
struct Ear {
    walks_last: bool,
    /// The tables of which this transaction has locked rows, in order.
    locked: Vec<String>,
}

impl Instrumentation for Ear {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { query, .. } => {
                let text = query.to_string();
                let (sql, binds) = text.rsplit_once(" -- binds: ").unwrap_or((&text, "[]"));
                // What came before, on the same connection, was in no transaction.
                if sql.starts_with("BEGIN") {
                    *self = Self::default();
                }
                self.walks_last |= sql.contains("enable_seqscan");
                write_down(sql, binds, self.walks_last);
                self.note_locks(sql);
            }
            InstrumentationEvent::CacheQuery { sql, .. } => {
                let known = (likeness(sql), self.walks_last);
                if let Some(statement) =
                    book().as_mut().and_then(|book| book.statements.get_mut(&known))
                {
                    statement.is_kept = true;
                }
            }
            InstrumentationEvent::CommitTransaction { .. }
            | InstrumentationEvent::RollbackTransaction { .. } => *self = Self::default(),
            _ => {}
        }
    }
}

impl Ear {
    fn note_locks(&mut self, sql: &str) {
        // An import locks what its rows name, some at a time, and is begun again where it meets
        // somebody.
        if self.walks_last {
            return;
        }
        let is_theirs = |table: &str| OF_ONE_USER.contains(&table);
        let place = |table: &str| {
            LOCK_ORDER.iter().position(|listed| *listed == table).unwrap_or(LOCK_ORDER.len())
        };
        let rank = |table: &str| place(if is_theirs(table) { OF_ONE_USER[0] } else { table });
        for table in locked_tables(sql) {
            if self.locked.contains(&table) {
                continue;
            }
            let is_gated =
                is_theirs(&table) && self.locked.iter().any(|known| known == LOCK_ORDER[0]);
            let comes_later = |earlier: &&String| {
                rank(earlier) > rank(&table) || (rank(earlier) == rank(&table) && !is_gated)
            };
            if let Some(later) = self.locked.iter().find(comes_later)
                && let Some(book) = book().as_mut()
            {
                let during: Vec<&str> = book.now.iter().map(|(_, what)| what.as_str()).collect();
                book.disorder.insert(format!(
                    "{table} is locked after {later}, in {}\n    {sql}",
                    during.join(", ")
                ));
            }
            self.locked.push(table);
        }
    }
}

/// The tables of which a statement for PostgreSQL locks rows and may wait for them, in order.
fn locked_tables(sql: &str) -> Vec<String> {
    // What is in quotes is no statement: 'UPDATE, DELETE' are rights that somebody asks about.
    let tokens: Vec<&str> = sql
        .split('\'')
        .step_by(2)
        .flat_map(|part| part.split(|c: char| !(c.is_alphanumeric() || c == '_')))
        .filter(|token| !token.is_empty())
        .collect();
    let before = |at: usize, n: usize| at.checked_sub(n).map_or("", |at| tokens[at]);
    let mut found = vec![];
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1).copied().unwrap_or_default();
        match *token {
            // SKIP LOCKED waits for nobody.
            "UPDATE" | "SHARE" if ["FOR", "KEY"].contains(&before(at, 1)) && next == "SKIP" => {}
            "UPDATE" | "SHARE" if ["FOR", "KEY"].contains(&before(at, 1)) => {
                // A part of the statement is no table: its own tables are named in it.
                let is_part =
                    |name: &str| tokens.windows(3).any(|w| w == [name, "AS", "MATERIALIZED"]);
                let of = |(at, table): &(usize, &&str)| {
                    ["FROM", "JOIN"].contains(&before(*at, 1)) && !is_part(table)
                };
                found.extend(tokens.iter().enumerate().filter(of).map(|(_, table)| *table));
            }
            // ON CONFLICT DO UPDATE SET: a row that was just added.
            "UPDATE" if next != "SET" => found.push(next),
            "FROM" if before(at, 1) == "DELETE" => found.push(next),
            _ => {}
        }
    }
    let mut each: Vec<String> = vec![];
    for table in found {
        if !each.iter().any(|known| known == table) {
            each.push(table.to_owned());
        }
    }
    each
}

#[test]
fn locks_are_read_from_statements() {
    for (sql, tables) in [
        (
            "SELECT a FROM (\"users\" INNER JOIN \"memberships\" ON b) WHERE c FOR SHARE",
            ["users", "memberships"].as_slice(),
        ),
        (
            "SELECT \"rewards\".\"id\" FROM \"rewards\" WHERE c ORDER BY d FOR NO KEY UPDATE",
            &["rewards"],
        ),
        ("UPDATE \"sessions\" SET \"challenge\" = $1", &["sessions"]),
        ("DELETE  FROM \"sessions\" WHERE a", &["sessions"]),
        ("INSERT INTO t (a) VALUES ($1) ON CONFLICT (a) DO UPDATE SET b = 1", &[]),
        (
            "UPDATE coupons SET a = 1 WHERE id = (SELECT id FROM coupons LIMIT 1 FOR UPDATE SKIP \
             LOCKED)",
            &["coupons"],
        ),
        ("SELECT a FROM mails FOR UPDATE SKIP LOCKED", &[]),
        (
            "WITH reward AS MATERIALIZED (SELECT a FROM rewards FOR NO KEY UPDATE), owner AS \
             MATERIALIZED (SELECT b FROM customers WHERE c = (SELECT a FROM reward) FOR SHARE) \
             SELECT b FROM reward LEFT JOIN owner ON TRUE",
            &["rewards", "customers"],
        ),
        ("SELECT a FROM users", &[]),
        ("SELECT p FROM unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS p", &[]),
    ] {
        assert_eq!(locked_tables(sql), tables, "{sql}");
    }
}

fn write_down(sql: &str, binds: &str, walks_last: bool) {
    let mut book = book();
    let Some(book) = book.as_mut() else { return };
    let during: Vec<String> = if book.now.is_empty() {
        vec![BY_ITSELF.to_owned()]
    } else {
        book.now.iter().map(|(_, what)| what.clone()).collect()
    };
    let statement =
        book.statements.entry((likeness(sql), walks_last)).or_insert_with(|| Statement {
            sql: sql.to_owned(),
            binds: binds.to_owned(),
            walks_last,
            is_kept: false,
            during: BTreeSet::new(),
        });
    statement.during.extend(during);
}

/// The same for statements that differ only in numbers or in the length of a list.
fn likeness(sql: &str) -> String {
    let mut text = String::new();
    for c in sql.chars() {
        if c.is_ascii_digit() {
            if !text.ends_with('0') {
                text.push('0');
            }
        } else {
            text.push(c);
        }
    }
    for list in ["?", "$0", "0", "(?)", "($0)"] {
        let twice = format!("{list}, {list}");
        while text.contains(&twice) {
            text = text.replace(&twice, list);
        }
    }
    text
}

#[test]
fn statements_are_told_apart_by_more_than_numbers() {
    assert_eq!(
        likeness("SELECT a FROM t WHERE id IN (?, ?, ?)"),
        likeness("SELECT a FROM t WHERE id IN (?)")
    );
    assert_eq!(
        likeness("INSERT INTO t VALUES ($1, $2), ($3, $4)"),
        likeness("INSERT INTO t VALUES ($1, $2)")
    );
    assert_eq!(likeness("SELECT 1 WHERE n = 27"), likeness("SELECT 1 WHERE n = 5"));
    assert_ne!(
        likeness("SELECT a FROM t WHERE id = $1"),
        likeness("SELECT a FROM t WHERE code = $1")
    );
}
