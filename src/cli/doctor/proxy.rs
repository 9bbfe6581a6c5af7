//! What stands in front of the server: whether clients can be told apart behind it.

use super::Matter;
use crate::config::Settings;

pub(super) fn look(settings: &Settings) -> Vec<Matter> {
    let address = match settings.listen().and_then(|listen| settings.base_url(listen)) {
        Ok(address) => address,
        Err(error) => return vec![Matter::bad("address", error.to_string())],
    };
    let trusted = match settings.trusted_proxies() {
        Ok(trusted) => trusted,
        Err(error) => return vec![Matter::bad("proxies", error.to_string())],
    };
    // The server itself speaks plain http: where people type https, a proxy stands in between.
    vec![match (address.scheme(), trusted.len()) {
        ("https", 0) => Matter::warn(
            "proxies",
            "people come by https, so through a proxy, and none is trusted: everybody has the \
             proxy's address, and shares one budget of \
             failed sign-ins; set REWARDDESK_TRUSTED_PROXIES to the proxy's address",
        ),
        (_, 0) => Matter::ok("proxies", "none is trusted"),
        (_, 1) => Matter::ok("proxies", "1 address or network is trusted"),
        (_, n) => Matter::ok("proxies", format!("{n} addresses or networks are trusted")),
    }]
}
