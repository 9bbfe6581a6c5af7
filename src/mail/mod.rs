//! Floor 1: letters out of facts, and letters on their way: [`Mailer`].
//! Must not know the database, use cases or the web.

pub mod account;
pub mod account_changes;
pub mod alert;
pub mod chain_heads;
pub mod file;
pub mod fulfilment;
mod judge;
pub mod mailer;
pub mod memory;
mod message;
mod presentable;
pub mod relay;
mod replies;

pub use mailer::{Mailer, SendError};
