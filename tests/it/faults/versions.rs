//! Two versions on one schema during a deploy (guarantee R11): the old one works on while the new
//! one's migrations run and afterwards, and can be started again on what they have made.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use diesel_migrations::FileBasedMigrations;
use rewarddesk::db::migrate;

use super::{
    installation::{Installation, Server},
    load::Load,
};
use crate::support::{Client, TestDb};

const PEOPLE: usize = 8;
const REWARDS: usize = 400;
/// The desk ends in less than 20 seconds (guarantee R11); the rest is for a busy machine.
const LIMIT: Duration = Duration::from_mins(1);

/// What a later version may add beside what this one uses; see `layers/migrations.rs` for what it
/// may not do.
pub const ADDITIONS: &str = "
    ALTER TABLE coupons ADD COLUMN colour TEXT NOT NULL DEFAULT 'none';
    ALTER TABLE rewards ADD COLUMN weight BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE reissues ADD COLUMN remark TEXT;
    ALTER TABLE audit_records ADD COLUMN place TEXT;
    ALTER TABLE audit_seals ADD COLUMN witness TEXT;
    ALTER TABLE customers ADD COLUMN nickname TEXT NOT NULL DEFAULT '';
    ALTER TABLE users ADD COLUMN language TEXT;
    ALTER TABLE sessions ADD COLUMN theme TEXT NOT NULL DEFAULT 'light';
    ALTER TABLE mails ADD COLUMN priority BIGINT NOT NULL DEFAULT 5;
    CREATE TABLE coupon_colours (id BIGINT PRIMARY KEY NOT NULL, coupon_id BIGINT NOT NULL \
    REFERENCES coupons (id), colour TEXT NOT NULL);
    CREATE INDEX reissues_by_remark ON reissues (merchant_id, remark);
    CREATE INDEX coupons_by_colour ON coupons (merchant_id, colour);
";

/// Migrations that this version does not know, in a folder of their own, and how many they are.
/// Each changes one table: one that holds one and waits for another would stand in people's way,
/// and have to try again and again. On SQLite the last one rebuilds a table, as migrations there
/// must to change a check.
fn next_version(db: &TestDb) -> (tempfile::TempDir, usize) {
    let dir = tempfile::tempdir().unwrap();
    let mut all: Vec<String> = ADDITIONS
        .split(';')
        .map(|one| one.trim().to_owned())
        .filter(|one| !one.is_empty())
        .collect();
    all.extend(db.is_sqlite().then(|| anew("mails", db)));
    for (n, up) in all.iter().enumerate() {
        let migration = dir.path().join(format!("9999-12-31-{n:06}_next"));
        fs::create_dir(&migration).unwrap();
        fs::write(migration.join("up.sql"), up).unwrap();
        fs::write(migration.join("down.sql"), "SELECT 1;").unwrap();
    }
    (dir, all.len())
}

/// Statements that rebuild `table`, with everything that belongs to it.
fn anew(table: &str, db: &TestDb) -> String {
    let made = db
        .text(&format!("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = '{table}'"))
        .unwrap();
    let (_, body) = made.split_once('(').unwrap();
    let columns =
        db.texts(&format!("SELECT name AS v FROM pragma_table_info('{table}')")).join(", ");
    let besides = db
        .texts(&format!(
            "SELECT sql || ';' AS v FROM sqlite_master WHERE tbl_name = \
        '{table}' AND type <> 'table'"
        ))
        .concat();
    format!(
        "CREATE TABLE {table}_anew ({body}; INSERT INTO {table}_anew ({columns}) SELECT {columns} \
         FROM {table}; DROP TABLE {table};
         ALTER TABLE {table}_anew RENAME TO {table}; {besides}"
    )
}

fn at(server: &Server, person: &Client) -> Client {
    Client { base: server.url.clone(), ..person.clone() }
}

/// Ends the server as a deploy does.
#[track_caller]
fn end(server: Server) {
    server.terminate();
    let (status, took) = server.ended(Instant::now());
    assert!(status == Some(0) && took < LIMIT, "status {status:?} after {took:?}");
}

/// The pages that people open, as far as the server has them: two versions need not have the same.
async fn pages(house: &Installation, client: &Client) -> BTreeSet<String> {
    let [user, batch] =
        ["users", "batches"].map(|table| house.db.number(&format!("SELECT min(id) FROM {table}")));
    let mut pages = vec!["/account".to_owned(), house.rewards[0].profile.clone()];
    for page in [
        "customers",
        "customers?q=C-0001",
        "batches",
        "audit",
        "users",
        "settings",
        "permissions",
        "imports",
    ] {
        pages.push(format!("/m/acme/{page}"));
    }
    pages.extend([format!("/m/acme/users/{user}"), format!("/m/acme/batches/{batch}")]);
    let mut there = BTreeSet::new();
    for page in pages {
        match client.get(&page).await.status {
            200 | 303 => assert!(there.insert(page)),
            404 => {}
            status => panic!("{page} answered {status}"),
        }
    }
    there
}

