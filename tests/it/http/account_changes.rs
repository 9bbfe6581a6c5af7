//! The email to a user whose way of signing in has changed: what, when, from where, and what to do.

use chrono::TimeDelta;
use rewarddesk::{
    app::users::{manage_users::UserAct, operate_users::operate},
    domain::{email::EmailAddress, mail::Letter, role::Role, user::Absence},
};

use super::factors::{Phone, code, set_up};
use crate::support::{
    App, Client,
    client::{Fields, send},
};

/// The subjects of all emails so far, in the order of their acts.
async fn subjects(app: &App, n: usize) -> Vec<String> {
    app.mails(n).await;
    app.texts("SELECT subject AS v FROM mails ORDER BY id")
}

/// Posts from a browser that says its name, somewhere.
async fn post(client: &Client, path: &str, fields: &Fields) -> u16 {
    let request = client
        .request(reqwest::Method::POST, path)
        .header("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0");
    send(request.header("X-Forwarded-For", "198.51.100.7").form(&fields.0)).await.status
}

/// An email that is all it should be.
fn complete(letter: &Letter, parts: &[&str]) {
    let common = [
        "When: 23 Nov 2026, ",
        "If it was you, you don't need to do anything.",
        "If it wasn’t you",
        "Open Reward Desk: http://127.0.0.1:",
    ];
    for part in common.iter().chain(parts) {
        assert!(letter.text.contains(part), "{part:?} is not in {}", letter.text);
    }
    // No address but the desk's own, and nothing behind it.
    for address in letter.text.split_whitespace().filter(|word| word.contains("://")) {
        assert!(
            url::Url::parse(address).is_ok_and(|url| url.path() == "/" && url.query().is_none()),
            "{address}"
        );
    }
    assert_eq!(letter.html.matches("href=").count(), 1);
    assert!(letter.recipient == "support@desk.example", "{}", letter.recipient);
}

#[both]
async fn each_change_of_a_factor_is_told_once(app: App) {
    let kim = app.sign_in(Role::Support).await;
    let (phone, codes) = set_up(&app, &kim).await;
    assert_eq!(subjects(&app, 1).await, ["An authenticator app was added to your account"]);
    let first = app.mails(1).await.remove(0);
    complete(
        &first,
        &["An authenticator app was added.", "Ten recovery codes were created.", "From: "],
    );
    for secret in &codes {
        assert!(!first.text.contains(secret) && !first.html.contains(secret));
    }
    // A wrong code changes nothing, and no mail is sent.
    kim.post("/account/recovery-codes", &code("000000")).await.expect(422);
    assert_eq!(post(&kim, "/account/recovery-codes", &code(&phone.code(&app, 0))).await, 200);
    complete(
        &app.mails(2).await[1],
        &["Ten new recovery codes were created.", "From: Firefox on Linux, 198.51.100.7"],
    );
    app.desk.clock.advance(TimeDelta::seconds(90));
    assert_eq!(post(&kim, "/account/app/removal", &Fields::default()).await, 303);
    let removed = app.mails(3).await.remove(2);
    complete(
        &removed,
        &[
            "Your authenticator app was removed.",
            "Your recovery codes were removed with your last second factor.",
        ],
    );
    assert_eq!(post(&kim, "/account/app/removal", &Fields::default()).await, 404);
    assert_eq!(
        subjects(&app, 3).await[1..],
        ["Your recovery codes were replaced", "Your authenticator app was removed"]
    );
}

#[both]
async fn another_app_is_told_as_such(app: App) {
    let kim = app.sign_in(Role::Support).await;
    set_up(&app, &kim).await;
    let page = kim.get("/account/app").await.expect(200);
    let form = page.fields("/account/app");
    let phone = Phone::of(&page);
    kim.post("/account/app", &form.with("code", &phone.code(&app, 0))).await.expect(303);
    assert_eq!(subjects(&app, 2).await[1], "Your authenticator app was replaced");
}

#[both]
async fn a_reset_by_others_is_told_once_whoever_did_it(app: App) {
    let mut app = app;
    let kim = app.sign_in(Role::Support).await;
    let support = app.number("SELECT id FROM users WHERE email = 'support@desk.example'");
    let globex = app.another_merchant("globex");
    app.world.inside(globex, |w| w.insert_membership(support, Role::Support));
    let ada = app.sign_in(Role::Administrator).await;
    let own = app.number("SELECT id FROM users WHERE email = 'administrator@desk.example'");
    app.world.inside(globex, |w| w.insert_membership(own, Role::Administrator));
    set_up(&app, &kim).await;
    ada.post(&format!("/m/acme/users/{support}/factors"), &Fields::default()).await.expect(303);
    let reset = app.mails(2).await.remove(1);
    assert_eq!(
        (reset.subject.as_str(), reset.recipient.as_str()),
        ("Your second factors were reset", "support@desk.example")
    );
    assert!(
        reset.text.contains("By: Casey Administrator, an administrator of ACME Ltd"),
        "{}",
        reset.text
    );
    assert!(reset.text.contains("When: 23 Nov 2026, "), "{}", reset.text);
    ada.post(&format!("/m/acme/users/{support}/factors"), &Fields::default()).await.expect(303);
    let kim = app.sign_in(Role::Support).await;
    set_up(&app, &kim).await;
    let email = EmailAddress::parse("support@desk.example").unwrap();
    assert!(operate(&app.desk, &email, UserAct::ResetFactors, Absence::default()).unwrap());
    assert!(!operate(&app.desk, &email, UserAct::ResetFactors, Absence::default()).unwrap());
    app.desk.mail_wakeup.notify_one();
    let letters = app.mails(4).await;
    assert!(letters.iter().any(|letter| letter.text.contains("By: the operator of Reward Desk")));
}

#[both]
async fn an_email_that_cannot_be_queued_undoes_the_change(app: App) {
    let mut app = app;
    let kim = app.sign_in(Role::Support).await;
    let (phone, _) = set_up(&app, &kim).await;
    app.exec(if app.is_sqlite() {
        "CREATE TRIGGER no_mails BEFORE INSERT ON mails BEGIN SELECT RAISE(ABORT, 'no'); END"
    } else {
        "ALTER TABLE mails ADD CONSTRAINT no_mails CHECK (subject NOT LIKE '%recovery%') NOT VALID"
    });
    let before = app.texts("SELECT code_hash AS v FROM recovery_codes ORDER BY code_hash");
    let answer = kim.post("/account/recovery-codes", &code(&phone.code(&app, 0))).await;
    assert!(answer.status >= 500, "{}", answer.status);
    assert_eq!(app.texts("SELECT code_hash AS v FROM recovery_codes ORDER BY code_hash"), before);
    app.is_meant_to_break();
}
