//! The database's own promises, on both engines.

mod audit;
mod coupons;
mod instants;
mod invariants;
mod migrations;
mod reissues;
mod schema;
mod transactions;
