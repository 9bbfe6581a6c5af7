//! Linking an account of the provider: it starts by a form of ours, the provider asks for a new
//! sign-in, a page shows which account it is, and only the button on that page links it.

use chrono::{TimeDelta, Utc};
use reqwest::Method;
use rewarddesk::domain::role::Role;
use serde_json::{Value, json};

use crate::support::{
    App, Client, Engine, Fixture,
    client::Fields,
    issuers::{self, Asked, Issuer, leads_to, over_there},
    page::Page,
    world::PASSWORD,
};

const START: &str = "/account/identity/start";
const PAGE: &str = "/account/identity";

/// An app beside a provider that has these accounts.
struct Real {
    app: App,
    _issuer: Issuer,
}

impl Fixture for Real {
    async fn on(engine: Engine) -> Self {
        let accounts = json!({ "kim-1": { "email": "kim@elsewhere.example", "email_verified": true }, "mute": {} });
        let (app, issuer) = issuers::app(engine, |desk| Issuer::real(desk, &accounts));
        Self { app, _issuer: issuer }
    }
}

/// An app beside an issuer that gives whatever token is asked of it.
struct Forged {
    app: App,
    _issuer: Issuer,
}

impl Fixture for Forged {
    async fn on(engine: Engine) -> Self {
        let (app, issuer) = issuers::app(engine, |_| Issuer::forging());
        app.user(Role::Support);
        Self { app, _issuer: issuer }
    }
}

/// Starts to link, by the form.
async fn start(client: &Client) -> Asked {
    Asked::of(&client.post(START, &Fields::default()).await.expect(200))
}

/// An answer to what was asked, from somebody who has just signed in there.
fn fresh(asked: &Asked) -> Value {
    asked.claims(json!({ "email": "kim@elsewhere.example", "name": "Kim Elsewhere", "auth_time": Utc::now().timestamp() }))
}

/// Comes back with that answer, up to the page that shows the account.
async fn shown(client: &Client, path: &str) -> Page {
    let back = client.get(path).await.expect(303);
    assert_eq!(back.header("Location"), PAGE);
    client.get(PAGE).await.expect(200)
}

/// Is not linked, and says so with that word.
fn not_linked(answer: &Page, word: &str) {
    assert_eq!(answer.header("Location"), format!("/account?done=identity-{word}#message"));
}

#[both]
async fn one_links_and_unlinks_ones_own(real: Real) {
    let app = &real.app;
    let client = app.sign_in(Role::Support).await;
    client.get("/account").await.says("Link Acme");
    let led = client.post(START, &Fields::default()).await.expect(200);
    led.says("Going to Acme").says("Continue to Acme").says("Nothing has changed yet");
    assert!(
        leads_to(&led).contains("prompt=login") && leads_to(&led).contains("max_age=0"),
        "{}",
        leads_to(&led)
    );
    // The address plays no part: one is signed in over here and over there.
    let back = over_there(&client, &led, "kim-1").await.expect(303);
    assert_eq!(back.header("Location"), PAGE);
    let page = client.get(PAGE).await.expect(200);
    page.says("Link this account?")
        .says("kim@elsewhere.example")
        .says("ID at Acme kim-1")
        .says("Nothing is linked yet");
    page.says("support@desk.example").says("Signed in at Acme").says("Email at Acme");
    assert_eq!(
        (app.count("identities"), app.count("audit_records WHERE action LIKE 'identity.%'")),
        (0, 0),
        "nothing counts before the button"
    );
    assert_eq!(app.count("mails"), 0);
    let done = client.post(PAGE, &page.fields(PAGE)).await.expect(303);
    client
        .get(done.header("Location"))
        .await
        .expect(200)
        .says("Single sign-on linked")
        .says("Unlink Acme");
    assert_eq!(app.mails(1).await[0].subject, "Acme was linked to your account");
    // Another user cannot have it, and does not even get to the button.
    let other = app.sign_in(Role::Marketing).await;
    let led = other.post(START, &Fields::default()).await.expect(200);
    let back = over_there(&other, &led, "kim-1").await.expect(303);
    other
        .get(back.header("Location"))
        .await
        .expect(200)
        .says("Not linked")
        .says("this sign-in is linked to a different account");
    assert_eq!(app.count("identities"), 1);
    client.post("/account/identity/removal", &Fields::default()).await.expect(303);
    assert_eq!(app.mails(2).await[1].subject, "Acme was unlinked from your account");
    assert_eq!(app.count("identities"), 0);
    client.post("/account/identity/removal", &Fields::default()).await.expect(404);
    assert_eq!(
        app.count("audit_records WHERE action = 'identity.linked' OR action = 'identity.unlinked'"),
        2
    );
    app.desk.clock.advance(TimeDelta::minutes(16));
    for (path, back_to) in
        [(START, "/account"), ("/account/identity/removal", "/account"), (PAGE, PAGE)]
    {
        let answer = client.post(path, &Fields::default()).await.expect(303);
        assert_eq!(answer.header("Location"), format!("/confirm?return_to={back_to}"));
    }
}

