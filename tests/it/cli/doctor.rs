//! `doctor`: one line for each matter, on a sound installation and on sick ones.

use super::Shell;
use crate::support::{TestDb, issuers::Issuer};

fn ready(db: &TestDb) -> Shell {
    let shell = Shell::on(db)
        .with("REWARDDESK_SECRET_KEY", "0123456789abcdef0123456789abcdef")
        .with("MAIL_FROM", "Rewards <r@desk.example>");
    let mails = shell.dir.path().join("mails");
    std::fs::create_dir(&mails).unwrap();
    let mails = format!("file:{}", mails.display());
    shell.with("SMTP_URL", &mails)
}

fn line<'a>(out: &'a str, about: &str) -> &'a str {
    out.lines()
        .find(|line| line.contains(&format!("  {about}: ")))
        .unwrap_or_else(|| panic!("nothing about {about} in\n{out}"))
}

#[both]
fn a_sound_installation_has_nothing_bad(db: TestDb) {
    use std::os::unix::fs::PermissionsExt;
    if let Some(path) = db.url.strip_prefix("sqlite:") {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let ended = ready(&db).run(&["doctor"]);
    // The tests' own PostgreSQL may run without fsync, to be quick.
    let bad: Vec<&str> = ended
        .out
        .lines()
        .filter(|line| line.starts_with("bad") && !line.contains("fsync is off"))
        .collect();
    assert!(bad.is_empty(), "{bad:?}");
    assert!(line(&ended.out, "schema").starts_with("ok"));
    assert!(line(&ended.out, "triggers").starts_with("ok"));
    assert!(line(&ended.out, "database").contains(if db.is_sqlite() {
        "SQLite 3."
    } else {
        "PostgreSQL 1"
    }));
    assert!(
        db.is_sqlite() || line(&ended.out, "audit log").starts_with("warn"),
        "the tests' role owns everything"
    );
    assert!(
        ended
            .out
            .lines()
            .all(|line| ["ok    ", "warn  ", "bad   "].iter().any(|level| line.starts_with(level))),
        "{}",
        ended.out
    );
    assert!(!ended.out.contains("0123456789abcdef"));
}

#[both]
fn a_missing_trigger_is_found(db: TestDb) {
    db.exec(if db.is_sqlite() {
        "DROP TRIGGER audit_records_never_change"
    } else {
        "ALTER TABLE audit_records DISABLE TRIGGER audit_records_never_change"
    });
    let ended = ready(&db).run(&["doctor"]);
    assert_eq!(ended.status, 1);
    assert!(
        line(&ended.out, "triggers")
            .starts_with("bad   triggers: missing or switched off: audit_records_never_change")
    );
}

#[both]
fn a_missing_schema_is_found(db: TestDb) {
    let empty = TestDb::empty(db.engine);
    let ended = ready(&empty).run(&["doctor"]);
    assert_eq!(ended.status, 1);
    assert!(line(&ended.out, "schema").contains("rewarddesk migrate"));
}

#[test]
fn an_untrusted_proxy_is_found() {
    let https = Shell::new().with("REWARDDESK_BASE_URL", "https://desk.example");
    let said = https.run(&["doctor"]).out;
    assert!(
        line(&said, "proxies").starts_with("warn") && said.contains("REWARDDESK_TRUSTED_PROXIES"),
        "{said}"
    );
    let said = https.with("REWARDDESK_TRUSTED_PROXIES", "127.0.0.1").run(&["doctor"]).out;
    assert!(line(&said, "proxies").starts_with("ok"), "{said}");
    assert!(line(&Shell::new().run(&["doctor"]).out, "proxies").starts_with("ok"));
}

#[test]
fn a_bare_folder_is_told_everything_at_once() {
    let ended = Shell::new().run(&["doctor"]);
    ended.is_refused("4 checks failed");
    for about in ["database", "secret", "mail sender", "mail relay"] {
        assert!(line(&ended.out, about).starts_with("bad"), "{}", ended.out);
    }
}

#[test]
fn a_relay_that_is_not_there_and_files_open_to_all_are_bad() {
    use std::os::unix::fs::PermissionsExt;
    let shell = Shell::new()
        .with("SMTP_URL", "smtp://127.0.0.1:1")
        .with("REWARDDESK_SECRET_KEY_FILE", "secret");
    shell.done(&["migrate"]);
    std::fs::write(shell.dir.path().join("secret"), "0123456789abcdef0123456789abcdef\n").unwrap();
    for file in ["rewarddesk.db", "secret"] {
        std::fs::set_permissions(
            shell.dir.path().join(file),
            std::fs::Permissions::from_mode(0o644),
        )
        .unwrap();
    }
    let out = shell.run(&["doctor"]).out;
    assert!(line(&out, "mail relay").contains("Connection refused"), "{out}");
    assert!(line(&out, "database file").contains("chmod 600 rewarddesk.db"), "{out}");
    assert!(line(&out, "secret file").contains("chmod 600 secret"), "{out}");
    assert!(line(&out, "secret").starts_with("ok"), "{out}");
}

#[both]
async fn single_sign_on_is_off_half_silent_or_there(db: TestDb) {
    assert!(
        line(&ready(&db).run(&["doctor"]).out, "single sign-on")
            .starts_with("ok    single sign-on: off")
    );
    let issuer = Issuer::forging();
    let half = ready(&db).with("REWARDDESK_OIDC_ISSUER", &issuer.address);
    let ended = half.run(&["doctor"]);
    assert!(
        line(&ended.out, "single sign-on")
            .starts_with("bad   single sign-on: REWARDDESK_OIDC_CLIENT_ID is not set"),
        "{}",
        ended.out
    );
    let whole = half
        .with("REWARDDESK_OIDC_CLIENT_ID", "desk")
        .with("REWARDDESK_OIDC_CLIENT_SECRET", "between-the-two");
    let ended = whole.run(&["doctor"]);
    let there = line(&ended.out, "single sign-on");
    assert!(there.starts_with("ok  ") && there.contains("/sign-in/sso/callback"), "{there}");
    assert!(!ended.out.contains("between-the-two"));
    drop(issuer);
    assert!(line(&whole.run(&["doctor"]).out, "single sign-on").starts_with("bad   "));
}

#[test]
fn the_limit_of_open_files_is_reported_with_what_it_means() {
    let bin = env!("CARGO_BIN_EXE_rewarddesk");
    let mut shell = Shell::new();
    shell.use_program(std::path::Path::new("/bin/sh"));
    for (limits, expected) in [
        ("ulimit -Sn 300; ulimit -Hn 2048", "ok    open files: soft limit 300, hard limit 2048;"),
        ("ulimit -n 300", "warn  open files: soft limit 300, hard limit 300;"),
    ] {
        let out = shell.run(&["-c", &format!("{limits}; exec {bin} doctor")]).out;
        let said = line(&out, "open files");
        assert!(said.starts_with(expected) && said.contains("simultaneous connections"), "{said}");
        assert_eq!(said.contains("LimitNOFILE"), expected.starts_with("warn"), "{said}");
    }
}
