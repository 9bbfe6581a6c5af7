//! `rewarddesk mail release`.

use std::io::Write;

use super::{database::open_current, outcome::CommandFailure};
use crate::{
    app::{
        Desk,
        mails::release_mail::{WaitingMail, release_mail},
    },
    config::Settings,
    domain::zone,
};

/// Held emails
#[derive(Debug, clap::Subcommand)]
pub enum Mail {
    Release(Release),
}

/// Releases the emails that `serve --hold-mail` holds back, and shows how old they are
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  rewarddesk mail release")]
pub struct Release;

impl Mail {
    pub fn run(self, settings: &Settings, out: &mut dyn Write) -> Result<(), CommandFailure> {
        let Self::Release(Release) = self;
        let desk = Desk::for_operator(open_current(settings)?);
        let waiting = release_mail(&desk)?;
        writeln!(out, "{}", sentence(&waiting))?;
        Ok(())
    }
}

fn sentence(waiting: &WaitingMail) -> String {
    let WaitingMail { within_an_hour, within_a_day, within_a_week, older, oldest } = waiting;
    let since =
        oldest.map(|at| format!("; the oldest was due {}", zone::rfc3339(at))).unwrap_or_default();
    format!(
        "released {} waiting: {within_an_hour} from the last hour, {within_a_day} from the last \
         day, {within_a_week} from the last week, {older} older{since}",
        waiting.count()
    )
}
