//! Write transactions and pools: all or nothing, nobody gets "locked", and a bad moment is not a
//! bad hour.

use std::{
    cell::{Cell, RefCell},
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::Barrier,
    time::Duration,
};

use diesel::RunQueryDsl;
use rewarddesk::{
    app::{self, Desk},
    db::{Database, DatabaseUrl, Error, WriteTx, conn::Pooler},
};

use crate::support::{Engine, TestDb, World, block_on, world::noon};

fn execute(tx: &mut WriteTx<'_>, sql: &str) -> Result<usize, Error> {
    Ok(diesel::sql_query(sql).execute(&mut **tx)?)
}

const RENAME: &str = "UPDATE merchants SET name = 'Changed'";

/// What a write registers for after its commit, in order, by the numbers of the acts.
#[derive(Clone, Default)]
struct Done(Rc<RefCell<Vec<u8>>>);

impl Done {
    fn after(&self, tx: &mut WriteTx<'_>, number: u8) {
        let done = self.clone();
        tx.after_commit(move || done.0.borrow_mut().push(number));
    }

    fn all(&self) -> Vec<u8> {
        self.0.take()
    }
}

#[both]
fn what_is_registered_happens_after_the_commit_or_never(world: World) {
    let (db, done) = (&world.db.db, Done::default());
    db.write(|tx| {
        done.after(tx, 1);
        execute(tx, RENAME)?;
        done.after(tx, 2);
        assert!(done.0.borrow().is_empty(), "nothing is saved yet");
        Ok::<_, Error>(())
    })
    .unwrap();
    assert_eq!(done.all(), [1, 2]);
    // What it does finds the transaction saved.
    let (other, seen) = (db.clone(), Rc::new(RefCell::new(None)));
    let seen_after = Rc::clone(&seen);
    db.write(|tx| {
        let (other, seen) = (other.clone(), Rc::clone(&seen_after));
        tx.after_commit(move || {
            let sql = "SELECT id FROM merchants WHERE name = 'Saved'";
            let read = other.read(|conn| Ok::<_, Error>(diesel::sql_query(sql).execute(conn)?));
            *seen.borrow_mut() = Some(read.is_ok());
        });
        execute(tx, "UPDATE merchants SET name = 'Saved'")
    })
    .unwrap();
    assert_eq!(*seen.borrow(), Some(true));
    let refused = db.write(|tx| {
        done.after(tx, 3);
        execute(tx, "INSERT INTO merchants (slug) VALUES (NULL)")
    });
    assert!(refused.is_err());
    let given_up = db.write_once(|tx| {
        done.after(tx, 4);
        Err::<(), _>(Error::Corrupt("on purpose".into()))
    });
    assert!(given_up.is_err());
    assert!(done.all().is_empty());
}

#[both]
fn what_an_undone_attempt_registered_is_dropped(world: World) {
    let done = Done::default();
    let attempt = Cell::new(0);
    world
        .db
        .db
        .write(|tx| {
            attempt.set(attempt.get() + 1);
            done.after(tx, attempt.get());
            if attempt.get() < 3 { Err(Error::Contention("on purpose".into())) } else { Ok(()) }
        })
        .unwrap();
    assert_eq!(done.all(), [3]);
}

/// Uses failpoints, which are the process's: `cargo test` runs these one after the other.
mod with_failpoints {
    use super::*;

    #[both]
    fn a_lost_commit_is_told_as_unknown(world: World) {
        let scenario = fail::FailScenario::setup();
        fail::cfg("db::commit", "return").unwrap();
        let outcome = world.db.db.write(|tx| execute(tx, RENAME));
        scenario.teardown();
        assert!(matches!(outcome, Err(Error::CommitUnknown(_))), "{outcome:?}");
        world.db.db.write(|tx| execute(tx, RENAME)).unwrap();
    }

    #[both]
    fn nothing_happens_after_a_commit_that_may_not_have_been(world: World) {
        let done = Done::default();
        for failpoint in ["db::commit", "db::committed"] {
            let scenario = fail::FailScenario::setup();
            fail::cfg(failpoint, "return").unwrap();
            let outcome = world.db.db.write(|tx| {
                done.after(tx, 1);
                execute(tx, RENAME)
            });
            scenario.teardown();
            assert!(matches!(outcome, Err(Error::CommitUnknown(_))), "{outcome:?}");
        }
        assert!(done.all().is_empty());
    }
}

