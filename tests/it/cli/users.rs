//! `rewarddesk user`: what the operator does to accounts, and how somebody is invited where no mail
//! goes out.

use rewarddesk::domain::role::Role;

use super::Shell;
use crate::support::{App, TestDb, client::Fields, world::PASSWORD};

const CASEY: &str = "casey@desk.example";
const NEW_PASSWORD: &str = "anchor violin tulip 7";

/// A merchant with a user of that role.
fn desk(db: &TestDb) -> Shell {
    let shell = Shell::on(db)
        .with("MAIL_FROM", "Rewards <r@desk.example>")
        .with("REWARDDESK_BASE_URL", "https://desk.example");
    shell.done(&["merchant", "add", "acme", "--name", "Acme"]);
    shell
}

fn invite<'a>(role: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    ["user", "invite", CASEY, "--name", "Casey Jones", "--merchant", "acme", "--role", role]
        .into_iter()
        .chain(more.iter().copied())
        .collect()
}

#[both]
fn an_account_is_disabled_and_enabled_once_each(db: TestDb) {
    let shell = desk(&db);
    shell.piped(
        &[
            "user",
            "add",
            CASEY,
            "--name",
            "Casey",
            "--role",
            "support",
            "--merchant",
            "acme",
            "--password-stdin",
        ],
        PASSWORD,
    );
    let act = |what: &str| shell.done(&["user", what, CASEY]);
    assert_eq!(act("disable"), "disabled, and all sessions ended: casey@desk.example\n");
    assert_eq!(act("disable"), "already disabled: casey@desk.example\n");
    assert_eq!(db.count("users WHERE disabled_at IS NOT NULL"), 1);
    assert_eq!(act("enable"), "enabled casey@desk.example\n");
    assert_eq!(act("enable"), "not disabled: casey@desk.example\n");
    assert_eq!(act("unlock"), "not locked: casey@desk.example\n");
    db.exec(
        "UPDATE users SET created_at = '2020-01-01 00:00:00.000000', last_seen_at = NULL, \
        unlocked_at = NULL",
    );
    assert_eq!(act("unlock"), "unlocked casey@desk.example\n");
    assert_eq!(act("unlock"), "not locked: casey@desk.example\n");
    let records = "audit_records WHERE actor_kind = 'cli' AND merchant_id IS NOT NULL AND action \
        IN ('user.disabled', 'user.enabled', 'user.unlocked')";
    assert_eq!(db.count(records), 3);
    for what in ["disable", "enable", "unlock", "end-sessions", "reset-factors"] {
        shell.refused(
            &["user", what, "nobody@desk.example"],
            "there is no user nobody@desk.example",
        );
        shell.refused(&["user", what, "nobody"], "this isn't an email address");
        assert_eq!(shell.run(&["user", what]).status, 2);
    }
}

#[both]
async fn disabling_and_ending_sessions_work_at_once_beside_a_server(app: App) {
    let shell = Shell::on(&app.world.db);
    let email = "support@desk.example";
    let kim = app.sign_in(Role::Support).await;
    kim.get("/m/acme/customers").await.expect(200);
    assert_eq!(
        shell.done(&["user", "end-sessions", email]),
        "ended all sessions of support@desk.example\n"
    );
    kim.get("/m/acme/customers").await.expect(303);
    let again = app.sign_in(Role::Support).await;
    shell.done(&["user", "disable", email]);
    again.get("/m/acme/customers").await.expect(303);
    app.client()
        .post("/sign-in", &Fields::default().with("email", email).with("password", PASSWORD))
        .await
        .expect(422);
    assert_eq!(
        app.count("audit_records WHERE action = 'user.sessions_ended' AND actor_kind = 'cli'"),
        1
    );
}

