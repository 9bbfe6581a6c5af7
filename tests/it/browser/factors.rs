//! Second factors in a real browser: a passkey of a virtual authenticator, an authenticator app
//! without a script, and how it all looks.

use chrono::TimeDelta;
use rewarddesk::domain::{clock::Clock, role::Role};
use serde_json::{Value, json};

use super::look;
use crate::support::{
    App, Browser, Engine, TestDb, World, block_on,
    world::{PASSWORD, noon},
};

/// An app at a host name, which passkeys need, with one user.
fn app() -> App {
    let app = App::start_at(
        World::new(TestDb::new(Engine::Sqlite), noon()),
        Clock::fixed(noon()),
        "localhost",
    );
    app.user(Role::Support);
    app
}

async fn cdp(browser: &Browser, method: &str, what: Value) -> Value {
    browser.driver.cdp().send_raw(method, what).await.unwrap_or_else(|e| panic!("{method}: {e}"))
}

/// A device with a fingerprint reader whose user is always there; answers its number.
async fn device(browser: &Browser) -> Value {
    cdp(browser, "WebAuthn.enable", json!({})).await;
    let options = json!({
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
        "isUserVerified": true, "automaticPresenceSimulation": true,
    });
    cdp(browser, "WebAuthn.addVirtualAuthenticator", json!({ "options": options })).await["authenticatorId"].clone()
}

/// Signs in up to the second factor.
async fn after_password(browser: &Browser, app: &App) {
    browser.driver.delete_all_cookies().await.unwrap();
    browser.goto(&format!("{}/sign-in", app.url)).await;
    browser.fill("textbox", "Email", "support@desk.example").await;
    browser.fill("textbox", "Password", PASSWORD).await;
    browser.click("button", "Sign in").await;
    browser.shows("Second factor").await;
}

async fn is_in(browser: &Browser) {
    browser.until("signed in", async || browser.path().await.starts_with("/m/acme")).await;
}

