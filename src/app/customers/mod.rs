//! Customers: found, shown, blocked and purged.

pub mod customer_acts;
pub mod find_customers;
pub mod keep_search;
pub mod private_details;
pub mod purge_customer;
pub mod show_customer;
