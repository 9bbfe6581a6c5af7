//! The database's own promises, on both engines.

mod audit;
mod coupons;
mod instants;
mod invariants;
mod migrations;
mod plans;
mod reissues;
mod schema;
mod transactions;
