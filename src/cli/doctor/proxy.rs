//! The proxy in front of the server: whether clients can still be told apart.

use super::CheckResult;
use crate::config::Settings;

pub(super) fn look(settings: &Settings) -> Vec<CheckResult> {
    let address = match settings.listen().and_then(|listen| settings.base_url(listen)) {
        Ok(address) => address,
        Err(error) => return vec![CheckResult::bad("address", error.to_string())],
    };
    let trusted = match settings.trusted_proxies() {
        Ok(trusted) => trusted,
        Err(error) => return vec![CheckResult::bad("proxies", error.to_string())],
    };
    // The server itself speaks plain http: where people type https, a proxy stands in between.
    vec![match (address.scheme(), trusted.len()) {
        ("https", 0) => CheckResult::warn(
            "proxies",
            "the base URL is https, so there is a proxy, but no proxy is trusted: everybody \
             appears with the proxy's address and shares one limit of failed sign-ins; set \
             REWARDDESK_TRUSTED_PROXIES to the proxy's address",
        ),
        (_, 0) => CheckResult::ok("proxies", "none is trusted"),
        (_, 1) => CheckResult::ok("proxies", "1 address or network is trusted"),
        (_, n) => CheckResult::ok("proxies", format!("{n} addresses or networks are trusted")),
    }]
}
