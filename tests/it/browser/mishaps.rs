//! What goes wrong in front of a person: twice, late, signed out, no answer (guarantees U3, U5,
//! U6).

use rewarddesk::domain::role::Role;
use thirtyfour::{Key, WebElement};

use crate::support::{App, Browser, Engine, Fixture, world::Scene};

/// A browser signed in as Customer Support, with the dialog of R-1 open.
async fn with_the_dialog_open(engine: Engine) -> (App, Browser, Scene) {
    let app = App::on(engine).await;
    let scene = app.scene(3);
    app.user(Role::Support);
    let browser = Browser::open().await;
    browser.sign_in(&app.url, "support@desk.example").await;
    browser.goto(&format!("{}/m/acme/customers/{}", app.url, scene.customer)).await;
    browser.click("button", "Actions").await;
    browser.click("menuitem", "Reissue coupon").await;
    browser.find("dialog", "Reissue coupon").await;
    (app, browser, scene)
}

/// The dialog's own button, not the menu's item.
async fn go_button(browser: &Browser) -> WebElement {
    let dialog = browser.find("dialog", "Reissue coupon").await;
    let found = browser
        .all_in(&dialog, "button")
        .await
        .into_iter()
        .find(|b| b.name == "Reissue coupon")
        .expect("a button");
    browser.element(&found).await.expect("a button")
}

async fn row_text(browser: &Browser, scene: Scene) -> String {
    let script = format!("return document.getElementById('reward-{}').innerText", scene.reward);
    browser.eval(&script).await.as_str().unwrap_or_default().to_owned()
}

struct Dialog(App, Browser, Scene);

impl Fixture for Dialog {
    async fn on(engine: Engine) -> Self {
        let (app, browser, scene) = with_the_dialog_open(engine).await;
        Self(app, browser, scene)
    }
}

#[both]
async fn a_double_click_is_one_reissue_and_a_success(it: Dialog) {
    let Dialog(app, browser, scene) = it;
    let button = go_button(&browser).await;
    browser.driver.action_chain().double_click_element(&button).perform().await.unwrap();
    browser
        .until("the row has the new code", async || {
            row_text(&browser, scene).await.contains("FRESH-1-1")
        })
        .await;
    browser.until("success is said", async || browser.text().await.contains("FRESH-1-1")).await;
    assert!(!browser.text().await.contains("Nothing was done"));
    assert_eq!(app.count("reissues"), 1);
    browser.is_quiet_but_for(&[]).await;
}

#[both]
async fn the_slower_of_two_sees_the_winners_result(it: Dialog) {
    let Dialog(app, browser, scene) = it;
    let winner = app.sign_in(Role::Supervisor).await;
    let path = app.reissue_path(scene.customer, scene.reward);
    let form = winner.dialog(&path).await;
    winner.post(&path, &form).await.expect(303);
    app.desk.clock.advance(chrono::TimeDelta::seconds(8));
    go_button(&browser).await.click().await.unwrap();
    browser
        .until("the fresh row", async || row_text(&browser, scene).await.contains("FRESH-1-1"))
        .await;
    browser.shows("Already reissued once").await;
    browser.shows("8 seconds ago").await;
    browser.shows("Casey Customer Support Supervisor").await;
    assert!(!browser.has("dialog", "").await);
    browser.until("the focus is not lost", async || browser.focus().await != "body").await;
    assert_eq!(app.count("reissues"), 1);
    browser.is_quiet_but_for(&[409]).await;
}

#[both]
async fn an_ended_session_leads_to_sign_in_and_back_to_the_profile(it: Dialog) {
    let Dialog(app, browser, scene) = it;
    app.exec("DELETE FROM sessions");
    go_button(&browser).await.click().await.unwrap();
    browser.find("textbox", "Password").await;
    assert!(browser.path().await.starts_with("/sign-in"), "{}", browser.path().await);
    browser.fill("textbox", "Email", "support@desk.example").await;
    browser.fill("textbox", "Password", crate::support::world::PASSWORD).await;
    browser.click("button", "Sign in").await;
    let profile = format!("/m/acme/customers/{}", scene.customer);
    browser.until("the same profile", async || browser.path().await == profile).await;
    assert!(row_text(&browser, scene).await.contains("OLD-1"), "nothing was done");
    assert_eq!(app.count("reissues"), 0);
    browser.is_quiet_but_for(&[401]).await;
}

#[test]
fn enter_twice_is_one_reissue_and_a_success() {
    crate::support::block_on(async {
        let (app, browser, scene) = with_the_dialog_open(Engine::Sqlite).await;
        go_button(&browser).await.focus().await.unwrap();
        browser.press(Key::Enter + Key::Enter).await;
        browser
            .until("the row has the new code", async || {
                row_text(&browser, scene).await.contains("FRESH-1-1")
            })
            .await;
        browser
            .until("success is said", async || {
                browser
                    .eval("return document.getElementById('toasts').innerText")
                    .await
                    .as_str()
                    .unwrap_or_default()
                    .contains("FRESH-1-1")
            })
            .await;
        assert_eq!(app.count("reissues"), 1);
    });
}

#[test]
fn back_and_send_again_and_reload_are_one_reissue_and_a_success() {
    crate::support::block_on(async {
        let (app, browser, scene) = with_the_dialog_open(Engine::Sqlite).await;
        browser
            .goto(&format!("{}{}", app.url, app.reissue_path(scene.customer, scene.reward)))
            .await;
        for _ in 0..2 {
            browser.click("button", "Reissue coupon").await;
            browser.find("heading", "Jo Smith").await;
            browser.shows("FRESH-1-1").await;
            browser.driver.refresh().await.unwrap();
            browser.shows("FRESH-1-1").await;
            browser.driver.back().await.unwrap();
            browser.find("heading", "Reissue coupon").await;
        }
        assert_eq!(app.count("reissues"), 1);
    });
}

#[test]
fn a_server_that_went_away_is_said_in_the_dialog() {
    crate::support::block_on(async {
        let (app, browser, _) = with_the_dialog_open(Engine::Sqlite).await;
        app.stop().await;
        go_button(&browser).await.click().await.unwrap();
        browser
            .until("something is said", async || {
                browser.all("alert").await.len()
                    + usize::from(browser.text().await.contains("happen twice"))
                    > 0
            })
            .await;
        assert!(
            browser.text().await.contains("it can't be reissued twice"),
            "{}",
            browser.text().await
        );
        assert!(
            browser.has("dialog", "Reissue coupon").await,
            "the form is still there to be sent again"
        );
        assert_eq!(app.count("reissues"), 0);
    });
}

/// Uses failpoints, which are the process's: `cargo test` runs these one after the other.
mod with_failpoints {
    use super::*;

    #[test]
    fn a_commit_without_an_answer_is_said_and_can_be_sent_again() {
        crate::support::block_on(async {
            let (app, browser, scene) = with_the_dialog_open(Engine::Sqlite).await;
            let failpoints = fail::FailScenario::setup();
            fail::cfg("db::commit", "return").unwrap();
            go_button(&browser).await.click().await.unwrap();
            browser.shows("We can't tell yet whether it was saved").await;
            failpoints.teardown();
            assert!(row_text(&browser, scene).await.contains("OLD-1"));
            go_button(&browser).await.click().await.unwrap();
            browser
                .until("the row has the new code", async || {
                    row_text(&browser, scene).await.contains("FRESH-1-1")
                })
                .await;
            assert_eq!(app.count("reissues"), 1);
            browser.is_quiet_but_for(&[503]).await;
        });
    }
}
