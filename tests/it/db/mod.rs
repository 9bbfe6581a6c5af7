//! The database's own promises, on both engines.

mod coupons;
