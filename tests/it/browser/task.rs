//! The task the product exists for, as people do it: by mouse, by keys alone, without a script
//! (guarantees U2, U3, U4, U7).

use rewarddesk::domain::role::Role;
use thirtyfour::Key;

use crate::support::{App, Browser, world::Person};

#[both]
async fn the_task_by_mouse(app: App) {
    let scene = app.scene(2);
    app.user(Role::Support);
    let browser = Browser::open().await;
    browser.sign_in(&app.url, "support@desk.example").await;
    browser.fill("searchbox", "Search customers", "smith").await;
    browser.press(Key::Enter).await;
    browser.click("link", "Jo Smith").await;
    browser.find("heading", "Rewards").await;
    browser.click("button", "Actions").await;
    browser.click("menuitem", "Reissue coupon").await;
    browser.find("dialog", "Reissue coupon").await;
    for words in ["Jo Smith", "OLD-1", "Spring", "jo@customer.example", "2"] {
        browser.shows(words).await;
    }
    let tick = browser.find("checkbox", "Send notification email").await;
    assert!(!tick.is_selected().await.unwrap(), "unticked by default");
    tick.click().await.unwrap();
    let dialog = browser.find("dialog", "Reissue coupon").await;
    let button = browser
        .all_in(&dialog, "button")
        .await
        .into_iter()
        .find(|b| b.name == "Reissue coupon")
        .unwrap();
    browser.element(&button).await.unwrap().click().await.unwrap();
    let row = format!("document.getElementById('reward-{}')", scene.reward);
    browser
        .until("the row has the new code", async || {
            browser
                .eval(&format!("return {row}.innerText"))
                .await
                .as_str()
                .unwrap_or_default()
                .contains("FRESH-1-1")
        })
        .await;
    browser
        .until("the toast names it", async || {
            browser
                .eval("return document.querySelector('[role=status]').innerText")
                .await
                .as_str()
                .unwrap_or_default()
                .contains("FRESH-1-1")
        })
        .await;
    browser
        .until("the focus is on the row's menu", async || {
            browser.focus().await.starts_with(&format!("button#actions-{}", scene.reward))
        })
        .await;
    assert_eq!(
        browser.eval("return document.querySelectorAll('[role=status] [data-toast]').length").await,
        1,
        "one announcement"
    );
    assert!(!browser.has("dialog", "").await, "the dialog is closed");
    assert_eq!(
        browser.eval(&format!("return {row}.parentElement.localName")).await,
        "tbody",
        "the row is still in its table"
    );
    let mail = app.mails(1).await.remove(0);
    assert!(mail.text.contains("FRESH-1-1"));
    browser.click("button", "Dismiss").await;
    assert_ne!(browser.focus().await, "body");
    browser.is_quiet_but_for(&[]).await;
}

#[both]
async fn the_task_by_keys_alone_takes_25_at_most(app: App) {
    let scene = app.scene(2);
    app.user(Role::Support);
    let browser = Browser::open().await;
    browser.sign_in(&app.url, "support@desk.example").await;
    browser.find("searchbox", "Search customers").await;
    let before = browser.keys_pressed();
    browser.press("/").await;
    assert!(browser.focus().await.starts_with("input#search"), "{}", browser.focus().await);
    browser.press("C-1").await;
    browser.press(Key::Enter).await;
    let profile = format!("/m/acme/customers/{}", scene.customer);
    browser.until("the one exact hit is open", async || browser.path().await == profile).await;
    browser.find("heading", "Rewards").await;
    // Past the header by the page's own skip link.
    for _ in 0..4 {
        browser.press(Key::Tab).await;
        if browser.focus().await.contains("Skip to rewards") {
            browser.press(Key::Enter).await;
            break;
        }
    }
    for _ in 0..8 {
        if browser.focus().await.starts_with("button#actions-") {
            break;
        }
        browser.press(Key::Tab).await;
    }
    assert!(browser.focus().await.starts_with("button#actions-"), "{}", browser.focus().await);
    browser.press(Key::Enter).await;
    browser
        .until("the menu's first item has the focus", async || {
            browser.focus().await.contains("Reissue coupon")
        })
        .await;
    browser.press(Key::Enter).await;
    browser.find("dialog", "Reissue coupon").await;
    browser
        .until("the box has the focus", async || {
            browser.focus().await.starts_with("input#send_notification_email")
        })
        .await;
    for _ in 0..3 {
        browser.press(Key::Tab).await;
        if browser.focus().await.starts_with("button# \"Reissue") {
            break;
        }
    }
    browser.press(Key::Enter).await;
    browser
        .until("the focus is on the row's menu", async || {
            browser.focus().await.starts_with(&format!("button#actions-{}", scene.reward))
        })
        .await;
    browser.shows("FRESH-1-1").await;
    let keys = browser.keys_pressed() - before;
    assert!(keys <= 25, "{keys} keys");
    assert_eq!(app.count("reissues"), 1);
    browser.is_quiet_but_for(&[]).await;
}

#[both]
async fn the_task_without_a_script(app: App) {
    app.scene(2);
    app.user(Role::Support);
    let browser = Browser::open().await;
    browser.without_script(true).await;
    browser.sign_in(&app.url, "support@desk.example").await;
    browser.fill("searchbox", "Search customers", "smith").await;
    browser.press(Key::Enter).await;
    browser.click("link", "Jo Smith").await;
    browser.click("button", "Actions").await;
    browser.click("menuitem", "Reissue coupon").await;
    browser.click("checkbox", "Send notification email").await;
    browser.click("button", "Reissue coupon").await;
    browser.shows("FRESH-1-1").await;
    browser.find("heading", "Jo Smith").await;
    app.mails(1).await;
    browser.click("button", "Actions").await;
    browser.shows("Already reissued once").await;
}

