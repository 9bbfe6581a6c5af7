//! Bar, unbar and mark as used as people do them: by mouse, by keys alone, without a script; and
//! checking a code.

use rewarddesk::domain::role::Role;
use thirtyfour::Key;

use crate::support::{
    App, Browser, Engine, Fixture,
    world::{Scene, usable},
};

/// A browser signed in as a supervisor on Jo Smith's profile, whose reward R-2 has a coupon with
/// capacity.
async fn on_the_profile(engine: Engine, script: bool) -> (App, Browser, Scene, i64) {
    let app = App::on(engine).await;
    let scene = app.scene(2);
    let (reward, _) = app.reward_with(scene.customer, scene.batch, "R-2", &usable("GOOD-1"));
    app.user(Role::Supervisor);
    let browser = Browser::open().await;
    browser.without_script(!script).await;
    browser.sign_in(&app.url, "supervisor@desk.example").await;
    browser.goto(&format!("{}/m/acme/customers/{}", app.url, scene.customer)).await;
    (app, browser, scene, reward)
}

async fn row_text(browser: &Browser, reward: i64) -> String {
    let script = format!("return document.getElementById('reward-{reward}').innerText");
    browser.eval(&script).await.as_str().unwrap_or_default().to_owned()
}

/// The dialog's own button, not the menu's item.
async fn go(browser: &Browser, name: &str) {
    let dialog = browser.find("dialog", name).await;
    let found = browser
        .all_in(&dialog, "button")
        .await
        .into_iter()
        .find(|b| b.name == name)
        .expect("a button");
    browser.element(&found).await.expect("a button").click().await.expect("a click");
}

struct Profile(App, Browser, Scene, i64);

impl Fixture for Profile {
    async fn on(engine: Engine) -> Self {
        let (app, browser, scene, reward) = on_the_profile(engine, true).await;
        Self(app, browser, scene, reward)
    }
}

#[both]
async fn a_supervisor_bars_from_the_row_by_keys_and_then_reissues(it: Profile) {
    let Profile(app, browser, _, reward) = it;
    browser.eval(&format!("document.getElementById('actions-{reward}').focus()")).await;
    browser.press(Key::Enter).await;
    browser
        .until("the menu has the focus", async || browser.focus().await.contains("Reissue coupon"))
        .await;
    browser.press("b").await;
    browser
        .until("the item has the focus", async || browser.focus().await.contains("Bar this coupon"))
        .await;
    browser.press(Key::Enter).await;
    browser.find("dialog", "Bar coupon").await;
    browser
        .until("the reason has the focus", async || {
            browser.focus().await.starts_with("input#reason")
        })
        .await;
    browser.press("leaked online").await;
    browser.press(Key::Enter).await;
    browser
        .until("the row says so", async || {
            row_text(&browser, reward)
                .await
                .contains("Barred by Casey Customer Support Supervisor: leaked online")
        })
        .await;
    browser
        .until("the focus is on the row's menu", async || {
            browser.focus().await.starts_with(&format!("button#actions-{reward}"))
        })
        .await;
    browser
        .until("the toast", async || {
            browser
                .eval("return document.querySelector('#toasts').innerText")
                .await
                .as_str()
                .unwrap_or_default()
                .contains("Coupon barred")
        })
        .await;
    assert_eq!(
        browser.eval("return document.querySelectorAll('[role=status] [data-toast]').length").await,
        1,
        "one announcement"
    );
    assert!(!browser.has("dialog", "").await, "the dialog is closed");
    browser
        .until("Activity says it too", async || {
            browser
                .eval("return document.body.innerText")
                .await
                .as_str()
                .unwrap_or_default()
                .matches("Coupon barred")
                .count()
                >= 1
        })
        .await;
    browser.press(Key::Enter).await;
    browser.until("a reissue is available", async || browser.focus().await.starts_with("a#")).await;
    browser.press(Key::Enter).await;
    browser.find("dialog", "Reissue coupon").await;
    go(&browser, "Reissue coupon").await;
    browser
        .until("the row has the new code", async || {
            row_text(&browser, reward).await.contains("FRESH-1-1")
        })
        .await;
    assert_eq!(app.count("audit_records WHERE action LIKE 'coupon.%'"), 2);
    browser.is_quiet_but_for(&[]).await;
}

