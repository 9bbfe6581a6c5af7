//! Builds the desk, its server and its workers from the settings, and runs them until they are told to stop.
//! Wiring only.

use std::{net::SocketAddr, path::PathBuf};

use crate::{cli::Refused, config::Settings};

/// What `rewarddesk serve` was asked for.
#[derive(Debug)]
pub struct Serve {
    pub settings: Settings,
    /// Wins over `REWARDDESK_LISTEN`.
    pub listen: Option<SocketAddr>,
    pub hold_mail: bool,
}

/// What `rewarddesk demo` was asked for; `listen` is loopback.
#[derive(Debug)]
pub struct Demo {
    pub listen: SocketAddr,
    pub dir: PathBuf,
    /// `None`: the small sample.
    pub customers: Option<u32>,
    pub reset: bool,
}

/// Runs the real server until SIGTERM.
#[allow(clippy::needless_pass_by_value, reason = "what was asked for is used up by running")]
pub fn serve(serve: Serve) -> Result<(), Refused> {
    let _judged = serve.settings.for_server(serve.listen)?;
    let _db = crate::cli::open_current(&serve.settings)?;
    Err(Refused::because("serve is not part of this build yet"))
}

/// Runs the server on sample data until SIGTERM.
#[allow(clippy::needless_pass_by_value, reason = "what was asked for is used up by running")]
pub fn demo(_demo: Demo) -> Result<(), Refused> {
    Err(Refused::because("demo is not part of this build yet"))
}