#[both]
fn a_write_that_ends_well_is_saved(world: World) {
    world.db.db.write(|tx| execute(tx, RENAME)).unwrap();
    assert_eq!(world.text("SELECT name FROM merchants").as_deref(), Some("Changed"));
}

#[both]
fn a_write_that_ends_badly_leaves_nothing(world: World) {
    let outcome: Result<(), Error> = world.db.db.write(|tx| {
        execute(tx, RENAME)?;
        Err(Error::Corrupt("on purpose".into()))
    });
    assert!(
        matches!(outcome, Err(Error::Corrupt(_))),
        "the first error is the one that is told: {outcome:?}"
    );
    assert_eq!(world.text("SELECT name FROM merchants").as_deref(), Some("ACME Ltd"));
    world.db.db.write(|tx| execute(tx, RENAME)).unwrap();
}

#[both]
fn a_refused_statement_ends_the_write_and_not_the_pool(world: World) {
    for _ in 0..20 {
        let outcome = world.db.db.write(|tx| {
            execute(tx, RENAME)?;
            execute(
                tx,
                "INSERT INTO merchants (slug, name, timezone, created_at) SELECT slug, \
                name, timezone, created_at FROM merchants",
            )
        });
        assert!(
            matches!(&outcome, Err(Error::Conflict(c)) if c.is_about("merchants", "slug")),
            "{outcome:?}"
        );
    }
    assert_eq!(world.text("SELECT name FROM merchants").as_deref(), Some("ACME Ltd"));
    world.db.db.write(|tx| execute(tx, RENAME)).unwrap();
}

#[both]
fn a_panic_inside_a_write_leaves_nothing_and_the_pool_works_on(world: World) {
    // As often as there are connections, and once more.
    for _ in 0..=world.db.db.capacity().0 {
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            world.db.db.write(|tx| -> Result<(), Error> {
                execute(tx, RENAME)?;
                panic!("on purpose");
            })
        }));
        assert!(panicked.is_err());
    }
    assert_eq!(world.text("SELECT name FROM merchants").as_deref(), Some("ACME Ltd"));
    world.db.db.write(|tx| execute(tx, RENAME)).unwrap();
    assert_eq!(world.text("SELECT name FROM merchants").as_deref(), Some("Changed"));
}

