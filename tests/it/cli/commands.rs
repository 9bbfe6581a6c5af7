//! migrate, merchant add, user add, batch add, check: what they do, what they refuse, and that
//! nothing but the file is left.

use super::{Shell, files_in};
use crate::support::{TestDb, world::PASSWORD};

const USER: [&str; 6] =
    ["user", "add", "casey@desk.example", "--name", "Casey Jones", "--password-stdin"];

fn user<'a>(pairs: &[&'a str]) -> Vec<&'a str> {
    [&USER[..], pairs].concat()
}

#[both]
fn an_installation_is_set_up_from_the_command_line(db: TestDb) {
    let empty = TestDb::empty(db.engine);
    let shell = Shell::on(&empty);
    for command in
        [&["check"][..], &["audit", "export"], &["merchant", "add", "acme", "--name", "Acme"]]
    {
        shell.refused(command, "run `rewarddesk migrate`");
    }
    assert!(shell.done(&["migrate"]).starts_with("applied "));
    assert_eq!(shell.done(&["migrate"]), "the schema is up to date\n");
    shell.done(&["merchant", "add", "acme", "--name", "Acme Ltd", "--timezone", "Europe/London"]);
    let added =
        shell.piped(&user(&["--role", "support", "--merchant", "acme"]), &format!("{PASSWORD}\n"));
    assert_eq!(
        (added.status, added.out.as_str()),
        (0, "added the user casey@desk.example\nacme: support\n"),
        "{added:?}"
    );
    shell.done(&[
        "batch",
        "add",
        "Spring",
        "--merchant",
        "acme",
        "--valid-from",
        "2026-03-01",
        "--valid-until",
        "2026-05-31",
    ]);
    assert_eq!(empty.text("SELECT timezone FROM merchants").as_deref(), Some("Europe/London"));
    let until = empty.text("SELECT valid_until FROM batches").unwrap();
    assert!(
        until.starts_with("2026-05-31 23:00:00"),
        "a day ends with the day in the merchant's zone: {until}"
    );
    assert!(shell.done(&["check"]).lines().all(|line| line.contains(" ok: ")));
    let hash = empty.text("SELECT password_hash FROM users").unwrap();
    assert!(
        rewarddesk::app::sign_in::passwords::verify(PASSWORD, Some(&hash)),
        "one line end is not part of the password"
    );
    let actions = "SELECT action AS v FROM audit_records ORDER BY id";
    assert_eq!(empty.texts(actions), ["merchant.added", "user.added", "batch.added"]);
}

#[both]
fn second_factors_are_reset_from_the_command_line(db: TestDb) {
    let shell = Shell::on(&db);
    shell.done(&["merchant", "add", "acme", "--name", "Acme"]);
    shell.piped(&user(&["--role", "support", "--merchant", "acme"]), PASSWORD);
    let reset = ["user", "reset-factors", "casey@desk.example"];
    assert_eq!(shell.done(&reset), "no second factors to reset for casey@desk.example\n");
    db.exec("UPDATE users SET totp_secret = 'x', totp_added_at = created_at");
    assert_eq!(shell.done(&reset), "reset the second factors of casey@desk.example\n");
    assert_eq!(db.count("users WHERE totp_secret IS NOT NULL OR totp_added_at IS NOT NULL"), 0);
    assert_eq!(
        db.count("audit_records WHERE action = 'user.factors_reset' AND actor_kind = 'cli'"),
        1
    );
    shell.refused(&["user", "reset-factors", "nobody@desk.example"], "there is no user");
}

