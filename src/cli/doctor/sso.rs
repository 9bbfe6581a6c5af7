//! Single sign-on: whole, its secret readable by nobody else, and its provider there.

use super::{Matter, files::only_ours};
use crate::{config::Settings, startup};

pub(super) fn look(settings: &Settings) -> Vec<Matter> {
    let sso = match settings.sso() {
        Err(error) => return vec![Matter::bad("single sign-on", error.to_string())],
        Ok(None) => {
            return vec![Matter::ok(
                "single sign-on",
                "off; REWARDDESK_OIDC_ISSUER switches it on",
            )];
        }
        Ok(Some(sso)) => sso,
    };
    let mut matters: Vec<Matter> = settings
        .sso_secret_file()
        .and_then(|path| only_ours("single sign-on's secret", path))
        .into_iter()
        .collect();
    // An address that cannot be used is said elsewhere.
    let Ok(base_url) = settings.listen().and_then(|listen| settings.base_url(listen)) else {
        return matters;
    };
    let provider = startup::provider(sso, &base_url);
    let issuer = provider.issuer();
    matters.push(if provider.is_there() {
        Matter::ok(
            "single sign-on",
            format!(
                "{issuer} answers; it must know {} as the address to \
            come back to",
                provider.redirect()
            ),
        )
    } else {
        Matter::bad(
            "single sign-on",
            format!(
                "{issuer} does not answer as a provider; see that \
                {}/.well-known/openid-configuration can be had from this machine and names \
                exactly this issuer",
                issuer.trim_end_matches('/')
            ),
        )
    });
    matters
}
