//! The ways a use case can end badly.

use crate::{
    db,
    domain::{Invalid, reissue::Refusal},
};

/// What the database can do to us, for those above who tell it in words.
pub use crate::db::Error as DatabaseFault;

/// Why a use case did not do what was asked. Nothing was changed, but for
/// [`db::Error::CommitUnknown`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing, or not in this merchant.
    #[error("not found")]
    NotFound,
    /// A business rule said no.
    #[error("refused")]
    Refused(Box<Refusal>),
    /// The actor is no longer active, or no longer has the role.
    #[error("not allowed")]
    NotAllowed,
    /// The input cannot be taken; the sentence says why and what to do.
    #[error("{0}")]
    Invalid(#[from] Invalid),
    /// Too much work waits, or this work has waited for too long. It was never begun, unlike one
    /// whose statement met its time limit.
    #[error("busy")]
    Busy,
    /// Something on our side failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What failed on our side. What was begun is undone, but for [`db::Error::CommitUnknown`].
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error(transparent)]
    Database(#[from] db::Error),
    /// No random numbers, no cipher, or no key that fits.
    #[error("{0}")]
    Crypto(String),
    /// A mail, a file or a state of ours could not be written as text.
    #[error("{what} could not be written: {why}")]
    Template { what: &'static str, why: String },
    /// The panic's own message is in the log.
    #[error("a use case panicked")]
    Panicked,
    #[error("the desk is shutting down")]
    ShuttingDown,
}

impl Fault {
    /// A text of ours that could not be written.
    pub fn template(what: &'static str, why: impl std::fmt::Display) -> Self {
        Self::Template { what, why: why.to_string() }
    }
}

impl From<db::Error> for Error {
    fn from(error: db::Error) -> Self {
        Self::Fault(error.into())
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl db::Failure for Error {
    fn fault(&self) -> Option<&db::Error> {
        match self {
            Self::Fault(Fault::Database(fault)) => Some(fault),
            _ => None,
        }
    }

    fn judged(self, judge: impl FnOnce(db::Error) -> db::Error) -> Self {
        match self {
            Self::Fault(Fault::Database(fault)) => judge(fault).into(),
            other => other,
        }
    }
}
