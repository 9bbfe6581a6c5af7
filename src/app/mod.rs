//! Floor 2: the use cases, one verb_noun each; each draws its own transaction.
//! Must not know HTML, status codes or diesel's query language.

pub mod deliver_mail;
pub mod desk;
pub mod error;
pub mod find_customers;
pub mod fulfilment_email;
pub mod member;
pub mod passwords;
pub mod readiness;
pub mod reissue_coupon;
pub mod release_mail;
pub mod resend_email;
pub mod show_audit_log;
pub mod show_batches;
pub mod show_customer;
pub mod sign_in;
pub mod tokens;

pub use desk::Desk;
pub use error::Error;
pub use member::Member;
