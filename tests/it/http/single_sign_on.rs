//! Single sign-on against a real provider: who comes in, and proving again to be there.

use chrono::TimeDelta;
use rewarddesk::domain::role::Role;
use serde_json::json;

use super::users::token;
use crate::support::{
    App, Client, Engine, Fixture,
    client::Fields,
    issuers::{self, Issuer, leads_to, over_there},
    page::Page,
};

/// An app beside a provider whose accounts are named like this.
struct House {
    app: App,
    _issuer: Issuer,
}

impl Fixture for House {
    async fn on(engine: Engine) -> Self {
        let accounts = json!({
            "kim-1": { "email": "Support@Desk.example", "email_verified": true },
            "kim-2": { "email": "support@desk.example", "email_verified": true },
            "unverified": { "email": "support@desk.example", "email_verified": false },
            "nobody": { "email": "nobody@desk.example", "email_verified": true },
            "mute": {},
        });
        let (app, issuer) = issuers::app(engine, |desk| Issuer::real(desk, &accounts));
        Self { app, _issuer: issuer }
    }
}

/// Comes with that name from over there.
async fn come(client: &Client, name: &str) -> Page {
    let led = client.get("/sign-in/sso?return_to=/m/acme/check").await.expect(303);
    over_there(client, &led, name).await.expect(303)
}

/// Is refused with that word, and told so.
async fn refused(app: &App, name: &str, word: &str, says: &str) {
    let client = app.client();
    let back = come(&client, name).await;
    assert_eq!(back.header("Location"), format!("/sign-in?sso={word}&return_to=/m/acme/check"));
    client.get(back.header("Location")).await.expect(200).says(says);
    assert!(!is_in(&client).await);
}

async fn is_in(client: &Client) -> bool {
    client.get("/m/acme/customers").await.status == 200
}

/// What was recorded, but for the email about it, which is sent at any time.
fn actions(app: &App) -> Vec<String> {
    app.texts("SELECT action AS v FROM audit_records WHERE action <> 'email.sent' ORDER BY id")
}

#[both]
async fn the_verified_address_decides_once_and_then_only_the_subject(house: House) {
    let app = &house.app;
    let user = app.user(Role::Support);
    let client = app.client();
    let page = client.get("/sign-in?return_to=/m/acme/check").await.expect(200);
    page.says("Continue with Acme");
    let back = come(&client, "kim-1").await;
    assert_eq!(back.header("Location"), "/m/acme/check");
    assert!(is_in(&client).await);
    assert_eq!(actions(app), ["identity.linked", "session.signed_in"]);
    assert_eq!(
        app.text(
            "SELECT details FROM audit_records WHERE action <> 'email.sent' ORDER BY id DESC \
            LIMIT 1"
        )
        .unwrap(),
        r#"{"method":"sso"}"#
    );
    assert_eq!(app.mails(1).await[0].subject, "Acme was linked to your account");
    assert_eq!(app.number("SELECT user_id FROM identities"), user);
    app.sign_in(Role::Supervisor)
        .await
        .get("/m/acme/audit")
        .await
        .expect(200)
        .says("Single sign-on linked")
        .says("by single sign-on");
    app.exec("DELETE FROM sessions WHERE user_id <> (SELECT user_id FROM identities)");
    // Another address over here changes nothing, and the new owner of the old one does not come in
    // by it.
    app.exec(&format!("UPDATE users SET email = 'renamed@desk.example' WHERE id = {user}"));
    let again = app.client();
    assert_eq!(come(&again, "kim-1").await.header("Location"), "/m/acme/check");
    assert!(is_in(&again).await);
    refused(app, "kim-2", "unknown", "Ask an administrator to invite you").await;
    assert_eq!(app.count("identities"), 1);
    assert_eq!(app.count("users"), 2);
    // The cookies are new ones: whatever the browser had before is no session.
    assert_eq!(app.count("sessions"), 2);
}

