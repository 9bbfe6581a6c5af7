//! Mail: a sender, and a relay that answers or a folder that can be written.

use std::{fs, path::Path, time::Duration};

use super::CheckResult;
use crate::{
    config::{MailRoute, Settings},
    mail::relay::Relay,
};

/// A relay that does not answer within this is as good as none.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn look(settings: &Settings) -> Vec<CheckResult> {
    let sender = match settings.mail_from() {
        Ok(sender) => CheckResult::ok("mail sender", sender.to_string()),
        Err(error) => CheckResult::bad("mail sender", error.to_string()),
    };
    let route = match settings.mail_route() {
        Ok(MailRoute::Smtp(url)) => relay(url.expose()),
        Ok(MailRoute::Folder(dir)) => vec![folder(&dir)],
        Err(error) => vec![CheckResult::bad("mail relay", error.to_string())],
    };
    std::iter::once(sender).chain(route).collect()
}

fn relay(address: &str) -> Vec<CheckResult> {
    let probe = |relay: Relay| {
        actix_web::rt::System::new().block_on(relay.with_patience(PROBE_TIMEOUT).probe())
    };
    let mut matters = vec![match Relay::from_url(address).map(probe) {
        Ok(Ok(())) => CheckResult::ok("mail relay", "answers and accepts our sign-in"),
        Ok(Err(error)) => CheckResult::bad(
            "mail relay",
            format!(
                "{error}; check that it is running, and check \
                                               SMTP_URL"
            ),
        ),
        Err(invalid) => {
            CheckResult::bad("mail relay", format!("SMTP_URL can't be used: {invalid}"))
        }
    }];
    let url = url::Url::parse(address).ok();
    let host = url
        .as_ref()
        .and_then(url::Url::host_str)
        .unwrap_or_default()
        .trim_matches(['[', ']'])
        .to_owned();
    let near =
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let has_password = url.as_ref().is_some_and(|url| url.password().is_some());
    let demands_tls = address.starts_with("smtps://")
        || url.is_some_and(|url| url.query_pairs().any(|(k, v)| k == "tls" && v == "required"));
    if !near && !demands_tls {
        let what = if has_password { "codes and the relay's password may" } else { "codes may" };
        matters.push(CheckResult::warn(
            "tls to the relay",
            format!("{what} be sent unencrypted; use smtps://, or smtp://…?tls=required"),
        ));
    }
    matters
}

fn folder(dir: &Path) -> CheckResult {
    let probe = dir.join(format!(".rewarddesk-doctor-{}", std::process::id()));
    match fs::write(&probe, "").and_then(|()| fs::remove_file(&probe)) {
        Ok(()) => CheckResult::warn(
            "mail relay",
            format!("none: emails are written to {} and reach nobody", dir.display()),
        ),
        Err(error) => CheckResult::bad(
            "mail relay",
            format!(
                "emails can't be written to {}: {error}; create the folder, or change its owner",
                dir.display()
            ),
        ),
    }
}
