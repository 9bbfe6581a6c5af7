//! `rewarddesk doctor`: looks at everything around the desk and says what to do about each matter.
//! Wiring only; changes nothing but a file that it makes and removes to see whether a folder can be
//! written.

use std::io::Write;

use super::{Refused, outcome::one_line};
use crate::config::Settings;

mod database;
mod files;
mod mail;
mod proxy;
mod sso;

/// Checks database, schema, rights, mail, secret and file modes, and says what to do about each
#[derive(Debug, clap::Args)]
#[command(after_help = "One line for each matter: ok, warn or bad; exit status 1 if one is \
        bad.\n\nExample:\n  rewarddesk doctor")]
pub struct Doctor {}

/// How a matter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Ok,
    Warn,
    Bad,
}

/// One matter: how it stands, and what to do where it does not stand well.
#[derive(Debug)]
struct Matter {
    level: Level,
    about: &'static str,
    says: String,
}

impl Matter {
    fn ok(about: &'static str, says: impl Into<String>) -> Self {
        Self { level: Level::Ok, about, says: says.into() }
    }

    fn warn(about: &'static str, says: impl Into<String>) -> Self {
        Self { level: Level::Warn, about, says: says.into() }
    }

    fn bad(about: &'static str, says: impl Into<String>) -> Self {
        Self { level: Level::Bad, about, says: says.into() }
    }

    /// One line, whatever engines and relays answer.
    fn line(&self) -> String {
        let level = match self.level {
            Level::Ok => "ok  ",
            Level::Warn => "warn",
            Level::Bad => "bad ",
        };
        format!("{level}  {}: {}", self.about, one_line(&self.says))
    }
}

/// Runs it.
pub fn run(settings: &Settings, out: &mut dyn Write) -> Result<(), Refused> {
    let mut bad = 0;
    for look in [database::look, files::look, mail::look, proxy::look, sso::look] {
        for matter in look(settings) {
            bad += usize::from(matter.level == Level::Bad);
            // Whoever stops reading early still gets the status.
            let _ = writeln!(out, "{}", matter.line());
        }
        let _ = out.flush();
    }
    match bad {
        0 => Ok(()),
        1 => Err(Refused::because("1 matter is bad: see the line that begins with it")),
        n => {
            Err(Refused::because(format!("{n} matters are bad: see the lines that begin with it")))
        }
    }
}
