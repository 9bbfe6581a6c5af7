//! The app in a real browser: keys, focus, scripts and none, dark and narrow, and what axe-core
//! finds.

mod accessibility;
mod coupon_acts;
mod factors;
mod harness;
mod imports;
mod mishaps;
mod single_sign_on;
mod task;

use crate::support::Browser;

/// Looks at the page in the light, in the dark and at 320 px.
async fn look(browser: &Browser, what: &str) {
    for (dark, width) in [(false, 1280), (true, 1280), (false, 320)] {
        browser.dark(dark).await;
        browser.width(width).await;
        browser.is_accessible(&format!("{what}, dark {dark}, {width}")).await;
        assert!(!browser.scrolls_sideways().await, "{what} scrolls sideways at {width}");
        if std::env::var_os("REWARDDESK_TEST_PICTURES").is_some() {
            browser.picture(&format!("{what}-{dark}-{width}").replace(' ', "-")).await;
        }
    }
    browser.dark(false).await;
    browser.width(1280).await;
}
