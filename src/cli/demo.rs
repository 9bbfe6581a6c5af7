//! `rewarddesk demo`.

use std::{net::SocketAddr, path::PathBuf};

use super::Refused;
use crate::startup;

/// Runs a server with sample data and captured mail, for trying things out; no configuration
#[derive(Debug, clap::Args)]
#[command(after_help = "The data stays in DIR between runs. Listens on loopback only.\n\n\
    Examples:\n  rewarddesk demo\n  rewarddesk demo --dir /tmp/large --customers 1000000")]
pub struct Demo {
    /// Loopback address and port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where data and mails are kept
    #[arg(long, value_name = "DIR", default_value = "rewarddesk-demo")]
    dir: PathBuf,
    /// Make a data set with this many customers, when there is none yet
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    customers: Option<u32>,
    /// Throw the data in DIR away first
    #[arg(long)]
    reset: bool,
}

impl Demo {
    pub fn run(self) -> Result<(), Refused> {
        if !self.listen.ip().is_loopback() {
            // Everybody knows the demo's passwords (guarantee S5).
            return Err(Refused::because(
                "the demo listens on loopback only; use --listen 127.0.0.1:8080, or `rewarddesk \
                 serve`",
            ));
        }
        startup::demo(startup::Demo {
            listen: self.listen,
            dir: self.dir,
            customers: self.customers,
            reset: self.reset,
        })?;
        Ok(())
    }
}
