//! The schema's history: twins on both engines, there and back again.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use rewarddesk::db::{
    Database, DatabaseUrl, DbConn,
    migrate::{SchemaState, apply, migrate, schema_state},
};

use crate::support::{Engine, TestDb, engine::run_on};

fn folder(engine: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine)
}

fn names(engine: &str) -> BTreeSet<String> {
    fs::read_dir(folder(engine))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn both_engines_have_the_same_migrations() {
    assert_eq!(names("sqlite"), names("postgres"));
    for engine in ["sqlite", "postgres"] {
        for name in names(engine) {
            for half in ["up.sql", "down.sql"] {
                let path = folder(engine).join(&name).join(half);
                assert!(
                    fs::metadata(&path).is_ok_and(|m| m.len() > 0),
                    "{} is missing or empty",
                    path.display()
                );
            }
        }
    }
}

/// Everything the schema consists of, as lines of text.
fn dump(db: &TestDb) -> Vec<String> {
    let mut lines = if db.is_sqlite() {
        db.texts(
            "SELECT type || ' ' || name || ' ' || coalesce(sql, '') AS v FROM sqlite_master \
            WHERE name NOT LIKE '%diesel%'",
        )
    } else {
        db.texts(
            "SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || \
             ' ' || coalesce(column_default, '')
               || ' ' || coalesce(collation_name, '') AS v FROM information_schema.columns WHERE \
               table_schema = 'public'
             UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
             UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || \
             pg_get_constraintdef(oid) FROM pg_constraint
               WHERE connamespace = 'public'::regnamespace
             UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
             UNION ALL SELECT p.oid::regprocedure || ' ' || prosrc FROM pg_proc p WHERE \
             pronamespace = 'public'::regnamespace
               AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = \
               'e')",
        )
    };
    lines.retain(|line| !line.contains("diesel_schema"));
    lines.sort();
    lines
}

fn down(db: &TestDb) {
    let mut conn = db.connect();
    let done = match &mut conn {
        DbConn::Sqlite(c) => c
            .revert_all_migrations(FileBasedMigrations::from_path(folder("sqlite")).unwrap())
            .map(|v| v.len()),
        DbConn::Postgres(c) => c
            .revert_all_migrations(FileBasedMigrations::from_path(folder("postgres")).unwrap())
            .map(|v| v.len()),
    };
    assert_eq!(done.expect("every migration can be undone"), names("sqlite").len());
}

#[both]
fn migrations_go_up_down_and_up_again(db: TestDb) {
    let first = dump(&db);
    assert!(first.len() > 50, "the dump sees the schema: {first:#?}");
    down(&db);
    assert_eq!(dump(&db), Vec::<String>::new(), "undoing left something behind");
    migrate(&db.db).unwrap();
    assert_eq!(dump(&db), first);
}

#[both]
fn migrating_twice_changes_nothing(db: TestDb) {
    let before = dump(&db);
    assert_eq!(migrate(&db.db).unwrap(), Vec::<String>::new());
    assert_eq!(dump(&db), before);
}

#[both]
fn the_state_of_a_schema_is_told(db: TestDb) {
    assert_eq!(schema_state(&db.db).unwrap(), SchemaState::Current);
    db.exec("INSERT INTO __diesel_schema_migrations (version) VALUES ('99991231000000')");
    assert_eq!(schema_state(&db.db).unwrap(), SchemaState::Newer);
    let empty = TestDb::empty(db.engine);
    assert_eq!(
        schema_state(&empty.db).unwrap(),
        SchemaState::Older { missing: names("sqlite").len() }
    );
}

#[both]
fn two_that_migrate_at_once_do_not_harm_each_other(db: TestDb) {
    let want = dump(&db);
    let empty = TestDb::empty(db.engine);
    let other = Database::open(&DatabaseUrl::parse(&empty.url).unwrap()).unwrap();
    let outcomes = std::thread::scope(|scope| {
        [&empty.db, &other].map(|db| scope.spawn(|| migrate(db))).map(|t| t.join().unwrap())
    });
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(dump(&empty), want);
}

/// What fails for another reason than a lock fails once, however long it took: it would do all its
/// work again and fail again.
#[test]
fn a_migration_that_fails_late_is_not_repeated() {
    let db = TestDb::new(Engine::Postgres);
    db.exec("CREATE SEQUENCE tries");
    let history = tempfile::tempdir().unwrap();
    let late = history.path().join("2099-01-01-000000_late");
    fs::create_dir(&late).unwrap();
    // The second try would do well.
    let up = "SELECT pg_sleep(0.7); SELECT 1 / (nextval('tries') - 1);";
    fs::write(late.join("up.sql"), up).unwrap();
    fs::write(late.join("down.sql"), "SELECT 1;").unwrap();
    let failed = apply(
        &db.db,
        || FileBasedMigrations::from_path(folder("sqlite")).unwrap(),
        || FileBasedMigrations::from_path(history.path()).unwrap(),
    );
    assert!(failed.is_err(), "{failed:?}");
    assert_eq!(db.number("SELECT last_value FROM tries"), 1);
}

/// As a backup does: every table is held from its beginning to its end, and people work meanwhile.
#[test]
fn a_migration_waits_for_a_backup_and_nobody_waits_for_the_migration() {
    let db = TestDb::new(Engine::Postgres);
    // Back before one that has to change a table which is there.
    let undone: Vec<String> =
        names("postgres").into_iter().filter(|name| name.as_str() >= "2026-11-24-000006").collect();
    let DbConn::Postgres(mut conn) = db.connect() else { panic!("PostgreSQL was asked for") };
    for _ in &undone {
        conn.revert_last_migration(FileBasedMigrations::from_path(folder("postgres")).unwrap())
            .unwrap();
    }
    let mut backup = db.connect();
    run_on(&mut backup, "BEGIN; LOCK TABLE mails IN ACCESS SHARE MODE").unwrap();
    std::thread::scope(|scope| {
        let migrating = scope.spawn(|| migrate(&db.db));
        let begun = Instant::now();
        let (mut longest, mut tries, mut all_done) = (Duration::ZERO, 0, true);
        db.exec("SET statement_timeout = '3s'");
        while all_done && begun.elapsed() < Duration::from_secs(5) {
            let before = Instant::now();
            all_done = db.run("UPDATE mails SET attempts = attempts").is_ok();
            longest = longest.max(before.elapsed());
            tries += 1;
            std::thread::sleep(Duration::from_millis(5));
        }
        let is_waiting = !migrating.is_finished();
        run_on(&mut backup, "ROLLBACK").unwrap();
        assert!(is_waiting, "it took no notice of the backup");
        assert!(longest > Duration::from_millis(100), "it did not try: {longest:?}");
        assert!(longest < Duration::from_millis(1_500), "somebody waited {longest:?}");
        assert_eq!(migrating.join().unwrap().unwrap().len(), undone.len());
        eprintln!(
            "{tries} statements while a migration waited for a backup, the slowest took \
             {longest:.1?}"
        );
    });
    assert_eq!(db.text("SELECT current_setting('lock_timeout')").as_deref(), Some("0"));
    assert_eq!(schema_state(&db.db).unwrap(), SchemaState::Current);
}
