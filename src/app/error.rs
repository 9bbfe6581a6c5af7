//! The ways a use case can end badly.

use crate::{
    db,
    domain::{Invalid, reissue::Refusal},
};

/// What the database can do to us, for those above who tell it in words.
pub use crate::db::Error as Fault;

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
    /// The database let us down.
    #[error(transparent)]
    Fault(#[from] db::Error),
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl db::Failure for Error {
    fn fault(&self) -> Option<&db::Error> {
        match self {
            Self::Fault(fault) => Some(fault),
            _ => None,
        }
    }

    fn judged(self, judge: impl FnOnce(db::Error) -> db::Error) -> Self {
        match self {
            Self::Fault(fault) => Self::Fault(judge(fault)),
            other => other,
        }
    }
}
