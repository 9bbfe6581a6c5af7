//! The ways a use case can end badly.

use std::fmt;

use crate::{
    db,
    domain::{
        Invalid, coupon_acts::ActRefusal, customer_acts::CustomerRefusal, reissue, user::Barrier,
    },
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
    Refused(Refusal),
    /// The actor is no longer active, or no longer has the role.
    #[error("not allowed")]
    NotAllowed,
    /// What was typed can't be taken.
    #[error("{0}")]
    Invalid(#[from] InvalidForm),
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

/// Which rule said no, with its facts; the web layer has the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Of reissuing a coupon or sending its email again.
    Reissue(Box<reissue::Refusal>),
    /// Of barring, unbarring or marking as used.
    Coupon(Box<ActRefusal>),
    Customer(Box<CustomerRefusal>),
    User(Barrier),
}

impl From<reissue::Refusal> for Error {
    fn from(refusal: reissue::Refusal) -> Self {
        Self::Refused(Refusal::Reissue(Box::new(refusal)))
    }
}

impl From<ActRefusal> for Error {
    fn from(refusal: ActRefusal) -> Self {
        Self::Refused(Refusal::Coupon(Box::new(refusal)))
    }
}

impl From<CustomerRefusal> for Error {
    fn from(refusal: CustomerRefusal) -> Self {
        Self::Refused(Refusal::Customer(Box::new(refusal)))
    }
}

impl From<Barrier> for Error {
    fn from(barrier: Barrier) -> Self {
        Self::Refused(Refusal::User(barrier))
    }
}

/// What is wrong with what was typed: sentences that say why and what to do, each with the name of
/// its field in the form. The name is empty where it is about the whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InvalidForm(Vec<(&'static str, Invalid)>);

impl InvalidForm {
    /// One field is wrong.
    pub fn at(field: &'static str, why: Invalid) -> Self {
        Self(vec![(field, why)])
    }

    /// All of these fields that are wrong.
    pub fn of<const N: usize>(fields: [(&'static str, Option<Invalid>); N]) -> Self {
        Self(fields.into_iter().filter_map(|(field, why)| Some((field, why?))).collect())
    }

    /// What is wrong with that field.
    pub fn get(&self, field: &str) -> Option<&Invalid> {
        self.0.iter().find(|(wrong, _)| *wrong == field).map(|(_, why)| why)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for InvalidForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (_, why)) in self.0.iter().enumerate() {
            write!(f, "{}{why}", if n == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidForm {}

impl From<Invalid> for Error {
    fn from(why: Invalid) -> Self {
        Self::Invalid(InvalidForm::at("", why))
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
