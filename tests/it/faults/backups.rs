//! A backup taken under load restores to a sound database, and its mail waits until it is let go
//! (guarantee R12).

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use super::{installation::Installation, load::Load};
use crate::{
    mail::relay_server::Server as Relay,
    support::{Engine, TestDb},
};

const PEOPLE: usize = 6;
const REWARDS: usize = 120;

#[both]
async fn a_backup_under_load_restores_to_a_sound_desk_holding_mail(db: TestDb) {
    let house = Installation::new(db, REWARDS, REWARDS, "smtp://127.0.0.1:9");
    let load = Load::of(&house.rewards);
    // Every mail is still waiting in the copy.
    let server = house.serve_with(&["--hold-mail"]);
    let casey = house.sign_in(&server).await;
    let people = load.begin(&casey, PEOPLE);
    load.until(REWARDS / 4).await;
    let before = load.told.lock().unwrap().clone();
    let copy = house.shell.dir.path().join("copy");
    let (shell, file, url) = (&house.shell, copy.clone(), house.db.url.clone());
    tokio::task::block_in_place(|| match house.db.engine {
        Engine::Sqlite => {
            assert!(shell.done(&["backup", file.to_str().unwrap()]).ends_with(", checked\n"));
        }
        Engine::Postgres => {
            run("pg_dump", &["--format=custom", "--file", file.to_str().unwrap(), &url]);
        }
    });
    people.join_all().await;
    load.had_no_surprise();
    assert_eq!(load.successes(), REWARDS, "the backup hinders nobody");
    server.terminate();
    assert_eq!(server.ended(Instant::now()).0, Some(0));
    house.is_sound();

    let restored = TestDb::empty(house.db.engine);
    match house.db.engine {
        Engine::Sqlite => {
            fs::copy(&copy, restored.url.strip_prefix("sqlite:").unwrap()).unwrap();
        }
        Engine::Postgres => {
            run("pg_restore", &["--no-owner", "--dbname", &restored.url, copy.to_str().unwrap()]);
        }
    }
    let relay = Relay::start(&[]).await;
    let house = house.restored(restored, &relay.url());
    // Whatever was told before the backup began is in it.
    let exported = house.keeps_its_word(&before);
    assert!(house.shell.done(&["audit", "verify"]).contains("acme"));
    let asked = exported.values().filter(|record| record["email_requested"] == true).count();
    let server = house.serve_with(&["--hold-mail"]);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(relay.said("CONTENT").len(), 0, "held mail went out");
    let released = tokio::task::block_in_place(|| house.shell.done(&["mail", "release"]));
    assert!(
        asked > 0
            && released
                .starts_with(&format!("released {asked} waiting: {asked} from the last hour")),
        "{released}"
    );
    let from = Instant::now();
    while relay.said("CONTENT").len() < asked {
        assert!(from.elapsed() < Duration::from_mins(1), "released mail does not go");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    server.terminate();
    assert_eq!(server.ended(Instant::now()).0, Some(0));
    house.is_sound();
}

#[test]
fn a_backup_is_private_alone_and_never_takes_a_files_place() {
    let house = Installation::new(TestDb::new(Engine::Sqlite), 1, 1, "smtp://127.0.0.1:9");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy.db");
    let path = file.to_str().unwrap();
    house.shell.done(&["backup", path]);
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["copy.db"]);
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let before = fs::read(&file).unwrap();
    house.shell.refused(&["backup", path], "already exists and was not changed");
    assert_eq!(fs::read(&file).unwrap(), before);
    house.shell.refused(
        &["backup", folder.path().join("none/copy.db").to_str().unwrap()],
        "can't be written",
    );
    assert_eq!(
        house.db.count("audit_records WHERE action = 'backup.begun'"),
        2,
        "a copy that failed was asked for, too"
    );
}

#[test]
fn postgres_is_backed_up_by_its_own_tools() {
    let house = Installation::new(TestDb::empty(Engine::Postgres), 1, 1, "smtp://127.0.0.1:9");
    house.shell.refused(&["backup", "copy.db"], "pg_dump");
    assert!(!Path::new("copy.db").exists());
}

#[track_caller]
fn run(program: &str, args: &[&str]) {
    let ended = Command::new(program).args(args).output().expect("the program is there");
    assert!(ended.status.success(), "{program}: {}", String::from_utf8_lossy(&ended.stderr));
}
