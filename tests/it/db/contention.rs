//! What PostgreSQL undoes in favour of another transaction runs again, and the kind of an error
//! does not depend on the server's language.

use std::sync::{
    Barrier,
    atomic::{AtomicUsize, Ordering},
};

use diesel::{RunQueryDsl, connection::SimpleConnection};
use rewarddesk::{
    db::{Database, DatabaseUrl, DbConn, Error, WriteTx},
    each,
};

use crate::{
    faults::cluster::Cluster,
    support::{Engine, TestDb, engine::run_on},
};

fn execute(tx: &mut WriteTx<'_>, sql: &str) -> Result<usize, Error> {
    Ok(diesel::sql_query(sql).execute(&mut **tx)?)
}

/// A statement that fails with this SQLSTATE, in no words of the server.
fn failing(sqlstate: &str) -> String {
    format!(
        "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{sqlstate}', MESSAGE = 'so sagt der \
         Server'; END $$"
    )
}

fn count(db: &TestDb) -> i64 {
    db.number("SELECT sum(n) FROM pairs")
}

fn pairs(db: &TestDb) {
    db.exec(
        "CREATE TABLE pairs (id BIGINT PRIMARY KEY, n BIGINT NOT NULL); INSERT INTO pairs \
        VALUES (1, 0), (2, 0)",
    );
}

#[test]
fn a_transaction_that_is_undone_runs_again_from_its_beginning() {
    let db = TestDb::new(Engine::Postgres);
    pairs(&db);
    let runs = AtomicUsize::new(0);
    let done = db.db.write(|tx| {
        execute(tx, "UPDATE pairs SET n = n + 1")?;
        match runs.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => execute(tx, &failing("40001")),
            _ => Ok(7),
        }
    });
    assert_eq!((done.unwrap(), runs.into_inner(), count(&db)), (7, 3, 2));
}

#[test]
fn what_never_runs_ends_after_a_few_tries_the_rest_runs_once() {
    let db = TestDb::new(Engine::Postgres);
    let runs = AtomicUsize::new(0);
    let undone = |tx: &mut WriteTx<'_>| {
        runs.fetch_add(1, Ordering::Relaxed);
        execute(tx, &failing("40001"))
    };
    let ended = db.db.write(undone);
    assert!(matches!(ended, Err(Error::Unavailable(_))), "{ended:?}");
    assert_eq!(runs.swap(0, Ordering::Relaxed), 7);
    let ended = db.db.write_once(undone);
    assert!(matches!(ended, Err(Error::Unavailable(_))), "{ended:?}");
    assert_eq!(runs.into_inner(), 1);
    // Anything else is no reason to try again.
    let runs = AtomicUsize::new(0);
    let ended = db.db.write(|tx| {
        runs.fetch_add(1, Ordering::Relaxed);
        execute(tx, &failing("53100"))
    });
    assert!(matches!(ended, Err(Error::Unavailable(_))), "{ended:?}");
    assert_eq!(runs.into_inner(), 1);
}

/// Two who lock two rows in opposite orders, and hold the first one when they ask for the other.
fn both_get_through(db: &TestDb) {
    pairs(db);
    let met = Barrier::new(2);
    std::thread::scope(|scope| {
        for order in [[1, 2], [2, 1]] {
            let (db, met) = (&db.db, &met);
            scope.spawn(move || {
                let runs = AtomicUsize::new(0);
                let lock = |tx: &mut WriteTx<'_>, id: i32| {
                    execute(tx, &format!("UPDATE pairs SET n = n + 1 WHERE id = {id}"))
                };
                db.write(|tx| {
                    lock(tx, order[0])?;
                    if runs.fetch_add(1, Ordering::Relaxed) == 0 {
                        met.wait();
                    }
                    lock(tx, order[1])
                })
                .unwrap();
            });
        }
    });
    assert_eq!(count(db), 4);
}

#[test]
fn a_deadlock_runs_again() {
    both_get_through(&TestDb::new(Engine::Postgres));
}

