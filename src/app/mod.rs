//! Floor 2: the use cases, one `verb_noun` each; each draws its own transaction.
//! Must not know HTML, status codes or diesel's query language.

pub mod audit;
pub mod batches;
pub mod coupons;
pub mod customers;
pub mod desk;
mod encrypt_secret;
mod encrypted_text;
pub mod error;
pub mod factors;
pub mod imports;
pub mod mails;
pub mod member;
pub mod operation;
pub mod origin;
pub mod rewards;
pub mod settings;
pub mod sign_in;
pub mod tokens;
pub mod users;

pub use desk::Desk;
pub use error::{Error, Fault, InvalidForm, Refusal};
pub use member::Member;
mod find_merchant;
mod names;

pub use find_merchant::find_merchant;
