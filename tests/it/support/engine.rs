//! A database per test: the real schema, nobody else's rows, gone at the end.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use diesel::{QueryResult, QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_types};
use rewarddesk::{
    db::{Database, DatabaseUrl, DbConn},
    each,
};

use super::{
    postgres,
    sql::{Value, literal},
    sqlite, statements,
};

/// Which of the two databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// A migrated, empty database of one test.
pub struct TestDb {
    pub engine: Engine,
    /// As in `DATABASE_URL`.
    pub url: String,
    /// The pools, as the desk has them.
    pub db: Database,
    /// For the statements of the test itself; a new one for each would cost more than the
    /// statement.
    own: Mutex<Option<DbConn>>,
    place: Place,
}

enum Place {
    Sqlite(#[allow(dead_code, reason = "deletes the files when dropped")] tempfile::TempDir),
    Postgres(postgres::OwnDatabase),
    Elsewhere,
}

impl TestDb {
    /// A fresh database, copied from a migrated one.
    pub fn new(engine: Engine) -> Self {
        let (url, place) = match engine {
            Engine::Sqlite => {
                let (url, dir) = sqlite::migrated();
                (url, Place::Sqlite(dir))
            }
            Engine::Postgres => {
                let own = postgres::OwnDatabase::migrated();
                (own.url(), Place::Postgres(own))
            }
        };
        Self::at(engine, url, place)
    }

    /// A database without a schema.
    pub fn empty(engine: Engine) -> Self {
        let (url, place) = match engine {
            Engine::Sqlite => {
                let dir = sqlite::directory();
                (sqlite::url_in(&dir), Place::Sqlite(dir))
            }
            Engine::Postgres => {
                let own = postgres::OwnDatabase::empty();
                (own.url(), Place::Postgres(own))
            }
        };
        Self::at(engine, url, place)
    }

    /// A database that the test itself has made and will remove.
    pub fn elsewhere(engine: Engine, url: String) -> Self {
        Self::at(engine, url, Place::Elsewhere)
    }

    fn at(engine: Engine, url: String, place: Place) -> Self {
        let db = Database::open(&DatabaseUrl::parse(&url).expect("our own address"))
            .expect("the test's database opens");
        Self { engine, url, db, own: Mutex::new(None), place }
    }

    pub fn is_sqlite(&self) -> bool {
        self.engine == Engine::Sqlite
    }

    /// A connection as the desk would open it.
    pub fn connect(&self) -> DbConn {
        let url = DatabaseUrl::parse(&self.url).expect("our own address");
        match url.sqlite_path() {
            Some(path) => {
                let mut conn = statements::mute(DbConn::Sqlite(sqlite::open(path)));
                conn.batch_execute(
                    "PRAGMA busy_timeout = 30000; PRAGMA foreign_keys = ON; PRAGMA \
                    recursive_triggers = ON",
                )
                .expect("pragmas");
                conn
            }
            None => statements::mute(DbConn::Postgres(postgres::open(&self.url))),
        }
    }

    /// A connection that sets nothing: what a stranger with the file, or the password, has in hand.
    pub fn stranger(&self) -> DbConn {
        let url = DatabaseUrl::parse(&self.url).expect("our own address");
        match url.sqlite_path() {
            Some(path) => {
                let mut conn = DbConn::Sqlite(sqlite::open(path));
                // SQLite's own defaults; the bundled build sets foreign_keys.
                conn.batch_execute("PRAGMA foreign_keys = OFF; PRAGMA recursive_triggers = OFF")
                    .expect("pragmas");
                conn
            }
            None => DbConn::Postgres(postgres::open(&self.url)),
        }
    }

    /// Closes the test's own connection: while it is open, no other process is the last one to
    /// close an SQLite file.
    pub fn let_go(&self) {
        *self.own.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Works on the test's own connection; a fresh one when that was lost, as happens to tests that
    /// stop the database.
    fn with<T>(&self, work: impl Fn(&mut DbConn) -> QueryResult<T>) -> QueryResult<T> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let known = own.is_some();
        let done = work(own.get_or_insert_with(|| self.connect()));
        if done.is_ok() {
            return done;
        }
        // An error may have left the connection in any state.
        *own = None;
        let lost = matches!(&done, Err(e) if known && ["connection", "terminating"].iter().any(|sign| e.to_string().contains(sign)));
        if lost { work(own.insert(self.connect())) } else { done }
    }

    /// Runs statements; the database's own words when it refuses.
    pub fn run(&self, sql: &str) -> Result<(), String> {
        self.with(|conn| conn.batch_execute(sql)).map_err(|e| e.to_string())
    }

