//! The database's own promises, on both engines.

mod audit;
mod audit_plans;
mod breakages;
mod commits;
mod contention;
mod coupons;
mod customer_search;
mod instants;
mod invariants;
pub mod migrations;
pub mod plans;
mod reissues;
mod schema;
mod search_keys;
pub mod stock_watermarks;
mod transactions;
mod uses;