#[both]
fn what_is_taken_or_unknown_is_refused_and_nothing_changes(db: TestDb) {
    let shell = Shell::on(&db);
    shell.done(&["merchant", "add", "acme", "--name", "Acme"]);
    shell.done(&["batch", "add", "Spring", "--merchant", "acme"]);
    let before = db.count("audit_records");
    shell.refused(
        &["merchant", "add", "acme", "--name", "Again"],
        "there is already a merchant \"acme\"",
    );
    shell.refused(&["merchant", "add", "Acme", "--name", "X"], "lowercase letters");
    shell.refused(
        &["merchant", "add", "beta", "--name", "X", "--timezone", "Mars"],
        "Europe/London",
    );
    shell.refused(
        &["merchant", "add", "beta", "--name", "X", "--ticket-url", "javascript:alert(1)"],
        "--ticket-url",
    );
    shell.refused(&["merchant", "add", "beta", "--name", " "], "use 1 to 100");
    shell.refused(
        &["batch", "add", "Spring", "--merchant", "acme"],
        "already has a batch \"Spring\"",
    );
    shell.refused(&["batch", "add", "X", "--merchant", "nope"], "there is no merchant \"nope\"");
    shell.refused(&["batch", "add", &"x".repeat(101), "--merchant", "acme"], "101 characters");
    shell.refused(
        &[
            "batch",
            "add",
            "X",
            "--merchant",
            "acme",
            "--valid-from",
            "2026-06-02",
            "--valid-until",
            "2026-06-01",
        ],
        "the start must be before the end",
    );
    shell.refused(
        &["batch", "add", "X", "--merchant", "acme", "--valid-from", "02/06/2026"],
        "YYYY-MM-DD",
    );
    shell.refused(&["audit", "export", "--merchant", "nope"], "there is no merchant");
    // A role in a merchant that is not there: the user is not added either.
    shell
        .piped(
            &user(&[
                "--role",
                "support",
                "--merchant",
                "acme",
                "--role",
                "support",
                "--merchant",
                "nope",
            ]),
            PASSWORD,
        )
        .is_refused("nope");
    shell.piped(&user(&[]), "password1234").is_refused("too easy to guess");
    shell.piped(&user(&[]), "short").is_refused("12 or more");
    shell.piped(&user(&[]), &format!("{PASSWORD}\n\n")).is_refused("line break");
    shell.refused(&["user", "add", "casey@desk.example", "--name", "Casey"], "--password-stdin");
    shell
        .piped(&["user", "add", "nobody", "--name", "N", "--password-stdin"], PASSWORD)
        .is_refused("email address");
    assert_eq!(
        (db.count("audit_records"), db.count("users"), db.count("merchants"), db.count("batches")),
        (before, 0, 1, 1)
    );
}

#[both]
fn a_role_is_added_to_an_existing_user_and_never_lowered(db: TestDb) {
    let shell = Shell::on(&db);
    for slug in ["acme", "beta"] {
        shell.done(&["merchant", "add", slug, "--name", slug]);
    }
    assert_eq!(
        shell.piped(&user(&["--role", "marketing", "--merchant", "acme"]), PASSWORD).status,
        0
    );
    let hash = db.text("SELECT password_hash FROM users");
    // No password is asked for; name and password stay.
    let more = [
        "--role",
        "support",
        "--merchant",
        "acme",
        "--role",
        "support",
        "--merchant",
        "beta",
        "--role",
        "supervisor",
        "--merchant",
        "beta",
    ];
    let said = shell
        .done(&[&["user", "add", "Casey@Desk.Example", "--name", "Other"], &more[..]].concat());
    assert!(said.contains("acme: stays marketing, which is higher than support"), "{said}");
    assert!(said.ends_with("beta: support\nbeta: supervisor instead of support\n"), "{said}");
    assert_eq!(
        db.texts("SELECT role AS v FROM memberships ORDER BY merchant_id"),
        ["marketing", "supervisor"]
    );
    assert_eq!(
        (db.text("SELECT name FROM users").as_deref(), db.text("SELECT password_hash FROM users")),
        (Some("Casey Jones"), hash)
    );
    let records = "SELECT action || ' ' || merchant_id AS v FROM audit_records WHERE action <> \
        'merchant.added' ORDER BY id";
    assert_eq!(db.texts(records), ["user.added 1", "role.added 2", "role.added 2"]);
    shell.refused(&["user", "add", "casey@desk.example", "--name", "C"], "there is already a user");
}

