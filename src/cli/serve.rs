//! `rewarddesk serve`.

use std::net::SocketAddr;

use super::Refused;
use crate::{config::Settings, startup};

/// Runs the server with its mail worker, until SIGTERM or Ctrl-C
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  REWARDDESK_SECRET_KEY_FILE=/etc/rewarddesk/secret \
        SMTP_URL=smtps://user:password@smtp.example.com \\\n    \
    MAIL_FROM=\"Rewards <rewards@example.com>\" rewarddesk serve --listen 127.0.0.1:8080")]
#[allow(clippy::doc_markdown, reason = "these texts are the help that people read in a terminal")]
pub struct Serve {
    /// Address and port, in place of REWARDDESK_LISTEN
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Send no mail until `rewarddesk mail release`, as after restoring a backup
    #[arg(long)]
    hold_mail: bool,
}

impl Serve {
    pub fn run(self, settings: Settings) -> Result<(), Refused> {
        startup::serve(startup::Serve {
            settings,
            listen: self.listen,
            hold_mail: self.hold_mail,
        })?;
        Ok(())
    }
}
