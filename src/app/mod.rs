//! Floor 2: the use cases, one verb_noun each; each draws its own transaction.
//! Must not know HTML, status codes or diesel's query language.

pub mod desk;
pub mod error;
pub mod import_file;

pub use desk::Desk;
pub use error::Error;
