//! Imports, on both databases.

mod counts;
mod customers;
mod exclusive;
mod files;
mod kills;
mod previews;
mod purges;
mod records;
mod redemptions;
mod rewards;
mod speed;
mod spreadsheets;
mod vouchers;
mod world;
