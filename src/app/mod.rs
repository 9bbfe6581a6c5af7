//! Floor 2: the use cases, one `verb_noun` each; each draws its own transaction.
//! Must not know HTML, status codes or diesel's query language.

pub mod add_batch;
pub mod add_merchant;
pub mod add_user;
pub mod check_invariants;
pub mod desk;
pub mod error;
pub mod export_audit;
mod find_merchant;
mod names;
pub mod passwords;

pub use desk::Desk;
pub use error::Error;
pub use find_merchant::find_merchant;