/// Casey may open everything.
async fn administrator(house: &Installation, server: &Server) -> Client {
    let more = [
        "user",
        "add",
        "casey@desk.example",
        "--name",
        "Casey Jones",
        "--role",
        "administrator",
        "--merchant",
        "acme",
    ];
    house.shell.done(&more);
    house.sign_in(server).await
}

fn is_newer(said: &[serde_json::Value]) -> bool {
    said.iter().any(|line| {
        line["message"]
            .as_str()
            .is_some_and(|message| message.contains("schema is newer than this program"))
    })
}

#[both]
async fn a_newer_schema_comes_under_load_and_nobody_notices(db: TestDb) {
    let house = Installation::new(db, REWARDS, REWARDS, "file:mails");
    let (load, server) = (Load::of(&house.rewards), house.serve());
    let casey = administrator(&house, &server).await;
    let had = pages(&house, &casey).await;
    assert!(had.len() > 8, "{had:?}");
    assert!(!is_newer(&house.said()));
    load.keep_back(100);
    let people = load.begin(&casey, PEOPLE);
    load.until(40).await;
    let (next, count) = next_version(&house.db);
    let source = || FileBasedMigrations::from_path(next.path()).unwrap();
    let begun = Instant::now();
    assert_eq!(migrate::apply(&house.db.db, source, source).unwrap().len(), count);
    let (took, before) = (begun.elapsed(), load.successes());
    assert!(
        before < REWARDS - 40,
        "{before} of {REWARDS} are done: the rest no longer shows anything"
    );
    assert_eq!(pages(&house, &casey).await, had);
    // A rollback: this version starts on what the next one has made, beside the one that was there
    // before.
    let again = house.serve();
    assert!(is_newer(&house.said()));
    load.release(100);
    let beside = load.begin(&at(&again, &casey), PEOPLE);
    people.join_all().await;
    beside.join_all().await;
    load.had_no_surprise();
    assert!(load.open.lock().unwrap().is_empty(), "somebody was turned away");
    assert_eq!(load.successes(), REWARDS);
    assert_eq!(pages(&house, &at(&again, &casey)).await, had);
    assert_eq!(at(&again, &casey).get("/readyz").await.status, 200);
    end(server);
    end(again);
    let told = load.told.lock().unwrap().clone();
    house.keeps_its_word(&told);
    house.shell.done(&["audit", "verify"]);
    let doctor = house.shell.run(&["doctor"]).out;
    assert!(doctor.contains("ok    schema: newer than this program"), "{doctor}");
    eprintln!(
        "{:?}: {count} migrations took {took:.1?} under load, {before} of {REWARDS} reissues \
         before their end",
        house.db.engine
    );
}

#[ignore = "needs another version of the program: scripts/two-versions builds one and runs this"]
#[both]
async fn the_version_before_and_this_one_work_on_one_schema(db: TestDb) {
    let old = PathBuf::from(
        env::var_os("REWARDDESK_OLD_PROGRAM")
            .expect("REWARDDESK_OLD_PROGRAM: the path of another version"),
    );
    let new = Path::new(env!("CARGO_BIN_EXE_rewarddesk"));
    let mut house =
        Installation::of_version(&old, TestDb::empty(db.engine), REWARDS, REWARDS, "file:mails");
    let load = Load::of(&house.rewards);
    let before = house.serve();
    let casey = administrator(&house, &before).await;
    let had = pages(&house, &casey).await;
    load.keep_back(200);
    let people = load.begin(&casey, PEOPLE);
    load.until(30).await;
    house.shell.use_program(new);
    let begun = Instant::now();
    let applied = house.shell.done(&["migrate"]);
    let (took, at_migration) = (begun.elapsed(), load.successes());
    load.release(60);
    load.until(at_migration + 30).await;
    assert_eq!(pages(&house, &casey).await, had);
    assert!(load.open.lock().unwrap().is_empty(), "the migration turned somebody away");
    let after = house.serve();
    assert!(!is_newer(&house.said()));
    let theirs = load.begin(&at(&after, &casey), PEOPLE);
    load.release(100);
    load.until(load.successes() + 60).await;
    end(before);
    load.release(40);
    people.join_all().await;
    load.send_again(&at(&after, &casey)).await;
    // The binary is rolled back, the schema is not.
    house.shell.use_program(&old);
    let back = house.serve();
    load.begin(&at(&back, &casey), PEOPLE).join_all().await;
    assert_eq!(pages(&house, &at(&back, &casey)).await, had);
    theirs.join_all().await;
    load.had_no_surprise();
    assert_eq!(load.successes(), REWARDS);
    end(back);
    end(after);
    let told = load.told.lock().unwrap().clone();
    for program in [old.as_path(), new] {
        house.shell.use_program(program);
        house.keeps_its_word(&told);
        house.shell.done(&["audit", "verify"]);
    }
    eprintln!(
        "{:?}: migrated in {took:.1?} under load ({}), both served",
        house.db.engine,
        applied.trim().replace('\n', ", ")
    );
}
