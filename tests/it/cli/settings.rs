//! Settings as the environment and `.env` give them: which wins, and how a start is stopped.

use super::Shell;
use crate::{
    db::migrations::{REPLACED, make_old},
    support::{Engine, TestDb},
};

fn with_dot_env(text: &str) -> Shell {
    let shell = Shell::new();
    std::fs::write(shell.dir.path().join(".env"), text).unwrap();
    shell
}

#[test]
fn dot_env_counts_and_the_environment_wins() {
    let shell = with_dot_env(
        "DATABASE_URL=sqlite:from-file.db\nMAIL_FROM=\"Rewards <r@desk.example>\" # who\n",
    );
    shell.done(&["migrate"]);
    assert!(shell.dir.path().join("from-file.db").exists());
    let shell = shell.with("DATABASE_URL", "sqlite:from-environment.db");
    shell.done(&["migrate"]);
    assert!(shell.dir.path().join("from-environment.db").exists());
}

#[test]
fn a_broken_dot_env_is_named_without_showing_it() {
    let ended = with_dot_env("REWARDDESK_SECRET_KEY = hush hush 'hush\n").run(&["migrate"]);
    ended.is_refused(".env");
    assert!(!ended.err.contains("hush"));
}

#[test]
fn serve_stops_at_the_first_missing_setting_with_an_example() {
    let shell = Shell::new();
    shell.refused(&["serve"], "REWARDDESK_SECRET_KEY=\"$(openssl rand -hex 32)\"");
    let shell = shell.with("REWARDDESK_SECRET_KEY", "too short");
    shell.refused(&["serve"], "fewer than 32 characters");
    let shell = shell.with("REWARDDESK_SECRET_KEY", "0123456789abcdef0123456789abcdef");
    shell.refused(&["serve"], "SMTP_URL is not set");
    let shell = shell.with("SMTP_URL", "file:mails").with("MAIL_FROM", "Rewards <r@desk.example>");
    shell.refused(&["serve"], "there is no database");
    let shell = shell.with("REWARDDESK_LISTEN", "8080");
    shell.refused(&["serve"], "REWARDDESK_LISTEN=127.0.0.1:8080");
}

#[test]
fn only_the_settings_a_command_needs_can_stop_it() {
    let shell = Shell::new()
        .with("SMTP_URL", "nonsense")
        .with("MAIL_FROM", "nobody")
        .with("REWARDDESK_LISTEN", "x");
    shell.done(&["migrate"]);
    shell.done(&["check"]);
}

#[test]
fn a_remote_database_without_tls_stops_every_command() {
    for command in [&["serve"][..], &["migrate"], &["check"]] {
        let shell = Shell::new()
            .with("REWARDDESK_SECRET_KEY", "0123456789abcdef0123456789abcdef")
            .with("SMTP_URL", "file:x")
            .with("MAIL_FROM", "a@b.example");
        let mut shell = shell.with("DATABASE_URL", "postgres://desk:hush@db.desk.example/desk");
        shell.refused(command, "sslmode=disable");
        if cfg!(not(feature = "pg-tls")) {
            // The refusals of both builds are tried in src/config/tests.rs, this build's with TLS
            // in tests/it/faults/tls.rs.
            shell = shell
                .with("DATABASE_URL", "postgres://desk:hush@db.desk.example/desk?sslmode=require");
            shell.refused(command, "--features pg-tls");
        }
        assert!(!shell.run(command).err.contains("hush"));
    }
}

#[test]
fn logging_settings_are_checked_too() {
    Shell::new()
        .with("REWARDDESK_LOG_FORMAT", "xml")
        .refused(&["migrate"], "REWARDDESK_LOG_FORMAT=json");
    Shell::new().with("RUST_LOG", "info,=,,=x").refused(&["migrate"], "RUST_LOG");
}

#[test]
fn the_demo_listens_on_loopback_only() {
    Shell::new().refused(&["demo", "--listen", "0.0.0.0:8080"], "loopback");
}

/// Starts the demo as a new user does, in the folder `world`, and ends it once it serves; what it
/// said beside its greeting.
fn start_demo(shell: &Shell, more: &[&str]) -> String {
    let arguments = ["demo", "--dir", "world", "--listen", "127.0.0.1:0"];
    let mut demo = shell.command(&[&arguments, more].concat()).spawn().unwrap();
    let mut said = String::new();
    let begun = std::io::BufRead::read_line(
        &mut std::io::BufReader::new(demo.stdout.take().unwrap()),
        &mut said,
    );
    demo.kill().unwrap();
    let ended = demo.wait_with_output().unwrap();
    let besides = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(
        begun.unwrap() > 0 && said.starts_with("Reward Desk demo: http://127.0.0.1:"),
        "{said}{besides}"
    );
    besides
}

/// The sample data go through the same imports and rules as real ones.
#[test]
fn the_demo_starts_with_data_that_hold_together() {
    let shell = Shell::new();
    start_demo(&shell, &["--customers", "60"]);
    let shell = shell.with("DATABASE_URL", "sqlite:world/desk.db");
    shell.done(&["check"]);
    shell.done(&["audit", "verify"]);
}

#[test]
fn a_demo_that_an_earlier_version_left_starts() {
    let shell = Shell::new();
    let world = shell.dir.path().join("world");
    let database = |name: &str| {
        let url = format!("sqlite:{}", world.join(name).display());
        TestDb::elsewhere(Engine::Sqlite, url)
    };
    let names = |name: &str| database(name).texts("SELECT name AS v FROM merchants ORDER BY id");
    start_demo(&shell, &["--customers", "60"]);
    let new = names("desk.db");
    database("desk.db").exec("UPDATE merchants SET name = 'Mine' WHERE id = 1");
    let mine = names("desk.db");
    // Of the version before: it goes on.
    make_old(&database("desk.db"), &REPLACED);
    assert!(!start_demo(&shell, &[]).contains("desk-old.db"));
    assert_eq!(names("desk.db"), mine);
    // Of one before that: it is set aside.
    database("desk.db").exec("DELETE FROM __diesel_schema_migrations");
    make_old(&database("desk.db"), &REPLACED[..12]);
    let said = start_demo(&shell, &["--customers", "60"]);
    assert!(said.contains("It is in world/desk-old.db now"), "{said}");
    assert_eq!((names("desk-old.db"), names("desk.db")), (mine, new));
    assert!(!start_demo(&shell, &[]).contains("desk-old.db"));
    start_demo(&shell, &["--reset", "--customers", "60"]);
    assert!(!world.join("desk-old.db").exists());
}