#[both]
fn forty_writers_at_once_all_get_through(world: World) {
    // Two pools, as two processes have: import beside serve.
    let other = Database::open(&DatabaseUrl::parse(&world.url).unwrap()).unwrap();
    world.exec("UPDATE merchants SET name = '0'");
    let start = Barrier::new(40);
    let failures: Vec<String> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..40)
            .map(|n| {
                let (db, start) = (if n % 2 == 0 { &world.db.db } else { &other }, &start);
                scope.spawn(move || {
                    start.wait();
                    (0..5)
                        .filter_map(|_| {
                            db.write(|tx| {
                                // Reads first: this is what loses its write to "database is locked"
                                // under a deferred BEGIN.
                                execute(tx, "SELECT id FROM merchants ORDER BY id")?;
                                execute(
                                    tx,
                                    "UPDATE merchants SET name = CAST(CAST(name AS \
                                    INTEGER) + 1 AS TEXT)",
                                )
                            })
                            .err()
                            .map(|e| e.to_string())
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().expect("no writer panics")).collect()
    });
    assert_eq!(failures, Vec::<String>::new());
    assert_eq!(world.text("SELECT name FROM merchants").as_deref(), Some("200"));
}

#[both]
fn readers_are_not_stopped_by_a_writer(world: World) {
    world
        .db
        .db
        .write(|tx| {
            execute(tx, RENAME)?;
            // The writer ends when this has ended: a reader that waited for it would not come back.
            let read: Result<usize, Error> = world
                .db
                .db
                .read(|conn| Ok(diesel::sql_query("SELECT id FROM merchants").execute(conn)?));
            assert!(read.is_ok(), "{read:?}");
            Ok::<_, Error>(())
        })
        .unwrap();
}

#[test]
fn on_sqlite_a_reader_cannot_write() {
    let world =
        World::new(TestDb::new(crate::support::Engine::Sqlite), crate::support::world::noon());
    let tried: Result<usize, Error> =
        world.db.db.read(|conn| Ok(diesel::sql_query(RENAME).execute(conn)?));
    assert!(tried.is_err(), "a reading connection wrote");
    assert_eq!(world.text("SELECT name FROM merchants").as_deref(), Some("ACME Ltd"));
}

#[test]
fn every_sqlite_writer_has_the_settings_that_keep_money() {
    let db = TestDb::new(crate::support::Engine::Sqlite);
    db.db
        .write(|tx| {
            for (pragma, want) in [
                ("synchronous", "2"),
                ("foreign_keys", "1"),
                ("recursive_triggers", "1"),
                ("journal_mode", "wal"),
            ] {
                let sql = format!(
                    "SELECT 1 FROM pragma_{pragma} WHERE CAST({pragma} AS TEXT) = '{want}'"
                );
                let rows: Vec<One> = diesel::sql_query(sql).load(&mut **tx)?;
                assert_eq!(rows.iter().map(|r| r.v).sum::<i64>(), 1, "{pragma} is not {want}");
            }
            Ok::<_, Error>(())
        })
        .unwrap();
}

#[derive(diesel::QueryableByName)]
struct One {
    #[diesel(sql_type = diesel::sql_types::BigInt, column_name = "1")]
    v: i64,
}

#[test]
fn on_postgres_a_killed_connection_is_replaced() {
    let world =
        World::new(TestDb::new(crate::support::Engine::Postgres), crate::support::world::noon());
    world.db.db.write(|tx| execute(tx, RENAME)).unwrap();
    world.exec(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = \
        current_database() AND pid <> pg_backend_pid()",
    );
    world.db.db.write(|tx| execute(tx, "UPDATE merchants SET name = 'Again'")).unwrap();
    assert_eq!(world.text("SELECT name FROM merchants").as_deref(), Some("Again"));
}

#[test]
fn a_postgres_connection_killed_midway_is_told_as_unavailable() {
    let world =
        World::new(TestDb::new(crate::support::Engine::Postgres), crate::support::world::noon());
    let outcome = world.db.db.write(|tx| {
        execute(tx, RENAME)?;
        world.exec(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = \
            current_database() AND pid <> pg_backend_pid()",
        );
        execute(tx, RENAME)
    });
    assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
    world.db.db.write(|tx| execute(tx, RENAME)).unwrap();
}

/// A statement that PostgreSQL would work on for a minute is ended at its limit, whether a
/// connection or each transaction says so.
#[test]
fn a_statement_is_ended_at_its_time_limit() {
    const SLEEP: &str = "SELECT pg_sleep(60)";
    let world = World::new(TestDb::new(Engine::Postgres), noon());
    for pooler in [Pooler::None, Pooler::Transaction] {
        let url = DatabaseUrl::parse(&world.db.url).unwrap().behind(pooler);
        let db = Database::open_limited(&url, Some(Duration::from_millis(200))).unwrap();
        let read = db.read(|conn| Ok::<_, Error>(diesel::sql_query(SLEEP).execute(conn)?));
        assert!(read.as_ref().is_err_and(|e| matches!(e, Error::TimeLimit(_))), "{read:?}");
        let written = db.write(|tx| execute(tx, SLEEP));
        assert!(written.as_ref().is_err_and(|e| matches!(e, Error::TimeLimit(_))), "{written:?}");
        let seen = db.snapshot(|conn| Ok::<_, Error>(diesel::sql_query(SLEEP).execute(conn)?));
        assert!(seen.as_ref().is_err_and(|e| matches!(e, Error::TimeLimit(_))), "{seen:?}");
        // To a request that is the desk being busy.
        let desk = Desk::for_operator(db.clone());
        let told = block_on(desk.reading(|desk| {
            desk.db.read(|conn| {
                Ok::<_, app::Error>(diesel::sql_query(SLEEP).execute(conn).map_err(Error::from)?)
            })
        }));
        assert!(
            matches!(told, Err(app::Error::Fault(app::Fault::Database(Error::TimeLimit(_))))),
            "{told:?}"
        );
        let answer = actix_web::ResponseError::status_code(
            &rewarddesk::web::shared::errors::Error::from(told.unwrap_err()),
        );
        assert_eq!(answer, 503);
        // A statement that is wrong after that much time is wrong, and not slow.
        let late = db.write(|tx| {
            std::thread::sleep(Duration::from_millis(300));
            execute(tx, "SELECT 2147483647 + id::int4 FROM merchants")
        });
        assert!(matches!(late, Err(Error::Query(_))), "{late:?}");
        db.write(|tx| execute(tx, RENAME)).unwrap();
    }
}
