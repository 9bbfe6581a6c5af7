//! What imports need of the database: whose turn it is, look-ups of many rows at once, and writing
//! them. Also the book of imports from the browser: their orders, the pieces of their files, and
//! who is at work on one.

pub mod codes;
pub mod customers;
pub mod leases;
pub mod orders;
pub mod pieces;
pub mod redemptions;
pub mod rewards;
pub mod stock;
pub mod turn;
