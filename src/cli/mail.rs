//! `rewarddesk mail release`.

use std::io::Write;

use super::{Refused, open_current};
use crate::{
    app::{
        Desk,
        release_mail::{WaitingMail, release_mail},
    },
    config::Settings,
    domain::zone,
};

/// Mail that waits
#[derive(Debug, clap::Subcommand)]
pub enum Mail {
    Release(Release),
}

/// Lets the mail go that `serve --hold-mail` holds back, and shows how old it is
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  rewarddesk mail release")]
pub struct Release;

impl Mail {
    pub fn run(self, settings: &Settings, out: &mut dyn Write) -> Result<(), Refused> {
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
        "released {} waiting: {within_an_hour} of the last hour, {within_a_day} of the last day, \
         {within_a_week} of the last week, {older} older{since}",
        waiting.count()
    )
}