#[both]
fn a_user_without_a_role_stands_in_the_installations_own_log(db: TestDb) {
    let shell = Shell::on(&db);
    assert_eq!(shell.piped(&user(&[]), &format!("{PASSWORD}\r\n")).status, 0);
    let line: serde_json::Value = serde_json::from_str(&shell.done(&["audit", "export"])).unwrap();
    assert_eq!(
        (&line["action"], &line["merchant"], &line["actor"]),
        (&"user.added".into(), &serde_json::Value::Null, &"cli".into())
    );
    assert_eq!(line["user_email"], "casey@desk.example");
}

#[both]
fn check_says_what_is_broken_and_ends_with_status_1(db: TestDb) {
    let shell = Shell::on(&db);
    shell.done(&["merchant", "add", "acme", "--name", "Acme"]);
    shell.done(&["batch", "add", "Spring", "--merchant", "acme"]);
    db.exec(
        "INSERT INTO stock_by_window SELECT merchant_id, id, valid_from, valid_until, 1, 0, \
        0, 0, 0, 0 FROM batches",
    );
    let ended = shell.run(&["check"]);
    ended.is_refused("1 invariant is broken");
    assert_eq!(ended.out.lines().count(), 10);
    assert!(ended.out.contains("\nI4 BROKEN: 1 batches whose"), "{ended:?}");
}

#[test]
fn wrong_usage_is_status_2_and_help_is_status_0() {
    let shell = Shell::new();
    for args in [
        &["frobnicate"][..],
        &[],
        &["user", "add", "a@b.example"],
        &["user", "add", "a@b.example", "--name", "A", "--role", "king", "--merchant", "acme"],
        &["user", "add", "a@b.example", "--name", "A", "--role", "support"],
        &["batch", "add", "X", "--merchant", "acme", "--uses", "0"],
        &["import", "vouchers", "x.csv", "--merchant", "acme"],
        &["serve", "--listen", "nowhere"],
    ] {
        assert_eq!(shell.run(args).status, 2, "{args:?}");
    }
    assert_eq!(
        (
            shell.run(&["--help"]).status,
            shell.run(&["user", "add", "--help"]).status,
            shell.run(&["--version"]).status
        ),
        (0, 0, 0)
    );
    assert!(shell.done(&["--help"]).contains("REWARDDESK_SECRET_KEY_FILE"));
}

#[test]
fn a_mistyped_path_makes_no_database() {
    let shell = Shell::new();
    shell.refused(&["check"], "there is no database rewarddesk.db");
    shell.refused(&["merchant", "add", "acme", "--name", "Acme"], "rewarddesk migrate");
    assert_eq!(files_in(shell.dir.path()), [""; 0]);
}

#[test]
fn after_any_command_the_sqlite_file_alone_holds_everything() {
    let shell = Shell::new();
    let steps: &[(&[&str], i32)] = &[
        (&["migrate"], 0),
        (&["merchant", "add", "acme", "--name", "Acme"], 0),
        (&["merchant", "add", "acme", "--name", "Acme"], 1),
        (&["batch", "add", "Spring", "--merchant", "acme"], 0),
        (&["batch", "add", "Spring", "--merchant", "acme"], 1),
        (&["audit", "export", "--merchant", "acme"], 0),
        (&["audit", "export", "--merchant", "nope"], 1),
        (&["check"], 0),
        (&["doctor"], 1),
        (
            &[
                "user",
                "add",
                "a@b.example",
                "--name",
                "A",
                "--role",
                "support",
                "--merchant",
                "acme",
            ],
            1,
        ),
    ];
    for (args, status) in steps {
        let ended = shell.run(args);
        assert_eq!(ended.status, *status, "{args:?}: {ended:?}");
        assert_eq!(files_in(shell.dir.path()), ["rewarddesk.db"], "after {args:?}");
    }
    std::fs::write(
        shell.dir.path().join("garbage.db"),
        "this is no database, however long one looks at it".repeat(100),
    )
    .unwrap();
    shell.with("DATABASE_URL", "sqlite:garbage.db").refused(&["check"], "not a database");
}
