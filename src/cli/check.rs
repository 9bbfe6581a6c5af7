//! `rewarddesk check`.

use std::io::Write;

use super::{Refused, open_current};
use crate::{app::check_invariants::check_invariants, config::Settings};

/// Proves on the live data that no code was lost, doubled or handed out without a record
#[derive(Debug, clap::Args)]
#[command(
    after_help = "One line for each invariant; exit status 1 if one is broken. Changes nothing, \
        and may run while the server does.\n\n\
    Example:\n  rewarddesk check"
)]
pub struct Check {}

/// Runs it.
pub fn run(settings: &Settings, out: &mut dyn Write) -> Result<(), Refused> {
    let db = open_current(settings)?;
    let verdicts = check_invariants(&db)?;
    let broken = verdicts.iter().filter(|verdict| !verdict.holds()).count();
    for verdict in &verdicts {
        // Whoever stops reading early still gets the status.
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
    Err(Refused::because(format!(
        "{invariants} broken: stop reissuing, keep a copy of the database, and look at the rows \
         named above"
    )))
}