#[both]
async fn whoever_is_not_known_and_verified_stays_outside(house: House) {
    let app = &house.app;
    app.user(Role::Support);
    for name in ["unverified", "nobody", "mute"] {
        refused(app, name, "unknown", "There's no account here for this sign-in").await;
    }
    assert_eq!((app.count("identities"), app.count("users"), app.count("sessions")), (0, 1, 0));
    // In the installation's own log, without the person.
    assert_eq!(
        app.count("audit_records WHERE merchant_id IS NULL AND action = 'session.sign_in_failed'"),
        3
    );
    assert_eq!(
        app.text("SELECT details FROM audit_records LIMIT 1").unwrap(),
        r#"{"method":"sso","why":"unknown"}"#
    );
}

#[both]
async fn a_second_subject_with_the_same_address_is_refused(house: House) {
    let app = &house.app;
    app.user(Role::Support);
    come(&app.client(), "kim-1").await;
    refused(app, "kim-2", "taken", "linked to a different sign-in").await;
    assert_eq!(app.count("identities"), 1);
    app.mails(1).await;
}

#[both]
async fn disabled_and_locked_users_stay_outside(house: House) {
    let app = &house.app;
    app.user(Role::Support);
    app.exec(&format!("UPDATE users SET disabled_at = {}", app.sql(app.now())));
    refused(app, "kim-1", "unknown", "There's no account here").await;
    assert_eq!(app.count("identities"), 0, "a disabled user is not linked");
    app.exec("UPDATE users SET disabled_at = NULL");
    let client = app.client();
    come(&client, "kim-1").await;
    app.exec(&format!("UPDATE users SET disabled_at = {}", app.sql(app.now())));
    assert!(!is_in(&client).await, "disabling ends the session at once");
    refused(app, "kim-1", "unknown", "There's no account here").await;
    let long_ago = app.sql(app.now() - TimeDelta::days(91));
    app.exec(&format!(
        "UPDATE users SET disabled_at = NULL, created_at = {long_ago}, last_seen_at = {long_ago}"
    ));
    refused(app, "kim-1", "locked", "Your account was locked").await;
    assert_eq!(
        app.count(
            "audit_records WHERE action = 'session.sign_in_failed' AND merchant_id IS NOT NULL"
        ),
        3
    );
    app.mails(1).await;
}

#[both]
async fn an_invited_user_comes_in_without_a_password(house: House) {
    let app = &house.app;
    app.user(Role::Support);
    app.exec("UPDATE users SET password_hash = ''");
    let client = app.client();
    come(&client, "kim-1").await;
    assert!(is_in(&client).await);
    let account = client.get("/account").await.expect(200);
    account.says("You can sign in with").says("This is your only way to sign in");
    assert!(!account.body.contains("action=\"/account/identity/removal\""));
    client
        .post("/account/identity/removal", &Fields::default())
        .await
        .expect(422)
        .says("your only way to sign in");
    assert_eq!(app.count("identities"), 1);
    app.mails(1).await;
}

#[both]
async fn whoever_comes_in_from_over_there_leaves_no_invitation_open(house: House) {
    let mut house = house;
    let ada = house.app.sign_in(Role::Administrator).await;
    let globex = house.app.another_merchant("globex");
    house
        .app
        .world
        .inside(globex, |w| w.user_called("gus@desk.example", "Gus", Role::Administrator));
    let app = &house.app;
    let gus = app.client().signed_in("gus@desk.example").await;
    let invitation = Fields::default()
        .with("email", "support@desk.example")
        .with("name", "Ina")
        .with("role", "support");
    ada.post("/m/acme/users", &invitation).await.expect(303);
    let link = token(&app.mails(1).await[0].text);
    let client = app.client();
    come(&client, "kim-1").await;
    assert!(is_in(&client).await);
    assert_eq!(app.count("account_links"), 0, "the invitation has been followed");
    gus.post("/m/globex/users", &invitation).await.expect(303);
    let form = Fields::default().with("token", &link).with("password", "anchor violin tulip 7");
    app.client().post("/welcome", &form).await.expect(404);
    assert_eq!(
        app.count("memberships WHERE offered_at IS NOT NULL"),
        1,
        "nobody has accepted GLOBEX"
    );
    let ina = app.number("SELECT id FROM users WHERE email = 'support@desk.example'");
    ada.post(&format!("/m/acme/users/{ina}/disable"), &Fields::default()).await.expect(303);
    app.mails(3).await;
}

