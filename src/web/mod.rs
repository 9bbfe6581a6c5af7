//! Floor 3: the pages. Requests in, use cases called, words and screens out.
//! Must not know the database, diesel or how mail is sent.

pub mod account;
pub mod audit;
pub mod batches;
pub mod coupons;
pub mod customers;
pub mod imports;
pub mod mails;
pub mod rewards;
pub mod server;
pub mod settings;
pub mod shared;
pub mod sign_in;
pub mod users;
