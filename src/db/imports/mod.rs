//! What imports need of the database: the exclusive lock, look-ups of many rows at once, and
//! writing them. Also the imports themselves: what was sent, the pieces of their files, and which
//! worker has claimed one.

pub mod codes;
pub mod customers;
pub mod exclusive;
pub mod jobs;
pub mod leases;
pub mod pieces;
pub mod publish;
pub mod redemptions;
pub mod rewards;