/// Opens a browser on SQLite, signed in as a supervisor, on Jo Smith's profile.
async fn on_the_profile() -> (App, Browser, crate::support::world::Scene) {
    let app = <App as crate::support::Fixture>::on(crate::support::Engine::Sqlite).await;
    let scene = app.scene(2);
    app.user(Role::Supervisor);
    let browser = Browser::open().await;
    browser.sign_in(&app.url, "supervisor@desk.example").await;
    browser.goto(&format!("{}/m/acme/customers/{}", app.url, scene.customer)).await;
    (app, browser, scene)
}

#[test]
fn the_menu_follows_the_pattern() {
    crate::support::block_on(async {
        let (app, browser, scene) = on_the_profile().await;
        app.external_reward(scene.customer, "runa", "R-2");
        browser.goto(&format!("{}/m/acme/customers/{}", app.url, scene.customer)).await;
        let own = format!("button#actions-{}", scene.reward);
        let button = browser
            .eval(&format!("return document.getElementById('actions-{}')", scene.reward))
            .await;
        assert!(!button.is_null());
        browser.eval(&format!("document.getElementById('actions-{}').focus()", scene.reward)).await;
        assert!(!browser.has("menu", "").await);
        browser.press(Key::Down).await;
        browser
            .until("the first item", async || browser.focus().await.contains("Reissue coupon"))
            .await;
        let first = browser.focus().await;
        browser.press(Key::End).await;
        let last = browser.focus().await;
        assert_ne!(first, last);
        browser.press(Key::Down).await;
        assert_eq!(browser.focus().await, first, "round the end");
        browser.press(Key::Up).await;
        assert_eq!(browser.focus().await, last, "round the start");
        browser.press(Key::Home).await;
        assert_eq!(browser.focus().await, first);
        browser.press(Key::Escape).await;
        browser.until("the button again", async || browser.focus().await.starts_with(&own)).await;
        assert!(!browser.has("menu", "").await);
        // The one that is not available is focusable, holds no link, and says why.
        let other = app.number("SELECT max(id) FROM rewards");
        for reward in [scene.reward, other] {
            // By the script's click, since an open menu may cover the next button.
            browser.eval(&format!("document.getElementById('actions-{reward}').click()")).await;
            assert_eq!(browser.all("menu").await.len(), 1, "one menu at a time");
        }
        browser.shows("Non-batch reward").await;
        browser.shows("Runa (WeGift)").await;
        let item = browser.find("menuitem", "Reissue coupon").await;
        assert_eq!(item.attr("aria-disabled").await.unwrap().as_deref(), Some("true"));
        assert_eq!(
            browser
                .eval(
                    "return document.querySelectorAll('[aria-disabled=true] a, \
            a[aria-disabled=true]').length"
                )
                .await,
            0
        );
        browser.press(Key::Enter).await;
        assert!(!browser.has("dialog", "").await);
        browser.is_quiet_but_for(&[]).await;
    });
}

#[test]
fn the_dialog_gives_the_focus_back() {
    crate::support::block_on(async {
        let (app, browser, _) = on_the_profile().await;
        for way in ["Escape", "Cancel"] {
            browser.click("button", "Actions").await;
            browser.click("menuitem", "Reissue coupon").await;
            browser.find("dialog", "Reissue coupon").await;
            if way == "Escape" {
                browser.press(Key::Escape).await;
            } else {
                browser.click("button", "Cancel").await;
            }
            browser.until("the dialog is closed", async || !browser.has("dialog", "").await).await;
            browser
                .until("the focus is not lost", async || {
                    browser.focus().await.starts_with("button#actions-")
                })
                .await;
        }
        assert_eq!(app.count("reissues"), 0);
        browser.is_quiet_but_for(&[]).await;
    });
}

#[test]
fn search_finds_while_one_types_and_opens_an_exact_hit() {
    crate::support::block_on(async {
        let (app, browser, scene) = on_the_profile().await;
        app.customer(&Person {
            email: Some("zoe@customer.example"),
            customer_id: Some("C-2"),
            first_name: Some("Zoë"),
            last_name: Some("Meyer"),
            ..Person::default()
        });
        browser.goto(&format!("{}/m/acme/customers", app.url)).await;
        browser.click("searchbox", "Search customers").await;
        browser.press("zoe").await;
        browser
            .until("only she is there", async || {
                browser.has("link", "Zoë Meyer").await && !browser.has("link", "Jo Smith").await
            })
            .await;
        browser
            .until("the address can be shared", async || browser.path().await.contains("q=zoe"))
            .await;
        for exact in ["OLD-1", "jo@customer.example", "C-1"] {
            browser.goto(&format!("{}/m/acme/customers", app.url)).await;
            browser.fill("searchbox", "Search customers", exact).await;
            browser.press(Key::Enter).await;
            let profile = format!("/m/acme/customers/{}", scene.customer);
            browser
                .until(&format!("{exact} leads to the person"), async || {
                    browser.path().await == profile
                })
                .await;
        }
        browser.is_quiet_but_for(&[]).await;
    });
}
