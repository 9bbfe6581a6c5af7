//! Floor 2: the use cases, one verb_noun each; each draws its own transaction.
//! Must not know HTML, status codes or diesel's query language.

pub mod deliver_mail;
pub mod desk;
pub mod error;
pub mod fulfilment_email;
pub mod release_mail;

pub use desk::Desk;
pub use error::Error;
