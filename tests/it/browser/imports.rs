//! Adding vouchers in a real browser: paste, look, say yes, done; with a script and without one,
//! light, dark and narrow.

use rewarddesk::domain::role::Role;
use thirtyfour::Key;

use crate::support::{App, Browser, Engine, Fixture, block_on, world::usable};

/// Lines of every fate.
const LINES: &str =
    "123456\n234567\n345678\n4567\n  SPACE-1  \nAB\nwith space\n5.57E+92\nTAKEN-1\n123456\n";

async fn set(scheme_is_dark: bool, width: u32) -> (App, Browser, i64) {
    let app = App::on(Engine::Sqlite).await;
    let (batch, other) = (app.batch("Spring"), app.batch("Summer"));
    app.coupon(other, &usable("TAKEN-1"));
    app.user(Role::Marketing);
    let browser = Browser::open().await;
    browser.dark(scheme_is_dark).await;
    browser.width(width).await;
    browser.sign_in(&app.url, "marketing@desk.example").await;
    (app, browser, batch)
}

async fn judged(browser: &Browser, what: &str) {
    browser.is_accessible(what).await;
    assert!(!browser.scrolls_sideways().await, "{what} scrolls sideways");
    if std::env::var_os("REWARDDESK_TEST_PICTURES").is_some() {
        browser.picture(&what.replace(' ', "-")).await;
    }
}

/// The focus is on the heading, which says how it stands; then the next key is at what can be done.
async fn stands_at(browser: &Browser, words: &str) {
    let there = format!("h2#import-title \"{words}");
    browser
        .until(&format!("the focus at {words}"), async || browser.focus().await.starts_with(&there))
        .await;
    assert_eq!(
        browser.eval("return document.getElementById('say').textContent").await,
        "",
        "a heading with the focus is not said twice"
    );
}

async fn goes_through_all_states(dark: bool, width: u32, look: &str) {
    let (app, browser, batch) = set(dark, width).await;
    browser.goto(&format!("{}/m/acme/batches/{batch}", app.url)).await;
    browser.fill("textbox", "Codes, one per line", LINES).await;
    browser.click("button", "Check vouchers").await;
    browser.shows("5 codes can be added to Spring").await;
    assert_eq!(app.count("coupons"), 1);
    browser.shows("1 code may have lost leading zeros").await;
    judged(&browser, &format!("a preview, {look}")).await;
    browser.click("button", "Add 5 codes").await;
    browser.shows("5 codes added to Spring").await;
    judged(&browser, &format!("an import that is done, {look}")).await;
    browser.goto(&format!("{}/m/acme/batches/{batch}", app.url)).await;
    browser.fill("textbox", "Codes, one per line", "Voucher\nABC-1").await;
    browser.click("button", "Check vouchers").await;
    // Nothing of it can be taken: the lines stay where they can be mended.
    browser.shows("looks like an unknown heading").await;
    assert_eq!(browser.eval("return document.activeElement.value").await, "Voucher\nABC-1");
    judged(&browser, &format!("lines that are refused, {look}")).await;
    browser.goto(&format!("{}/m/acme/imports", app.url)).await;
    browser.click("link", "Pasted lines").await;
    browser.shows("Nothing was added").await;
    judged(&browser, &format!("an import that failed, {look}")).await;
    // At work: the page asks by itself, and tells the news once, even to somebody who is elsewhere
    // on the page.
    fail::cfg("import::looked", "pause").unwrap();
    browser.click("link", "Send another file").await;
    browser.fill("textbox", "Codes, one per line", "LATER-1").await;
    browser.click("button", "Check vouchers").await;
    browser.shows("Checking the file").await;
    judged(&browser, &format!("a check at work, {look}")).await;
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    browser.press("/").await;
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    assert!(
        browser.focus().await.starts_with("input#search"),
        "asking for the progress moves no focus"
    );
    assert_eq!(
        browser.eval("return document.getElementById('say').textContent").await,
        "",
        "and says nothing"
    );
    fail::remove("import::looked");
    browser.shows("1 code can be added to Spring").await;
    let said = browser.eval("return document.getElementById('say').textContent").await;
    assert_eq!(said, "1 code can be added to Spring. Nothing has been added yet.");
    assert_eq!(
        browser.all("button").await.iter().filter(|button| button.name == "Cancel").count(),
        1
    );
    browser.click("button", "Cancel").await;
    browser.shows("Cancelled").await;
    judged(&browser, &format!("an import that was cancelled, {look}")).await;
    browser.goto(&format!("{}/m/acme/imports", app.url)).await;
    judged(&browser, &format!("the imports, {look}")).await;
    browser.is_quiet_but_for(&[422]).await;
    assert_eq!(app.count("coupons"), 6);
}

#[test]
fn an_import_is_shown_and_done_in_the_light() {
    block_on(goes_through_all_states(false, 1280, "light"));
}

#[test]
fn an_import_is_shown_and_done_in_the_dark() {
    block_on(goes_through_all_states(true, 1280, "dark"));
}

#[test]
fn an_import_is_shown_and_done_on_a_narrow_screen() {
    block_on(goes_through_all_states(false, 320, "narrow"));
}

#[test]
fn an_import_needs_no_script() {
    block_on(async {
        let (app, browser, batch) = set(false, 1280).await;
        browser.without_script(true).await;
        browser.goto(&format!("{}/m/acme/batches/{batch}", app.url)).await;
        browser.fill("textbox", "Codes, one per line", LINES).await;
        fail::cfg("import::looked", "pause").unwrap();
        browser.click("button", "Check vouchers").await;
        browser.shows("Checking the file").await;
        fail::remove("import::looked");
        while app.count("imports WHERE state = 'checked'") == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        browser.click("link", "Reload to see progress").await;
        browser.shows("5 codes can be added to Spring").await;
        browser.click("button", "Add 5 codes").await;
        browser.shows("5 codes added to Spring").await;
        assert_eq!(app.count("coupons"), 6);
    });
}

#[both]
async fn an_import_goes_by_keys_alone_and_the_focus_is_never_lost(app: App) {
    let batch = app.batch("Spring");
    app.user(Role::Marketing);
    let browser = Browser::open().await;
    browser.sign_in(&app.url, "marketing@desk.example").await;
    browser.goto(&format!("{}/m/acme/batches/{batch}", app.url)).await;
    browser.fill("textbox", "Codes, one per line", "KEY-1\nKEY-2").await;
    fail::cfg("import::looked", "pause").unwrap();
    for _ in 0..2 {
        browser.press(Key::Tab).await;
    }
    browser.press(Key::Enter).await;
    stands_at(&browser, "Checking the file").await;
    // Somebody who was about to cancel finds the news, and not a button that says something else.
    browser.press(Key::Tab).await;
    assert!(browser.focus().await.contains("Cancel"));
    fail::remove("import::looked");
    stands_at(&browser, "2 codes can be added to Spring").await;
    browser.press(Key::Tab).await;
    assert!(browser.focus().await.contains("Add 2 codes"));
    browser.press(Key::Enter).await;
    stands_at(&browser, "2 codes added to Spring").await;
    browser.press(Key::Tab).await;
    assert!(browser.focus().await.contains("Go to Spring"));
    assert_eq!(app.count("coupons"), 2);
}
