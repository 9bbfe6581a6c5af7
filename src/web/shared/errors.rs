//! Why a request can't be met, in words and as a status.

use actix_web::{
    HttpResponse, ResponseError,
    body::BoxBody,
    http::{StatusCode, header},
};

use crate::app::{
    self, Fault,
    error::DatabaseFault::{CommitUnknown, Conflict, Contention, TimeLimit, Unavailable},
};

/// Why a request is not met.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    #[error("not found")]
    NotFound,
    #[error("not allowed")]
    Forbidden,
    /// The merchant opens only to users with a second factor, and this one has none.
    #[error("no second factor")]
    FactorMissing,
    #[error("cross-site")]
    CrossSite,
    #[error("no such method here")]
    MethodNotAllowed,
    /// The form cannot be taken; the sentence says why and what to do.
    #[error("unprocessable")]
    Unprocessable(String),
    #[error("too large")]
    TooLarge,
    #[error("malformed")]
    Malformed,
    /// The request names a host that is not this desk's.
    #[error("misdirected")]
    Misdirected,
    #[error("too slow")]
    TooSlow,
    /// Too many requests wait, or this one's work took too long. Nothing was saved.
    #[error("busy")]
    Busy,
    /// Nothing was saved: COMMIT was never sent.
    #[error("unavailable")]
    Unavailable,
    /// The work was not begun.
    #[error("shutting down")]
    ShuttingDown,
    /// COMMIT was sent, and no answer came.
    #[error("commit unknown")]
    CommitUnknown,
    #[error("internal")]
    Internal,
}

/// Seconds after which to try again what was not possible just now.
pub const RETRY_LATER: (header::HeaderName, &str) = (header::RETRY_AFTER, "5");

/// What an answer says.
pub struct ErrorCopy {
    pub title: &'static str,
    pub meaning: String,
    pub advice: &'static str,
}

impl Error {
    /// In words; guarantee R7 for the two about saving.
    pub fn words(&self) -> ErrorCopy {
        let words =
            |title, meaning: &str, advice| ErrorCopy { title, meaning: meaning.to_owned(), advice };
        match self {
            Self::NotFound => words(
                "Page not found",
                "It may belong to another merchant, or the address may be incomplete.",
                "Go back, or search for the customer.",
            ),
            Self::Forbidden => words(
                "Your role does not allow this",
                "Nothing was changed.",
                "Ask an administrator of this merchant.",
            ),
            Self::FactorMissing => words(
                "This merchant requires a second factor",
                "You can open its pages once you have an authenticator app or a passkey. Nothing \
                 was changed.",
                "Set one up; it takes a minute. You can still use your other merchants.",
            ),
            Self::CrossSite => words(
                "This request came from another site",
                "Nothing was changed. The desk only accepts forms from its own pages.",
                "Open the desk in this tab and try again.",
            ),
            Self::MethodNotAllowed => words(
                "This address can't be used this way",
                "Nothing was changed.",
                "Go back and use the buttons on the page.",
            ),
            Self::Unprocessable(why) => words(
                "This form couldn't be accepted",
                why,
                "Go back to the profile and open the dialog again.",
            ),
            Self::TooLarge => words(
                "That's too much to send here",
                "Nothing was changed.",
                "Send less, or import a file instead.",
            ),
            Self::Malformed => words(
                "This request couldn't be read",
                "Nothing was changed.",
                "Go back, reload the page and try again.",
            ),
            Self::Misdirected => words(
                "This isn't the desk's address",
                "The request was for a different host name. Nothing was changed.",
                "Open the desk at the address you were given. If there is a proxy, it must pass \
                 the Host header on unchanged.",
            ),
            Self::TooSlow => words(
                "The form took too long to arrive",
                "Nothing was changed.",
                "Check your connection and send it again.",
            ),
            Self::Busy => {
                words("The desk is busy", "Nothing was saved.", "Try again in a few seconds.")
            }
            Self::Unavailable => words(
                "The desk's database can't be reached",
                "Not saved, safe to retry.",
                "Try again in a few seconds.",
            ),
            Self::ShuttingDown => words(
                "The desk is shutting down",
                "Not saved, safe to retry.",
                "Try again in a minute. If the desk isn't back by then, tell your administrator.",
            ),
            Self::CommitUnknown => words(
                "The database didn't confirm the change",
                "We can't tell yet whether it was saved. Try again; it can't be reissued twice.",
                "Send the same form again, or reload the page and look at the row.",
            ),
            Self::Internal => words(
                "Something went wrong on our side",
                "The server log has the details under the request number below.",
                "Try again. If it keeps happening, give your administrator the request number.",
            ),
        }
    }
}

impl Error {
    /// This error where it keeps an answer from being shown after the act itself was committed:
    /// then "not saved" would be false.
    pub fn after_commit(self) -> Self {
        match self {
            Self::Busy | Self::Unavailable | Self::ShuttingDown => Self::CommitUnknown,
            other => other,
        }
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Forbidden | Self::FactorMissing | Self::CrossSite => StatusCode::FORBIDDEN,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unprocessable(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Busy | Self::Unavailable | Self::ShuttingDown | Self::CommitUnknown => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Without a body: [`render`] gives it one, since only there the request is known.
    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = HttpResponse::build(self.status_code()).finish();
        response.extensions_mut().insert(self.clone());
        response
    }
}

impl From<app::Error> for Error {
    fn from(error: app::Error) -> Self {
        match error {
            app::Error::NotFound => Self::NotFound,
            app::Error::NotAllowed => Self::Forbidden,
            app::Error::Invalid(invalid) => Self::Unprocessable(invalid.to_string()),
            // Handlers answer refusals themselves, with a fresh row; one that comes here was
            // forgotten.
            app::Error::Refused(_) => {
                tracing::error!("a refusal was not answered");
                Self::Internal
            }
            app::Error::Busy => {
                // Not louder: there are most of these when there is least time to read them. The
                // metrics count them.
                tracing::debug!("the desk is busy: a request was refused");
                Self::Busy
            }
            app::Error::Fault(fault) => fault.into(),
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        // Logged once, here at the edge; the message never holds a value of a row.
        match fault {
            Fault::Database(Unavailable(why) | Contention(why)) => {
                tracing::error!(%why, "the database is unavailable");
                Self::Unavailable
            }
            Fault::Database(TimeLimit(_)) => {
                tracing::warn!("a statement was ended at its time limit");
                Self::Busy
            }
            Fault::Database(CommitUnknown(why)) => {
                tracing::error!(%why, "a commit was not confirmed");
                Self::CommitUnknown
            }
            Fault::Database(Conflict(conflict)) => {
                tracing::error!(rule = %conflict, "the schema refused a change");
                Self::Internal
            }
            Fault::Database(other) => {
                tracing::error!(error = %other, "a query failed");
                Self::Internal
            }
            Fault::ShuttingDown => {
                tracing::warn!("a request came while the desk was shutting down");
                Self::ShuttingDown
            }
            Fault::Crypto(_) | Fault::Template { .. } | Fault::Panicked => {
                tracing::error!(error = %fault, "the desk failed");
                Self::Internal
            }
        }
    }
}

impl From<askama::Error> for Error {
    fn from(error: askama::Error) -> Self {
        tracing::error!(%error, "a template did not render");
        Self::Internal
    }
}
