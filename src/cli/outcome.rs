//! How a command that was refused, or that found something broken, ends: with one line that says
//! what to do.

use std::{io, process::ExitCode};

use crate::{app, config::SettingError, db, domain::Invalid};

/// A command that did not do what was asked, or found something broken: exit status 1.
#[derive(Debug)]
pub enum CommandFailure {
    /// One line for stderr.
    Because(String),
    /// Nobody reads our output any more, as after `| head`: end quietly.
    ReaderLeft(ExitCode),
}

impl CommandFailure {
    /// A refusal that says why and what to do.
    pub fn because(sentence: impl AsRef<str>) -> Self {
        // Engines answer in several lines; a script reads one.
        Self::Because(one_line(sentence.as_ref()))
    }
}

impl CommandFailure {
    /// The line for stderr.
    pub fn sentence(&self) -> &str {
        match self {
            Self::Because(sentence) => sentence,
            Self::ReaderLeft(_) => "nobody reads the answer any more",
        }
    }
}

/// What to do about a connection to PostgreSQL that failed over its encryption; `None`: it was
/// something else. libpq's own words say what is wrong, and propose to look at no certificate at
/// all.
pub(super) fn encryption_cure(said: &str) -> Option<&'static str> {
    let in_the_clear = if cfg!(feature = "pg-tls") {
        "the server doesn't accept unencrypted connections (pg_hba.conf): add sslmode=verify-full \
         and sslrootcert to DATABASE_URL"
    } else {
        "the server doesn't accept unencrypted connections (pg_hba.conf), and this program was \
         built without TLS to PostgreSQL: build it with `cargo build --release --features pg-tls` \
         and add sslmode=verify-full and sslrootcert to DATABASE_URL"
    };
    let cures = [
        (
            "certificate verify failed",
            "set sslrootcert in DATABASE_URL to the file of the authority that signed the server's \
             certificate (`system` for a public one), and check that the certificate has not \
             expired",
        ),
        (
            "does not match host name",
            "use the host name from the server's certificate in DATABASE_URL, or get a certificate \
             for this name or address",
        ),
        (
            "root certificate file",
            "set sslrootcert in DATABASE_URL to the PEM file of the authority that signed the \
             server's certificate, or to system for a public one",
        ),
        (
            "server does not support SSL",
            "set ssl = on in the server's postgresql.conf, or check that DATABASE_URL points to \
             the right server",
        ),
        ("no encryption", in_the_clear),
    ];
    cures.into_iter().find(|(sign, _)| said.contains(sign)).map(|(_, cure)| cure)
}

/// Several lines as one.
pub(super) fn one_line(text: &str) -> String {
    let parts = text
        .lines()
        .map(|line| line.trim().trim_start_matches(';').trim_start())
        .filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("; ")
}

impl From<Invalid> for CommandFailure {
    fn from(why: Invalid) -> Self {
        Self::because(why.0)
    }
}

impl From<SettingError> for CommandFailure {
    fn from(error: SettingError) -> Self {
        Self::because(error.to_string())
    }
}

impl From<io::Error> for CommandFailure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderLeft(ExitCode::SUCCESS),
            _ => Self::because(format!("the output could not be written: {error}")),
        }
    }
}

impl From<db::Error> for CommandFailure {
    fn from(error: db::Error) -> Self {
        match &error {
            db::Error::Unavailable(said) => {
                let cure = encryption_cure(said)
                    .unwrap_or("check DATABASE_URL, or run `rewarddesk doctor`");
                Self::because(format!("{error}; {cure}"))
            }
            db::Error::CommitUnknown(_) => Self::because(format!(
                "{error}; check whether it was saved before you run this again"
            )),
            _ => Self::because(error.to_string()),
        }
    }
}

impl From<app::Error> for CommandFailure {
    fn from(error: app::Error) -> Self {
        match error {
            app::Error::Invalid(why) => Self::because(why.to_string()),
            app::Error::Fault(app::Fault::Database(error)) => error.into(),
            other => Self::because(other.to_string()),
        }
    }
}
