//! Single sign-on: whole, its secret readable by nobody else, and its provider there.

use super::{CheckResult, files::only_ours};
use crate::{config::Settings, startup};

pub(super) fn look(settings: &Settings) -> Vec<CheckResult> {
    let sso = match settings.sso() {
        Err(error) => return vec![CheckResult::bad("single sign-on", error.to_string())],
        Ok(None) => {
            return vec![CheckResult::ok(
                "single sign-on",
                "off; set REWARDDESK_OIDC_ISSUER to turn it on",
            )];
        }
        Ok(Some(sso)) => sso,
    };
    let mut matters: Vec<CheckResult> = settings
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
        CheckResult::ok(
            "single sign-on",
            format!(
                "{issuer} answers; register {} there as the redirect address",
                provider.redirect()
            ),
        )
    } else {
        CheckResult::bad(
            "single sign-on",
            format!(
                "{issuer} doesn't answer as a provider; check that this machine can open \
                 {}/.well-known/openid-configuration and that it names exactly this issuer",
                issuer.trim_end_matches('/')
            ),
        )
    });
    matters
}