/// What the server says itself, in its own words.
fn kinds_are_told_apart(db: &TestDb) {
    let tried = |sql: &str| -> Error {
        db.db
            .write(|tx| {
                let DbConn::Postgres(conn) = &mut **tx else { panic!("not PostgreSQL") };
                Ok::<_, Error>(conn.batch_execute(sql)?)
            })
            .unwrap_err()
    };
    db.exec("CREATE TABLE held (id BIGINT PRIMARY KEY); INSERT INTO held VALUES (1)");
    let mut other = db.connect();
    run_on(&mut other, "BEGIN; UPDATE held SET id = 1").unwrap();
    for (what, sql) in [
        (
            "a lock that is not got in time",
            "SET LOCAL lock_timeout = '10ms'; UPDATE held SET id = 2".to_owned(),
        ),
        ("a lock that is not waited for", "SELECT id FROM held FOR UPDATE NOWAIT".to_owned()),
        (
            "a cancelled statement",
            "SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(60)".to_owned(),
        ),
        (
            "a transaction that may only read",
            "SET TRANSACTION READ ONLY; UPDATE held SET id = 2".to_owned(),
        ),
        ("a full disk", failing("53100")),
        ("no memory", failing("53200")),
        ("a disk that cannot be read", failing("58030")),
        ("a damaged table", failing("XX001")),
        ("a damaged index", failing("XX002")),
        ("a connection that ends", "SELECT pg_terminate_backend(pg_backend_pid())".to_owned()),
    ] {
        let error = tried(&sql);
        assert!(matches!(error, Error::Unavailable(_)), "{what}: {error:?}");
    }
    for (what, sql) in [
        ("no statement", "SELEKT 1".to_owned()),
        ("no such table", "SELECT * FROM nowhere".to_owned()),
        ("no such column", "SELECT nothing FROM held".to_owned()),
        ("a sum out of range", "SELECT 2147483647::int4 + id::int4 FROM held".to_owned()),
        ("a large sum out of range", "SELECT 9223372036854775807 + id FROM held".to_owned()),
        ("a text that is no number", "SELECT ('x' || id)::int8 FROM held".to_owned()),
        ("a text that is no moment", "SELECT ('x' || id)::timestamptz FROM held".to_owned()),
        (
            "a text that is too large a number",
            "SELECT ('99999999999' || id)::int4 FROM held".to_owned(),
        ),
        ("a division by zero", "SELECT 1 / (id - 1) FROM held".to_owned()),
        (
            "bytes that are no text",
            "SELECT convert_from(decode('ff', 'hex'), 'UTF8') FROM held".to_owned(),
        ),
        (
            "two rows for one",
            "SELECT (SELECT n FROM generate_series(1, 1 + id) AS n) FROM held".to_owned(),
        ),
        (
            "a rule of our own triggers",
            failing("23000").replace("so sagt der Server", "coupons_are_kept"),
        ),
    ] {
        let error = tried(&sql);
        assert!(matches!(error, Error::Query(_)), "{what}: {error:?}");
    }
    let nul = db.db.write(|tx| {
        Ok::<_, Error>(
            diesel::sql_query("SELECT $1")
                .bind::<diesel::sql_types::Text, _>("a\0b")
                .execute(&mut **tx)?,
        )
    });
    assert!(matches!(nul, Err(Error::Query(_))), "a NUL: {nul:?}");
    let error = tried("SET LOCAL statement_timeout = '10ms'; SELECT pg_sleep(60)");
    assert!(matches!(error, Error::TimeLimit(_)), "{error:?}");
    let error = tried("INSERT INTO held VALUES (5), (5)");
    assert!(matches!(&error, Error::Conflict(conflict) if conflict.0 == "held_pkey"), "{error:?}");
    run_on(&mut other, "ROLLBACK").unwrap();
}

#[test]
fn an_error_is_known_by_what_it_is() {
    kinds_are_told_apart(&TestDb::new(Engine::Postgres));
}

#[test]
fn a_server_that_speaks_german_is_understood() {
    let cluster = Cluster::speaking("de_DE");
    let db = TestDb::elsewhere(Engine::Postgres, cluster.url());
    both_get_through(&db);
    kinds_are_told_apart(&db);
}

#[test]
fn what_sqlite_cannot_do_now_differs_from_what_it_never_can() {
    let db = TestDb::new(Engine::Sqlite);
    let path = db.url.strip_prefix("sqlite:").unwrap().to_owned();
    let tried = |sql: &str| db.db.write(|tx| execute(tx, sql)).unwrap_err();
    let error = db
        .db
        .read(|conn| {
            Ok::<_, Error>(diesel::sql_query("UPDATE merchants SET name = ''").execute(conn)?)
        })
        .unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "a connection that may only read: {error:?}");
    let full = db.db.write(|tx| {
        each!(&mut **tx, |c| c.batch_execute("PRAGMA max_page_count = 1"))?;
        execute(tx, "CREATE TABLE much AS SELECT zeroblob(10000000) AS v")
    });
    assert!(matches!(full, Err(Error::Unavailable(_))), "a full disk: {full:?}");
    for sql in ["SELEKT 1", "SELECT * FROM nowhere", "SELECT nothing FROM merchants"] {
        let error = tried(sql);
        assert!(matches!(error, Error::Query(_)), "{sql}: {error:?}");
    }
    db.let_go();
    db.db.empty_log().unwrap();
    // Every page but the first: what is read from now on is damaged.
    let size = std::fs::metadata(&path).unwrap().len();
    let other = tempfile::tempdir().unwrap();
    let damaged = other.path().join("damaged.db");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4096..].fill(0x5a);
    std::fs::write(&damaged, bytes).unwrap();
    let damaged =
        Database::open(&DatabaseUrl::parse(&format!("sqlite:{}", damaged.display())).unwrap())
            .and_then(|damaged| {
                damaged.read(|conn| {
                    Ok::<_, Error>(diesel::sql_query("SELECT * FROM merchants").execute(conn)?)
                })
            });
    assert!(matches!(damaged, Err(Error::Unavailable(_))), "{size} bytes, damaged: {damaged:?}");
    let nothing = other.path().join("nothing.db");
    std::fs::write(
        &nothing,
        "this is a letter and not a database, and it is long enough to be looked at",
    )
    .unwrap();
    let none =
        Database::open(&DatabaseUrl::parse(&format!("sqlite:{}", nothing.display())).unwrap())
            .map(drop);
    assert!(matches!(none, Err(Error::Unavailable(_))), "{none:?}");
}
