//! The schema's history: twins on both engines, there and back again, and what becomes of databases
//! that earlier and later versions made.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use rewarddesk::db::{
    Database, DatabaseUrl, DbConn, Error,
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

/// A history of one migration, which this version does not know.
fn history(up: &str) -> tempfile::TempDir {
    let history = tempfile::tempdir().unwrap();
    let migration = history.path().join("2099-01-01-000000_later");
    fs::create_dir(&migration).unwrap();
    fs::write(migration.join("up.sql"), up).unwrap();
    fs::write(migration.join("down.sql"), "SELECT 1;").unwrap();
    history
}

/// What fails for another reason than a lock fails once, however long it took: it would do all its
/// work again and fail again.
#[test]
fn a_migration_that_fails_late_is_not_repeated() {
    let db = TestDb::new(Engine::Postgres);
    db.exec("CREATE SEQUENCE tries");
    // The second try would do well.
    let history = history("SELECT pg_sleep(0.7); SELECT 1 / (nextval('tries') - 1);");
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
fn a_migration_waits_for_a_backup_and_nobody_waits_for_it() {
    const TRIES: &str = "pg_locks WHERE relation = 'mails'::regclass AND NOT granted";
    let db = TestDb::new(Engine::Postgres);
    let history = history("ALTER TABLE mails ADD COLUMN priority BIGINT");
    let source = || FileBasedMigrations::from_path(history.path()).unwrap();
    let mut backup = db.connect();
    run_on(&mut backup, "BEGIN; LOCK TABLE mails IN ACCESS SHARE MODE").unwrap();
    std::thread::scope(|scope| {
        let migrating = scope.spawn(|| apply(&db.db, source, source));
        let mut quickest = Duration::MAX;
        for _ in 0..4 {
            // It tries: whoever comes now is behind it.
            while db.count(TRIES) == 0 {
                assert!(!migrating.is_finished(), "it took no notice of the backup");
                std::thread::sleep(Duration::from_millis(5));
            }
            let before = Instant::now();
            let done =
                db.run("SET statement_timeout = '60s'; UPDATE mails SET attempts = attempts");
            assert_eq!(done, Ok(()), "the migration did not give way");
            quickest = quickest.min(before.elapsed());
        }
        assert!(!migrating.is_finished(), "it took no notice of the backup");
        run_on(&mut backup, "ROLLBACK").unwrap();
        // A busy machine may hold up one of them, not each.
        assert!(quickest < Duration::from_millis(1_500), "everybody waited {quickest:?} or more");
        assert_eq!(migrating.join().unwrap().unwrap().len(), 1);
    });
    assert_eq!(db.text("SELECT current_setting('lock_timeout')").as_deref(), Some("0"));
    assert_eq!(schema_state(&db.db).unwrap(), SchemaState::Newer);
}

/// What the version before the fold recorded.
pub const REPLACED: [&str; 16] = [
    "20261123000001",
    "20261123000002",
    "20261123000003",
    "20261124000001",
    "20261124000002",
    "20261124000003",
    "20261124000004",
    "20261124000005",
    "20261124000006",
    "20261124000007",
    "20261124000008",
    "20261124000009",
    "20261130000001",
    "20261130000002",
    "20261130000003",
    "20261130000004",
];

/// The migration that replaced them.
const INITIAL_SCHEMA: &str = "20261201000000";

/// Makes the database one of the version before the fold, in which these migrations have run. The
/// one migration makes what the old ones made, so that only their records differ.
pub fn make_old(db: &TestDb, versions: &[&str]) {
    let rows: Vec<String> = versions.iter().map(|version| format!("('{version}')")).collect();
    db.exec(&format!(
        "DELETE FROM __diesel_schema_migrations WHERE version = '{INITIAL_SCHEMA}';
         INSERT INTO __diesel_schema_migrations (version) VALUES {}",
        rows.join(", ")
    ));
}

fn recorded(db: &TestDb) -> Vec<String> {
    db.texts("SELECT version AS v FROM __diesel_schema_migrations ORDER BY version")
}

#[both]
fn a_database_with_all_old_migrations_is_adopted(db: TestDb) {
    let (new, before) = (recorded(&db), dump(&db));
    make_old(&db, &REPLACED);
    assert_eq!(schema_state(&db.db).unwrap(), SchemaState::Older { missing: 1 });
    assert_eq!(migrate(&db.db).unwrap(), Vec::<String>::new(), "nothing runs on its tables");
    assert_eq!(schema_state(&db.db).unwrap(), SchemaState::Current);
    assert_eq!(dump(&db), before);
    let kept: Vec<String> = REPLACED.iter().map(ToString::to_string).chain(new).collect();
    assert_eq!(recorded(&db), kept, "the version before still finds its own");
    assert_eq!(migrate(&db.db).unwrap(), Vec::<String>::new());
    assert_eq!(recorded(&db), kept);
    db.exec("INSERT INTO __diesel_schema_migrations (version) VALUES ('99991231000000')");
    assert_eq!(schema_state(&db.db).unwrap(), SchemaState::Newer);
}

#[both]
fn two_that_adopt_a_database_at_once_do_not_harm_each_other(db: TestDb) {
    make_old(&db, &REPLACED);
    let other = Database::open(&DatabaseUrl::parse(&db.url).unwrap()).unwrap();
    let outcomes = std::thread::scope(|scope| {
        [&db.db, &other].map(|db| scope.spawn(|| migrate(db))).map(|t| t.join().unwrap())
    });
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(schema_state(&db.db).unwrap(), SchemaState::Current);
}

#[both]
fn a_database_with_some_old_migrations_is_refused_and_stays(db: TestDb) {
    for (some, missing) in [(&REPLACED[..12], 4), (&REPLACED[1..], 1), (&REPLACED[..1], 15)] {
        make_old(&db, some);
        let before = (recorded(&db), dump(&db));
        let refusal = migrate(&db.db).unwrap_err();
        let said = refusal.to_string();
        assert!(matches!(refusal, Error::TooOld(_)), "{refusal:?}");
        assert!(
            said.contains(&format!("{missing} of that version's 16 migrations are missing"))
                && said.contains("upgrade it with Reward Desk 0.1.0 (commit b93adee) first"),
            "{said}"
        );
        assert_eq!((recorded(&db), dump(&db)), before);
        assert!(matches!(schema_state(&db.db).unwrap(), SchemaState::Older { .. }));
        db.exec("DELETE FROM __diesel_schema_migrations");
    }
}