#[test]
fn a_passkey_is_made_and_signs_in() {
    block_on(async {
        let (app, browser) = (app(), Browser::open().await);
        let device = device(&browser).await;
        browser.sign_in(&app.url, "support@desk.example").await;
        browser.goto(&format!("{}/account", app.url)).await;
        browser.click("link", "Add a passkey").await;
        browser.fill("textbox", "Name", "Work laptop").await;
        look(&browser, "factors add a passkey").await;
        browser.click("button", "Add passkey").await;
        browser.shows("Your recovery codes").await;
        look(&browser, "factors recovery codes").await;
        browser.click("link", "I've saved them").await;
        browser.shows("Work laptop").await;
        look(&browser, "factors account with a passkey").await;
        // The same device is not taken twice.
        browser.goto(&format!("{}/account/passkeys/new", app.url)).await;
        browser.fill("textbox", "Name", "Again").await;
        browser.click("button", "Add passkey").await;
        browser.shows("The passkey didn't respond").await;
        assert_eq!(app.count("passkeys"), 1);
        // After the password.
        after_password(&browser, &app).await;
        look(&browser, "factors second factor").await;
        assert!(!browser.text().await.contains("The passkey didn't respond"));
        browser.click("button", "Use a passkey").await;
        is_in(&browser).await;
        assert_eq!(app.count("passkeys WHERE last_used_at IS NOT NULL"), 1);
        // Alone, and back to where one wanted to go.
        browser.driver.delete_all_cookies().await.unwrap();
        browser.goto(&format!("{}/account", app.url)).await;
        look(&browser, "factors sign-in with passkeys").await;
        browser.click("button", "Use a passkey instead").await;
        browser.until("the account", async || browser.path().await == "/account").await;
        // Again before a dangerous act.
        app.desk.clock.advance(TimeDelta::minutes(15));
        browser.click("link", "Add a passkey").await;
        browser.shows("Confirm it's you").await;
        look(&browser, "factors confirm").await;
        browser.click("button", "Use a passkey").await;
        browser.shows("You're all set").await;
        assert_eq!(browser.path().await, "/account/passkeys/new?confirmed=yes");
        browser.goto(&format!("{}/account/recovery-codes", app.url)).await;
        look(&browser, "factors new recovery codes").await;
        browser.click("button", "Use a passkey").await;
        browser.shows("Your recovery codes").await;
        // A device that does not verify its user lets nobody in.
        cdp(
            &browser,
            "WebAuthn.setUserVerified",
            json!({ "authenticatorId": device, "isUserVerified": false }),
        )
        .await;
        after_password(&browser, &app).await;
        browser.click("button", "Use a passkey").await;
        browser.shows("The passkey didn't respond").await;
        look(&browser, "factors second factor without an answer").await;
        // One that was removed does not, either.
        cdp(
            &browser,
            "WebAuthn.setUserVerified",
            json!({ "authenticatorId": device, "isUserVerified": true }),
        )
        .await;
        browser.click("button", "Use a passkey").await;
        is_in(&browser).await;
        browser.goto(&format!("{}/account", app.url)).await;
        browser.click("button", "Remove passkey Work laptop").await;
        browser.shows("Passkey removed").await;
        browser.driver.delete_all_cookies().await.unwrap();
        browser.goto(&format!("{}/sign-in", app.url)).await;
        browser.click("button", "Use a passkey instead").await;
        browser.shows("This passkey isn't registered here").await;
        let factors = app.texts(
            "SELECT details AS v FROM audit_records WHERE action = \
            'session.signed_in' AND details <> '{}'",
        );
        assert_eq!(factors, vec![r#"{"factor":"passkey"}"#; 3]);
        for action in ["factor.passkey_added", "factor.passkey_removed"] {
            assert!(
                app.count(&format!("audit_records WHERE action = '{action}'")) > 0,
                "{action} is on record"
            );
        }
        let told = app.texts("SELECT DISTINCT subject AS v FROM mails ORDER BY subject");
        assert!(told.contains(&"A passkey was added to your account".to_owned()), "{told:?}");
        assert!(told.contains(&"A passkey was removed from your account".to_owned()), "{told:?}");
        app.overlook_mails();
        browser.is_quiet_but_for(&[422]).await;
    });
}

#[test]
fn an_authenticator_app_works_without_a_script() {
    block_on(async {
        let (app, browser) = (app(), Browser::open().await);
        browser.without_script(true).await;
        browser.goto(&format!("{}/sign-in", app.url)).await;
        browser.find("button", "Sign in").await;
        assert!(!browser.has("button", "Use a passkey").await, "it would do nothing");
        browser.sign_in(&app.url, "support@desk.example").await;
        browser.goto(&format!("{}/account", app.url)).await;
        browser.click("link", "Set up an app").await;
        let page = browser.driver.source().await.unwrap();
        let letters = page
            .split("app-setup__letters\" translate=\"no\">")
            .nth(1)
            .unwrap()
            .split('<')
            .next()
            .unwrap();
        let secret = totp_rs::Secret::try_from_base32(letters.replace(' ', "")).unwrap();
        let phone = totp_rs::Builder::new()
            .with_algorithm(totp_rs::Algorithm::SHA1)
            .with_secret(secret)
            .build()
            .unwrap();
        let code = || phone.generate(u64::try_from(app.now().timestamp()).unwrap()).to_string();
        browser.fill("textbox", "Code shown in the app", "000000").await;
        browser.click("button", "Set up app").await;
        browser.shows("This isn't the current code").await;
        browser.fill("textbox", "Code shown in the app", &code()).await;
        browser.click("button", "Set up app").await;
        browser.shows("Your recovery codes").await;
        app.desk.clock.advance(TimeDelta::seconds(60));
        after_password(&browser, &app).await;
        assert!(!browser.has("button", "Use a passkey").await, "it would do nothing");
        browser.fill("textbox", "Code from your authenticator app", &code()).await;
        browser.click("button", "Continue").await;
        is_in(&browser).await;
        browser.goto(&format!("{}/account/passkeys/new", app.url)).await;
        browser.shows("Passkeys need JavaScript").await;
        browser.without_script(false).await;
        browser.goto(&format!("{}/account/app", app.url)).await;
        look(&browser, "factors authenticator app").await;
        browser.goto(&format!("{}/account", app.url)).await;
        look(&browser, "factors account with an app").await;
        app.exec("UPDATE users SET totp_secret = NULL, totp_added_at = NULL");
        app.exec("UPDATE merchants SET requires_second_factor = TRUE");
        browser.goto(&format!("{}/m/acme/customers", app.url)).await;
        look(&browser, "factors a merchant that requires a factor").await;
        browser.click("link", "Set up a second factor").await;
        browser.shows("ACME Ltd opens only with a second factor").await;
        app.overlook_mails();
        look(&browser, "factors account that needs a factor").await;
        browser.is_quiet_but_for(&[403, 422]).await;
    });
}