#[both]
async fn a_dialog_says_what_is_wrong_and_gives_the_focus_back(it: Profile) {
    let Profile(app, browser, _, reward) = it;
    let open =
        format!("const b = document.getElementById('actions-{reward}'); b.focus(); b.click()");
    browser.eval(&open).await;
    browser.click("menuitem", "Mark as used").await;
    browser.find("dialog", "Mark as used").await;
    // As a browser without such a field would send it.
    browser
        .eval(
            "const at = document.getElementById('redeemed_at'); at.type = 'text'; at.value = \
        '2030-01-01T10:00';",
        )
        .await;
    go(&browser, "Mark as used").await;
    browser.shows("This is in the future").await;
    browser
        .until("the focus is at what is wrong", async || {
            browser.focus().await.starts_with("input#redeemed_at")
        })
        .await;
    browser.find("dialog", "Mark as used").await;
    browser.press(Key::Escape).await;
    browser.until("the dialog is closed", async || !browser.has("dialog", "").await).await;
    browser
        .until("the focus is not lost", async || {
            browser.focus().await.starts_with(&format!("button#actions-{reward}"))
        })
        .await;
    assert_eq!(app.count("redemptions"), 0);
    // Somebody is faster: the row says who, and the dialog gives way to it.
    browser.eval(&open).await;
    browser.click("menuitem", "Bar this coupon").await;
    browser.find("dialog", "Bar coupon").await;
    app.user_called("ann@desk.example", "Ann Lee", Role::Supervisor);
    let ann = app.client().signed_in("ann@desk.example").await;
    let coupon = app.number("SELECT id FROM coupons WHERE code = 'GOOD-1'");
    ann.post(
        &format!("/m/acme/coupons/{coupon}/bar"),
        &crate::support::client::Fields::default().with("reason", "stolen"),
    )
    .await
    .expect(303);
    browser.fill("textbox", "Reason", "leaked").await;
    go(&browser, "Bar coupon").await;
    browser
        .until("the row says who", async || {
            row_text(&browser, reward).await.contains("Already barred.")
        })
        .await;
    assert!(row_text(&browser, reward).await.contains("Barred by Ann Lee: stolen"));
    browser
        .until("the focus is on the row's menu", async || {
            browser.focus().await.starts_with(&format!("button#actions-{reward}"))
        })
        .await;
    browser.is_quiet_but_for(&[409, 422]).await;
}

#[both]
async fn a_code_is_checked_with_the_focus_on_the_answer(it: Profile) {
    let Profile(app, browser, scene, _) = it;
    app.coupon(scene.batch, &usable("GIFT-0I1"));
    browser.click("link", "Check a code").await;
    browser
        .until("the field has the focus", async || browser.focus().await.starts_with("input#code"))
        .await;
    browser.press(" old-1 ").await;
    browser.press(Key::Enter).await;
    browser
        .until("the answer has the focus", async || {
            browser.focus().await.contains("This code has expired")
        })
        .await;
    browser.shows("I'm sorry, your code OLD-1 expired on 23 Nov 2026.").await;
    assert_eq!(browser.path().await, "/m/acme/check");
    assert_eq!(
        browser.eval("return document.getElementById('code').value").await,
        " old-1 ",
        "the field keeps what was typed"
    );
    assert_eq!(
        browser.eval("return document.querySelectorAll('#toasts [data-toast]').length").await,
        0
    );
    assert!(
        browser.has("region", "This code has expired").await,
        "the answer is a region with its name"
    );
    browser.fill("textbox", "Code", "   ").await;
    browser.click("button", "Check").await;
    browser.shows("Type or paste the code").await;
    browser
        .until("the field has the focus", async || browser.focus().await.starts_with("input#code"))
        .await;
    assert!(!browser.text().await.contains("has expired"), "the old answer is gone");
    browser.fill("textbox", "Code", "GIFT-OI1").await;
    browser.press(Key::Enter).await;
    browser.shows("Did they mean").await;
    browser.click("button", "GIFT-0I1").await;
    browser
        .until("the answer has the focus", async || {
            browser.focus().await.contains("never handed out")
        })
        .await;
    browser
        .until("the field shows it", async || {
            browser.eval("return document.getElementById('code').value").await == "GIFT-0I1"
        })
        .await;
    browser.click("link", "Bar this coupon").await;
    browser.find("heading", "Bar coupon").await;
    browser.is_quiet_but_for(&[422]).await;
}

#[test]
fn all_of_it_works_without_a_script() {
    crate::support::block_on(async {
        let (app, browser, _, reward) = on_the_profile(Engine::Sqlite, false).await;
        let button = browser
            .driver
            .find(thirtyfour::By::Id(format!("actions-{reward}")))
            .await
            .expect("the row's button");
        button.click().await.expect("a click");
        browser.click("menuitem", "Bar this coupon").await;
        browser.find("heading", "Bar coupon").await;
        browser.fill("textbox", "Reason", "leaked online").await;
        browser.click("button", "Bar coupon").await;
        browser.find("heading", "Jo Smith").await;
        browser.shows("Coupon barred").await;
        browser.shows("leaked online").await;
        browser.click("link", "Check a code").await;
        browser.fill("textbox", "Code", "good-1").await;
        browser.click("button", "Check").await;
        browser.shows("This code is barred").await;
        let at = browser.driver.current_url().await.expect("an address");
        assert_eq!((at.path(), at.fragment()), ("/m/acme/check", Some("result")));
        browser
            .until("one is at the answer", async || {
                browser.focus().await.contains("This code is barred")
            })
            .await;
        assert_eq!(app.count("audit_records WHERE action = 'coupon.barred'"), 1);
    });
}
