//! `rewarddesk check`.

use std::io::Write;

use super::{database::open_current, outcome::CommandFailure};
use crate::{app::operation::check_invariants::check_invariants, config::Settings};

/// Checks the live data: no code was lost, duplicated or handed out without a record
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Prints one line per invariant. If one is broken, the exit status is 1. It \
                  changes nothing, and the server can keep running.\n\n\
                  Example:\n  rewarddesk check"
)]
pub struct Check {}

/// Runs it.
pub fn run(settings: &Settings, out: &mut dyn Write) -> Result<(), CommandFailure> {
    let db = open_current(settings)?;
    let verdicts = check_invariants(&db)?;
    let broken = verdicts.iter().filter(|verdict| !verdict.holds()).count();
    for verdict in &verdicts {
        // A reader that stops early still gets the exit status.
        if writeln!(out, "{verdict}").is_err() {
            break;
        }
    }
    if broken == 0 {
        return Ok(());
    }
    let _ = out.flush();
    let invariants =
        if broken == 1 { "1 invariant is".to_owned() } else { format!("{broken} invariants are") };
    Err(CommandFailure::because(format!(
        "{invariants} broken: stop reissuing, keep a copy of the database and look at the rows \
         named above"
    )))
}
