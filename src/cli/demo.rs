//! `rewarddesk demo`.

use std::{net::SocketAddr, path::PathBuf};

use super::outcome::CommandFailure;
use crate::startup;

/// Runs a server with sample data and captured emails, to try things out; no configuration
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The data stays in DIR between runs. The demo listens on loopback only.\n\n\
                        Examples:\n  rewarddesk demo\n  rewarddesk demo --dir /tmp/large \
                        --customers 1000000"
)]
pub struct DemoArgs {
    /// Loopback address and port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where data and emails are stored
    #[arg(long, value_name = "DIR", default_value = "rewarddesk-demo")]
    dir: PathBuf,
    /// Create a data set with this many customers, if there is none yet
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    customers: Option<u32>,
    /// Delete the data in DIR first
    #[arg(long)]
    reset: bool,
}

impl DemoArgs {
    pub fn run(self) -> Result<(), CommandFailure> {
        if !self.listen.ip().is_loopback() {
            // Everybody knows the demo's passwords (guarantee S5).
            return Err(CommandFailure::because(
                "the demo listens on loopback only; use --listen 127.0.0.1:8080, or run \
                 `rewarddesk serve` instead",
            ));
        }
        startup::demo(startup::DemoRequest {
            listen: self.listen,
            dir: self.dir,
            customers: self.customers,
            reset: self.reset,
        })?;
        Ok(())
    }
}