#[both]
fn an_invitation_is_queued_for_the_server_to_send(db: TestDb) {
    let shell = desk(&db);
    assert_eq!(
        shell.done(&invite("administrator", &[])),
        "invited casey@desk.example: the email is queued; the running server sends it\n"
    );
    let mail = "mails WHERE state = 'queued' AND recipient = 'casey@desk.example' AND text_body \
        LIKE '%https://desk.example/welcome?token=%'";
    assert_eq!(db.count(mail), 1);
    // Again: another link in place of the first.
    shell.done(&invite("administrator", &[]));
    assert_eq!((db.count("mails"), db.count("account_links"), db.count("users")), (2, 1, 1));
    shell.refused(
        &invite("support", &[]),
        "acme has offered casey@desk.example the role Administrator, which they haven't accepted \
         yet",
    );
    shell.done(&["user", "disable", CASEY]);
    shell.refused(&invite("administrator", &[]), "rewarddesk user enable casey@desk.example");
    assert_eq!(db.count("account_links"), 0, "who is disabled has no link");
    assert_eq!(db.count("audit_records WHERE action = 'user.invited' AND actor_kind = 'cli'"), 2);
    shell.refused(
        &[
            "user",
            "invite",
            "x@desk.example",
            "--name",
            "X",
            "--merchant",
            "nope",
            "--role",
            "support",
        ],
        "there is no merchant \"nope\"",
    );
    assert_eq!(db.count("users"), 1);
}

#[both]
fn what_is_only_offered_raises_nothing_that_the_operator_gives(db: TestDb) {
    let shell = desk(&db);
    shell.done(&invite("administrator", &[]));
    shell.done(&[
        "user",
        "add",
        CASEY,
        "--name",
        "Casey Jones",
        "--role",
        "support",
        "--merchant",
        "acme",
    ]);
    assert_eq!(
        db.count("memberships WHERE role = 'support' AND offered_at IS NULL"),
        1,
        "support was given, not administrator"
    );
    let records =
        "SELECT details AS v FROM audit_records WHERE action = 'role.added' AND actor_kind = 'cli'";
    let details = db.texts(records);
    assert!(
        details.len() == 1 && details[0].contains("support") && !details[0].contains("role_before"),
        "{details:?}"
    );
    shell.refused(
        &invite("marketing", &[]),
        "casey@desk.example is already Customer Support in acme",
    );
    // The role that is offered, given: accepted by that, and on record.
    db.exec("DELETE FROM memberships WHERE role = 'support'");
    shell.done(&invite("marketing", &[]));
    shell.done(&[
        "user",
        "add",
        CASEY,
        "--name",
        "Casey Jones",
        "--role",
        "marketing",
        "--merchant",
        "acme",
    ]);
    assert_eq!((db.count("memberships WHERE offered_at IS NULL"), db.texts(records).len()), (1, 2));
}

#[both]
async fn a_printed_link_lets_its_holder_in_once(app: App) {
    let shell = Shell::on(&app.world.db).with("REWARDDESK_BASE_URL", &app.url);
    let ended = shell.run(&invite("marketing", &["--print-link"]));
    assert_eq!(ended.status, 0, "{ended:?}");
    assert!(ended.err.starts_with("Give this link to casey@desk.example only."), "{ended:?}");
    let token = ended
        .out
        .trim_end()
        .strip_prefix(&format!("{}/welcome?token=", app.url))
        .expect("a link and nothing else")
        .to_owned();
    assert_eq!(app.count("mails"), 0);
    let client = app.client();
    let chosen = Fields::default().with("token", &token).with("password", NEW_PASSWORD);
    client.get(&format!("/welcome?token={token}")).await.expect(200).says("casey@desk.example");
    client.post("/welcome", &chosen).await.expect(303);
    client
        .post("/sign-in", &Fields::default().with("email", CASEY).with("password", NEW_PASSWORD))
        .await
        .expect(303);
    client.get("/m/acme/batches/new").await.expect(200);
    client.post("/welcome", &chosen).await.expect(404);
}

#[both]
fn without_random_numbers_no_command_blames_the_database(db: TestDb) {
    let shell = desk(&db).with("FAILPOINTS", "crypto::random=return");
    let ended = shell.run(&invite("support", &["--print-link"]));
    ended.is_refused("no random numbers");
    assert!(!ended.err.to_lowercase().contains("database"), "{ended:?}");
}