#[both]
async fn another_site_starts_no_link_and_neither_does_a_get(forged: Forged) {
    let client = forged.app.sign_in(Role::Support).await;
    for path in [START, PAGE, "/confirm/sso"] {
        for headers in [[("Sec-Fetch-Site", "cross-site")], [("Origin", "https://evil.example")]] {
            client
                .bare(Method::POST, path, &headers)
                .await
                .expect(403)
                .says("came from another site");
        }
    }
    for path in [START, "/confirm/sso"] {
        client.get(path).await.expect(405);
    }
    not_linked(&client.get(PAGE).await.expect(303), "stale");
    assert_eq!(
        forged.app.count("sessions WHERE challenge IS NOT NULL OR pending_link IS NOT NULL"),
        0,
        "nothing waits"
    );
}

#[both]
async fn a_callback_counts_once_and_only_in_the_session_it_began(forged: Forged) {
    let app = &forged.app;
    let victim = app.sign_in(Role::Support).await;
    // Somebody has started in a session of their own, and leads the victim's browser back.
    let attacker = app.sign_in(Role::Marketing).await;
    let asked = start(&attacker).await;
    let back = asked.back(&fresh(&asked));
    let led = victim.get(&back).await.expect(303);
    assert!(led.header("Location").starts_with("/sign-in?sso=stale"), "{}", led.header("Location"));
    not_linked(&victim.get(PAGE).await.expect(303), "stale");
    // Nobody's browser, and one in which something else was started.
    app.client().get(&back).await.expect(303);
    let own = start(&victim).await;
    victim.get(&back).await.expect(303);
    not_linked(&victim.get(PAGE).await.expect(303), "stale");
    // What the victim has started has not been used up by that.
    let own_back = own.back(&fresh(&own));
    let page = shown(&victim, &own_back).await;
    // Another session of the same user does not have it.
    let elsewhere = app.sign_in(Role::Support).await;
    not_linked(&elsewhere.post(PAGE, &page.fields(PAGE)).await.expect(303), "stale");
    not_linked(&attacker.post(PAGE, &page.fields(PAGE)).await.expect(303), "stale");
    // The callback again, as Back would: it is not taken twice.
    assert!(
        victim
            .get(&own_back)
            .await
            .expect(303)
            .header("Location")
            .starts_with("/sign-in?sso=stale")
    );
    assert_eq!(app.count("identities"), 0);
    victim.post(PAGE, &page.fields(PAGE)).await.expect(303);
    assert_eq!(app.count("identities"), 1);
    app.exec("DELETE FROM identities");
    not_linked(&victim.post(PAGE, &page.fields(PAGE)).await.expect(303), "stale");
    assert_eq!(app.count("identities"), 0, "the button counts once");
    app.mails(1).await;
}