#[both]
async fn the_second_factor_is_asked_for_all_the_same(house: House) {
    let app = &house.app;
    app.user(Role::Support);
    app.exec(&format!(
        "UPDATE users SET totp_secret = 'x', totp_added_at = {}",
        app.sql(app.now())
    ));
    let client = app.client();
    let back = come(&client, "kim-1").await;
    assert_eq!(back.header("Location"), "/sign-in/factor?return_to=/m/acme/check");
    assert!(!is_in(&client).await);
    client.get(back.header("Location")).await.expect(200).says("Second factor");
    assert_eq!((app.count("half_sign_ins"), app.count("sessions")), (1, 0));
    assert_eq!(actions(app), ["identity.linked", "session.identity_accepted"]);
    app.mails(1).await;
}

#[both]
async fn whoever_has_no_password_proves_over_there_to_be_here(house: House) {
    let app = &house.app;
    app.user(Role::Support);
    app.exec("UPDATE users SET password_hash = ''");
    let client = app.client();
    come(&client, "kim-1").await;
    app.desk.clock.advance(TimeDelta::minutes(16));
    let asked = client.get("/account/app").await.expect(303);
    assert_eq!(asked.header("Location"), "/confirm?return_to=/account/app");
    let page = client.get(asked.header("Location")).await.expect(200);
    page.says("Continue with Acme");
    assert!(!page.body.contains("name=\"password\""));
    // The clock of the app is ahead of the provider's by now; only what the provider says counts.
    app.desk.clock.advance(TimeDelta::minutes(-16));
    app.exec("UPDATE sessions SET confirmed_at = NULL");
    let led = client.post("/confirm/sso", &page.fields("/confirm/sso")).await.expect(200);
    assert!(leads_to(&led).contains("prompt=login") && leads_to(&led).contains("max_age=0"));
    let back = over_there(&client, &led, "kim-2").await.expect(303);
    assert_eq!(
        back.header("Location"),
        "/confirm?sso=other&return_to=/account/app",
        "somebody else proves nothing"
    );
    client.get("/account/app").await.expect(303);
    let led = client.post("/confirm/sso", &page.fields("/confirm/sso")).await.expect(200);
    let back = over_there(&client, &led, "kim-1").await.expect(303);
    assert_eq!(back.header("Location"), "/account/app?confirmed=yes#message");
    client.get("/account/app").await.expect(200);
    assert_eq!(app.count("audit_records WHERE action = 'session.confirm_failed'"), 1);
    assert_eq!(app.count("audit_records WHERE action = 'session.confirmed'"), 1);
    assert_eq!(app.count("sessions"), 1);
    app.mails(1).await;
}

#[both]
async fn without_a_provider_there_is_no_such_way(app: App) {
    let client = app.sign_in(Role::Support).await;
    for path in ["/sign-in", "/account"] {
        let page = client.get(path).await.expect(200);
        assert!(!page.body.contains("Continue with") && !page.body.contains("Single sign-on"));
    }
    for path in ["/sign-in/sso", "/account/identity"] {
        client.get(path).await.expect(404);
    }
    for path in [
        "/confirm/sso",
        "/account/identity/start",
        "/account/identity",
        "/account/identity/removal",
    ] {
        client.post(path, &Fields::default()).await.expect(404);
    }
    let back = client.get("/sign-in/sso/callback?code=x&state=").await.expect(303);
    assert!(back.header("Location").starts_with("/sign-in?sso=stale"));
}
