//! What imports need of the database: the exclusive lock, look-ups of many rows at once, and
//! writing them. Also the book of imports from the browser: their orders, the pieces of their
//! files, and who is at work on one.

pub mod codes;
pub mod customers;
pub mod exclusive;
pub mod jobs;
pub mod leases;
pub mod pieces;
pub mod publish;
pub mod redemptions;
pub mod rewards;