#[both]
async fn the_button_links_the_account_that_its_page_showed(forged: Forged) {
    let app = &forged.app;
    let client = app.sign_in(Role::Support).await;
    let asked = start(&client).await;
    let first = shown(&client, &asked.back(&fresh(&asked))).await;
    first.says("Kim Elsewhere");
    // In another tab, another account.
    let asked = start(&client).await;
    let theirs = asked.claims(
        json!({ "sub": "other", "name": "Somebody Else", "auth_time": Utc::now().timestamp() }),
    );
    let second = shown(&client, &asked.back(&theirs)).await;
    second.says("Somebody Else").says("ID at Acme other");
    not_linked(&client.post(PAGE, &first.fields(PAGE)).await.expect(303), "stale");
    for token in ["", "x"] {
        not_linked(
            &client.post(PAGE, &Fields::default().with("token", token)).await.expect(303),
            "stale",
        );
    }
    assert_eq!(app.count("identities"), 0);
    client.post(PAGE, &second.fields(PAGE)).await.expect(303);
    assert_eq!(app.text("SELECT subject FROM identities").as_deref(), Some("other"));
    app.mails(1).await;
}

#[both]
async fn what_waits_ends_with_time_and_with_the_session(forged: Forged) {
    let app = &forged.app;
    let client = app.sign_in(Role::Support).await;
    // At the provider for too long.
    let asked = start(&client).await;
    app.desk.clock.advance(TimeDelta::minutes(10));
    not_linked(&client.get(&asked.back(&fresh(&asked))).await.expect(303), "stale");
    app.desk.clock.advance(TimeDelta::minutes(-10));
    // In front of the button for too long.
    let asked = start(&client).await;
    let page = shown(&client, &asked.back(&fresh(&asked))).await;
    app.desk.clock.advance(TimeDelta::minutes(10));
    not_linked(&client.get(PAGE).await.expect(303), "stale");
    not_linked(&client.post(PAGE, &page.fields(PAGE)).await.expect(303), "stale");
    app.desk.clock.advance(TimeDelta::minutes(-10));
    // The next session may have the number of the one that has ended.
    let asked = start(&client).await;
    let back = asked.back(&fresh(&asked));
    client.post("/sign-out", &Fields::default()).await.expect(303);
    let next = client.signed_in("support@desk.example").await;
    assert!(next.get(&back).await.expect(303).header("Location").starts_with("/sign-in?sso=stale"));
    assert_eq!((app.count("identities"), app.count("mails")), (0, 0));
}

#[both]
async fn the_provider_must_have_asked_just_now_if_it_says_when(forged: Forged) {
    let app = &forged.app;
    let client = app.sign_in(Role::Support).await;
    let asked = start(&client).await;
    assert_eq!((asked.field("prompt").as_str(), asked.field("max_age").as_str()), ("login", "0"));
    let old = asked.claims(json!({ "auth_time": Utc::now().timestamp() - 600 }));
    not_linked(&client.get(&asked.back(&old)).await.expect(303), "other");
    client
        .get("/account?done=identity-other")
        .await
        .says("you weren't asked to sign in again there");
    not_linked(&client.get(PAGE).await.expect(303), "stale");
    // One that does not say when: the page says so, and the person decides.
    let asked = start(&client).await;
    let page =
        shown(&client, &asked.back(&asked.claims(json!({ "email": "kim@elsewhere.example" }))))
            .await;
    page.says("Signed in at Acme").says("Unknown: Acme doesn't say when");
    client.post(PAGE, &page.fields(PAGE)).await.expect(303);
    assert_eq!(app.count("identities"), 1);
    app.mails(1).await;
}

#[both]
async fn what_waits_is_still_there_after_a_confirmation(forged: Forged) {
    let app = &forged.app;
    let client = app.sign_in(Role::Support).await;
    let asked = start(&client).await;
    let page = shown(&client, &asked.back(&fresh(&asked))).await;
    app.exec("UPDATE sessions SET confirmed_at = NULL");
    let stale = client.post(PAGE, &page.fields(PAGE)).await.expect(303);
    assert_eq!(stale.header("Location"), format!("/confirm?return_to={PAGE}"));
    // Another question is asked in the session meanwhile, and then the password proves it.
    client.post("/confirm/sso", &Fields::default()).await.expect(200);
    let proof = Fields::default().with("password", PASSWORD).with("return_to", PAGE);
    client.post("/confirm", &proof).await.expect(303);
    let again = client.get(PAGE).await.expect(200);
    again.says("Link this account?").says("Kim Elsewhere");
    client.post(PAGE, &again.fields(PAGE)).await.expect(303);
    assert_eq!(app.count("identities"), 1);
    app.mails(1).await;
}

