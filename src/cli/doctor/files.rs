//! Secrets: there, long enough, and readable by nobody else; and how people reach the desk.

use std::path::Path;

use super::Matter;
use crate::config::Settings;

pub(super) fn look(settings: &Settings) -> Vec<Matter> {
    let mut matters = vec![match settings.secret() {
        Err(error) => Matter::bad("secret", error.to_string()),
        Ok(secret) if distinct(secret.expose()) < 10 => {
            Matter::warn("secret", "long enough, but made of few different characters; make one with `openssl rand -hex 32`")
        }
        Ok(_) => Matter::ok("secret", "set, and long enough"),
    }];
    if let Some(path) = settings.secret_file() {
        matters.extend(only_ours("secret file", path));
    }
    matters.push(address(settings));
    matters
}

fn distinct(text: &str) -> usize {
    text.chars().collect::<std::collections::BTreeSet<_>>().len()
}

/// Whether a file can be read by its owner only.
#[cfg(unix)]
pub(super) fn only_ours(about: &'static str, path: &Path) -> Option<Matter> {
    use std::os::unix::fs::PermissionsExt;
    // That it cannot be read is said where it is read.
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    let cure = format!("mode {mode:04o}; run chmod 600 {}", path.display());
    Some(match (mode & 0o007, mode & 0o070) {
        (0, 0) => Matter::ok(about, format!("mode {mode:04o}: nobody else can read it")),
        (0, _) => Matter::warn(about, format!("its group can open it, {cure}")),
        _ => Matter::bad(about, format!("every user of this machine can open it, {cure}")),
    })
}

#[cfg(not(unix))]
pub(super) fn only_ours(_: &'static str, _: &Path) -> Option<Matter> {
    None
}

fn address(settings: &Settings) -> Matter {
    let url = match settings.listen().and_then(|listen| settings.base_url(listen)) {
        Ok(url) => url,
        Err(error) => return Matter::bad("address", error.to_string()),
    };
    let near = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Matter::ok("address", format!("{url}: passwords and codes are encrypted on their way")),
        _ if near => {
            Matter::ok("address", format!("{url}: this machine only; for others put TLS in front and set REWARDDESK_BASE_URL=https://…"))
        }
        _ => Matter::bad(
            "address",
            format!("{url}: passwords and codes cross the network in the clear; put TLS in front and set REWARDDESK_BASE_URL=https://…"),
        ),
    }
}
