//! `rewarddesk serve`.

use std::net::SocketAddr;

use super::outcome::CommandFailure;
use crate::{config::Settings, startup};

/// Runs the server with its mail worker, until SIGTERM or Ctrl-C
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  REWARDDESK_SECRET_KEY_FILE=/etc/rewarddesk/secret \
        SMTP_URL=smtps://user:password@smtp.example.com \\\n    \
    MAIL_FROM=\"Rewards <rewards@example.com>\" rewarddesk serve --listen 127.0.0.1:8080")]
#[allow(clippy::doc_markdown, reason = "these texts are the help that people read in a terminal")]
pub struct ServeArgs {
    /// Address and port, instead of REWARDDESK_LISTEN
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Send no emails until `rewarddesk mail release`; use this after restoring a backup
    #[arg(long)]
    hold_mail: bool,
}

impl ServeArgs {
    pub fn run(self, settings: Settings) -> Result<(), CommandFailure> {
        startup::serve(startup::ServeRequest {
            settings,
            listen: self.listen,
            hold_mail: self.hold_mail,
        })?;
        Ok(())
    }
}