#[both]
async fn only_a_linked_account_is_said_to_be_taken(forged: Forged) {
    let app = &forged.app;
    let client = app.sign_in(Role::Support).await;
    let asked = start(&client).await;
    let page = shown(&client, &asked.back(&fresh(&asked))).await;
    // Another rule of the schema says no.
    let again = "INSERT INTO users (email, name, password_hash, created_at) SELECT email, name, \
        password_hash, created_at FROM users";
    if app.is_sqlite() {
        app.exec(&format!("CREATE TRIGGER twice AFTER INSERT ON identities BEGIN {again}; END"));
    } else {
        app.exec(&format!(
            "CREATE FUNCTION twice() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
            {again}; RETURN NEW; END $$"
        ));
        app.exec(
            "CREATE TRIGGER twice AFTER INSERT ON identities FOR EACH ROW EXECUTE FUNCTION twice()",
        );
    }
    let answer = client.post(PAGE, &page.fields(PAGE)).await;
    assert!(answer.status >= 500, "{} {}", answer.status, answer.header("Location"));
    assert_eq!(app.count("identities"), 0);
}

#[both]
async fn a_forged_answer_shows_no_account(forged: Forged) {
    let client = forged.app.sign_in(Role::Support).await;
    for change in [
        json!({ "nonce": "another" }),
        json!({ "iss": "https://evil.example" }),
        json!({ "aud": "another" }),
        json!({ "sub": null }),
    ] {
        let asked = start(&client).await;
        let back = client.get(&asked.back(&asked.claims(change.clone()))).await.expect(303);
        assert!(
            back.header("Location").starts_with("/account?done=identity-"),
            "{change}: {}",
            back.header("Location")
        );
        not_linked(&client.get(PAGE).await.expect(303), "stale");
    }
    let asked = start(&client).await;
    let denied = client
        .get(&format!("/sign-in/sso/callback?error=access_denied&state={}", asked.field("state")))
        .await
        .expect(303);
    not_linked(&denied, "denied");
    assert_eq!(forged.app.count("identities"), 0);
}

#[both]
async fn hostile_names_are_inert_on_the_page(forged: Forged) {
    let client = forged.app.sign_in(Role::Support).await;
    let asked = start(&client).await;
    let hostile = json!({
        "sub": "<script>alert(1)</script>", "auth_time": Utc::now().timestamp(),
        "name": format!("\u{202e}<b>Boss</b>\n{}", "x".repeat(5_000)), "email": "\"><img \
            src=x>@evil.example\u{200b}",
    });
    let page = shown(&client, &asked.back(&asked.claims(hostile))).await;
    for part in ["<script>alert", "<b>Boss", "<img src=x", "\u{202e}", "\u{200b}"] {
        assert!(!page.body.contains(part), "{part:?} is on the page");
    }
    page.says("<b>Boss</b>").says("<script>alert(1)</script>");
    assert!(page.body.len() < 20_000, "{} bytes", page.body.len());
}

#[both]
async fn two_users_who_link_one_account_at_once_do_not_both_get_it(forged: Forged) {
    let app = &forged.app;
    let (kim, mia) = (app.sign_in(Role::Support).await, app.sign_in(Role::Marketing).await);
    let mut forms = vec![];
    for client in [&kim, &mia] {
        let asked = start(client).await;
        forms.push(shown(client, &asked.back(&fresh(&asked))).await.fields(PAGE));
    }
    let answers = tokio::join!(kim.post(PAGE, &forms[0]), mia.post(PAGE, &forms[1]));
    let mut words =
        [answers.0, answers.1].map(|answer| answer.expect(303).header("Location").to_owned());
    words.sort_unstable();
    assert_eq!(words, ["/account?done=identity#message", "/account?done=identity-taken#message"]);
    assert_eq!(app.count("identities"), 1);
    app.mails(1).await;
}
