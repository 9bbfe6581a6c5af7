//! `rewarddesk doctor`: looks at everything around the desk and says what to do about each matter.
//! Wiring only; changes nothing but a file that it makes and removes to see whether a folder can be
//! written.

use std::io::Write;

use super::outcome::{CommandFailure, one_line};
use crate::config::Settings;

mod database;
mod files;
mod mail;
mod proxy;
mod sso;

/// Checks database, schema, rights, mail, secret and file modes, and says what to do about each
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Prints one line per check: ok, warn or bad. If one is bad, the exit status \
                        is 1.\n\nExample:\n  rewarddesk doctor"
)]
pub struct Doctor {}

/// How a matter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CheckLevel {
    Ok,
    Warn,
    Bad,
}

/// One matter: how it stands, and what to do where it does not stand well.
#[derive(Debug)]
struct CheckResult {
    level: CheckLevel,
    about: &'static str,
    says: String,
}

impl CheckResult {
    fn ok(about: &'static str, says: impl Into<String>) -> Self {
        Self { level: CheckLevel::Ok, about, says: says.into() }
    }

    fn warn(about: &'static str, says: impl Into<String>) -> Self {
        Self { level: CheckLevel::Warn, about, says: says.into() }
    }

    fn bad(about: &'static str, says: impl Into<String>) -> Self {
        Self { level: CheckLevel::Bad, about, says: says.into() }
    }

    /// One line, whatever engines and relays answer.
    fn line(&self) -> String {
        let level = match self.level {
            CheckLevel::Ok => "ok  ",
            CheckLevel::Warn => "warn",
            CheckLevel::Bad => "bad ",
        };
        format!("{level}  {}: {}", self.about, one_line(&self.says))
    }
}

/// Runs it.
pub fn run(settings: &Settings, out: &mut dyn Write) -> Result<(), CommandFailure> {
    let mut bad = 0;
    for look in [database::look, files::look, mail::look, proxy::look, sso::look] {
        for matter in look(settings) {
            bad += usize::from(matter.level == CheckLevel::Bad);
            // A reader that stops early still gets the exit status.
            let _ = writeln!(out, "{}", matter.line());
        }
        let _ = out.flush();
    }
    match bad {
        0 => Ok(()),
        1 => Err(CommandFailure::because("1 check failed: see the line that starts with bad")),
        n => Err(CommandFailure::because(format!(
            "{n} checks failed: see the lines that start with bad"
        ))),
    }
}
