//! Floor 1: the two databases behind one code; a repository module per noun.
//! Must not know mail, use cases or the web. Row structs and diesel's derives stay in here.

pub mod account_links;
pub mod audit;
pub mod audit_contents;
pub mod audit_seals;
pub mod batch_codes;
pub mod batches;
pub mod conn;
pub mod coupon_acts;
pub mod coupon_files;
pub mod coupons;
pub mod customer_keys;
pub mod customer_search;
pub mod customers;
pub mod database;
pub mod error;
pub mod factors;
pub mod half_sign_ins;
pub mod health;
pub mod imports;
pub mod instant;
pub mod invariants;
pub mod mail_leases;
pub mod mails;
pub mod memberships;
pub mod merchants;
pub mod migrate;
pub mod passkeys;
pub mod purges;
pub mod redemption_findings;
pub mod reissues;
pub mod rewards;
pub mod schema;
pub mod scope;
pub mod sessions;
mod snapshot;
pub mod stock;
pub mod stock_alerts;
pub mod tx;
pub mod users;
pub mod withdrawals;

pub use conn::DbConn;
pub use database::{Database, DatabaseUrl};
pub use error::{Conflict, Error};
pub use scope::Scope;
pub use tx::WriteTx;
