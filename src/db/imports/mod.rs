//! What imports need of the database: whose turn it is, look-ups of many rows at once, and writing them.
//! Must not know files, columns or reports.

pub mod codes;
pub mod customers;
pub mod redemptions;
pub mod rewards;
pub mod stock;
pub mod turn;
