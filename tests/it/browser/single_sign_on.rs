//! Single sign-on in a real browser, to a real provider and back; and how the pages with it look.

use rewarddesk::domain::role::Role;
use serde_json::json;

use super::look;
use crate::support::{
    Browser, Engine, block_on,
    issuers::{self, Issuer},
};

#[test]
fn one_signs_in_over_there_and_is_back_here() {
    block_on(async {
        let accounts = json!({ "kim-1": { "email": "support@desk.example", "email_verified": true }, "stranger": {} });
        let (app, _issuer) = issuers::app(Engine::Sqlite, |desk| Issuer::real(desk, &accounts));
        app.user(Role::Support);
        let browser = Browser::open().await;
        browser.goto(&format!("{}/m/acme/check", app.url)).await;
        // Exactly one button is for signing in; the other way is a link.
        assert_eq!(
            browser
                .all("button")
                .await
                .iter()
                .filter(|found| found.name.contains("Sign in"))
                .count(),
            1
        );
        look(&browser, "sso sign-in").await;
        browser.click("link", "Continue with Acme").await;
        browser.shows("Over there").await;
        browser.click("button", "No").await;
        browser.shows("wasn't completed there").await;
        look(&browser, "sso sign-in refused").await;
        browser.click("link", "Continue with Acme").await;
        browser.fill("textbox", "Name", "kim-1").await;
        browser.click("button", "Let me in").await;
        browser
            .until("back where one wanted to be", async || browser.path().await == "/m/acme/check")
            .await;
        browser.goto(&format!("{}/account", app.url)).await;
        browser.shows("Unlink Acme").await;
        look(&browser, "sso account linked").await;
        app.exec("UPDATE sessions SET confirmed_at = NULL");
        browser.click("button", "Unlink Acme").await;
        browser.shows("Confirm it's you").await;
        look(&browser, "sso confirm").await;
        browser.click("button", "Continue with Acme").await;
        browser.shows("Over there").await;
        browser.fill("textbox", "Name", "kim-1").await;
        browser.click("button", "Let me in").await;
        browser.shows("You're all set").await;
        browser.click("button", "Unlink Acme").await;
        browser.shows("Single sign-on unlinked").await;
        look(&browser, "sso account not linked").await;
        assert_eq!(app.count("identities"), 0);
        // And linked again, from the account page, to another account there.
        browser.click("button", "Link Acme").await;
        browser.shows("Over there").await;
        browser.fill("textbox", "Name", "stranger").await;
        browser.click("button", "Let me in").await;
        browser.shows("Link this account?").await;
        look(&browser, "sso account to be linked").await;
        assert_eq!(app.count("identities"), 0);
        browser.click("link", "Cancel").await;
        browser.shows("Sessions").await;
        assert_eq!(app.count("identities"), 0);
        browser.goto(&format!("{}/account/identity", app.url)).await;
        browser.click("button", "Link this account").await;
        browser.shows("Single sign-on linked").await;
        assert_eq!(app.count("identities"), 1);
        app.mails(3).await;
        browser.is_quiet_but_for(&[]).await;
    });
}
