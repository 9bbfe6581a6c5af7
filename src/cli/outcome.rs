//! How a command ends: done, found something broken, or refused with one line that says what to do.
//! Must not know the commands.

use std::{io, process::ExitCode};

use crate::{app, config::SettingError, db, domain::Unfit};

/// A command that ran to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Done,
    /// Exit status 1; the answer on stdout says what is broken.
    FoundBroken,
}

/// A command that did not do what was asked.
#[derive(Debug)]
pub enum Refused {
    /// One line for stderr.
    Because(String),
    /// Nobody reads our output any more, as after `| head`: end quietly.
    ReaderLeft(ExitCode),
}

impl Refused {
    /// A refusal that says why and what to do.
    pub fn because(sentence: impl AsRef<str>) -> Self {
        // Engines answer in several lines; a script reads one.
        let lines = sentence.as_ref().lines().map(str::trim).filter(|line| !line.is_empty());
        Self::Because(lines.collect::<Vec<_>>().join("; "))
    }
}

impl From<Unfit> for Refused {
    fn from(why: Unfit) -> Self {
        Self::because(why.0)
    }
}

impl From<SettingError> for Refused {
    fn from(error: SettingError) -> Self {
        Self::because(error.to_string())
    }
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderLeft(ExitCode::SUCCESS),
            _ => Self::because(format!("the answer could not be written: {error}")),
        }
    }
}

impl From<db::Error> for Refused {
    fn from(error: db::Error) -> Self {
        match &error {
            db::Error::Unavailable(_) => Self::because(format!("{error}; check DATABASE_URL, or run `rewarddesk doctor`")),
            db::Error::CommitUnknown(_) => Self::because(format!("{error}; see whether it was saved before you run this again")),
            _ => Self::because(error.to_string()),
        }
    }
}

impl From<app::Error> for Refused {
    fn from(error: app::Error) -> Self {
        match error {
            app::Error::Unfit(why) => why.into(),
            app::Error::Fault(error) => error.into(),
            other => Self::because(other.to_string()),
        }
    }
}
