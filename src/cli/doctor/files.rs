//! Secrets: there, long enough, and readable by nobody else; and how people reach the desk.

use std::path::Path;

use super::CheckResult;
use crate::{config::Settings, web::shared::open_files::OpenFiles};

pub(super) fn look(settings: &Settings) -> Vec<CheckResult> {
    let mut matters = vec![match settings.secret() {
        Err(error) => CheckResult::bad("secret", error.to_string()),
        Ok(secret) if distinct(secret.expose()) < 10 => CheckResult::warn(
            "secret",
            "long enough, but it has only a few different characters; create one with `openssl \
             rand -hex 32`",
        ),
        Ok(_) => CheckResult::ok("secret", "set, and long enough"),
    }];
    if let Some(path) = settings.secret_file() {
        matters.extend(only_ours("secret file", path));
    }
    matters.push(address(settings));
    matters.push(open_files(OpenFiles::of_this_process()));
    matters
}

/// With fewer connections than these, a burst of visitors has to wait.
const FEW_CONNECTIONS: usize = 512;

fn open_files(limits: OpenFiles) -> CheckResult {
    let says =
        |limit: Option<u64>| limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string());
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let connections = OpenFiles { soft: limits.hard, ..limits }.max_connections(workers);
    let says = format!(
        "soft limit {}, hard limit {}; the server raises the soft limit to the hard one, which is \
         enough for {connections} simultaneous connections",
        says(limits.soft),
        says(limits.hard)
    );
    if connections < FEW_CONNECTIONS {
        CheckResult::warn(
            "open files",
            format!(
                "{says}: set LimitNOFILE=65536 in the systemd unit, or `ulimit -n` before the start"
            ),
        )
    } else {
        CheckResult::ok("open files", says)
    }
}

fn distinct(text: &str) -> usize {
    text.chars().collect::<std::collections::BTreeSet<_>>().len()
}

/// Whether a file can be read by its owner only.
#[cfg(unix)]
pub(super) fn only_ours(about: &'static str, path: &Path) -> Option<CheckResult> {
    use std::os::unix::fs::PermissionsExt;
    // That it cannot be read is said where it is read.
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    let cure = format!("mode {mode:04o}; run chmod 600 {}", path.display());
    Some(match (mode & 0o007, mode & 0o070) {
        (0, 0) => CheckResult::ok(about, format!("mode {mode:04o}: nobody else can read it")),
        (0, _) => CheckResult::warn(about, format!("its group can open it, {cure}")),
        _ => CheckResult::bad(about, format!("every user of this machine can open it, {cure}")),
    })
}

#[cfg(not(unix))]
pub(super) fn only_ours(_: &'static str, _: &Path) -> Option<CheckResult> {
    None
}

fn address(settings: &Settings) -> CheckResult {
    let url = match settings.listen().and_then(|listen| settings.base_url(listen)) {
        Ok(url) => url,
        Err(error) => return CheckResult::bad("address", error.to_string()),
    };
    let near = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => CheckResult::ok(
            "address",
            format!("{url}: passwords and codes are encrypted in transit"),
        ),
        _ if near => CheckResult::ok(
            "address",
            format!(
                "{url}: this machine only; to serve others, put TLS in front and set \
                 REWARDDESK_BASE_URL=https://…"
            ),
        ),
        _ => CheckResult::bad(
            "address",
            format!(
                "{url}: passwords and codes cross the network in the clear; put TLS in front and \
                 set REWARDDESK_BASE_URL=https://…"
            ),
        ),
    }
}