    /// Runs statements that must work.
    pub fn exec(&self, sql: &str) {
        self.run(sql).unwrap_or_else(|e| panic!("{e}\nin: {sql}"));
    }

    /// Runs statements that must be refused, by the rule named in the message.
    #[track_caller]
    pub fn refuses(&self, sql: &str, rule: &str) {
        refused(self.run(sql), rule);
    }

    /// Inserts one row and answers its id; see [`row!`](crate::row).
    pub fn insert(&self, table: &str, row: &[(&str, Value)]) -> i64 {
        self.try_insert(table, row)
            .unwrap_or_else(|e| panic!("{e}\ninserting into {table}: {row:?}"))
    }

    /// Inserts one row, or says why the database refused it.
    pub fn try_insert(&self, table: &str, row: &[(&str, Value)]) -> Result<i64, String> {
        let columns: Vec<&str> = row.iter().map(|(column, _)| *column).collect();
        let values: Vec<String> =
            row.iter().map(|(_, value)| literal(self.engine, value)).collect();
        let sql = format!(
            "INSERT INTO {table} ({}) VALUES ({}) RETURNING id AS v",
            columns.join(", "),
            values.join(", ")
        );
        let row: Number = self
            .with(|conn| diesel::sql_query(&sql).get_result(conn))
            .map_err(|e| e.to_string())?;
        row.v.ok_or_else(|| "no id came back".to_owned())
    }

    /// SQLite's statement that deletes whatever is in the row's way without saying so.
    pub fn insert_or_replace(&self, table: &str, row: &[(&str, Value)]) -> String {
        let columns: Vec<&str> = row.iter().map(|(column, _)| *column).collect();
        let values: Vec<String> =
            row.iter().map(|(_, value)| literal(self.engine, value)).collect();
        format!(
            "INSERT OR REPLACE INTO {table} ({}) VALUES ({})",
            columns.join(", "),
            values.join(", ")
        )
    }

    /// The one number that `sql` selects; null is 0.
    pub fn number(&self, sql: &str) -> i64 {
        let sql = format!("SELECT CAST(({sql}) AS BIGINT) AS v");
        let row: Number = self
            .with(|conn| diesel::sql_query(&sql).get_result(conn))
            .unwrap_or_else(|e| panic!("{e}\nin: {sql}"));
        row.v.unwrap_or_default()
    }

    /// The one text that `sql` selects.
    pub fn text(&self, sql: &str) -> Option<String> {
        let sql = format!("SELECT CAST(({sql}) AS TEXT) AS v");
        let row: Text = self
            .with(|conn| diesel::sql_query(&sql).get_result(conn))
            .unwrap_or_else(|e| panic!("{e}\nin: {sql}"));
        row.v
    }

    /// The texts that `sql` selects as a column called `v`; nulls are left out.
    pub fn texts(&self, sql: &str) -> Vec<String> {
        let sql = format!("SELECT CAST(v AS TEXT) AS v FROM ({sql}) AS q");
        let rows: Vec<Text> = self
            .with(|conn| diesel::sql_query(&sql).load(conn))
            .unwrap_or_else(|e| panic!("{e}\nin: {sql}"));
        rows.into_iter().filter_map(|row| row.v).collect()
    }

    /// How many rows `rest` finds, such as `"coupons WHERE state = 'available'"`.
    pub fn count(&self, rest: &str) -> i64 {
        self.number(&format!("SELECT count(*) FROM {rest}"))
    }

    /// A value as this engine writes it in a statement.
    pub fn sql(&self, value: impl Into<Value>) -> String {
        literal(self.engine, &value.into())
    }
}

/// Asserts that the database refused, and by the rule named in its message ("constraint" is in the
/// words of both for every unique key, check, foreign key and NOT NULL): a misspelt statement is no
/// proof.
#[track_caller]
pub fn refused<T>(tried: Result<T, String>, rule: &str) {
    match tried {
        Ok(_) => panic!("the database took what it must refuse ({rule})"),
        Err(said) => assert!(said.contains(rule), "refused by another rule than {rule}: {said}"),
    }
}

/// Runs statements on `conn`; the database's own words when it refuses.
pub fn run_on(conn: &mut DbConn, sql: &str) -> Result<(), String> {
    each!(conn, |c| c.batch_execute(sql)).map_err(|e| e.to_string())
}

impl fmt::Debug for TestDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TestDb({:?})", self.engine)
    }
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = sql_types::Nullable<sql_types::BigInt>)]
    v: Option<i64>,
}

#[derive(QueryableByName)]
struct Text {
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    v: Option<String>,
}
