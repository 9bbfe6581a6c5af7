//! Imports, on both databases.

mod counts;
mod customers;
mod files;
mod kills;
mod previews;
mod purges;
mod redemptions;
mod rewards;
mod speed;
mod spreadsheets;
mod turns;
mod vouchers;
mod world;
