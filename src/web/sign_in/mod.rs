//! The pages before signing in, and those that confirm who is there.

pub mod account_links;
pub mod confirmations;
pub mod known_devices;
pub mod second_factors;
pub mod sessions;
pub mod set_up;
pub mod single_sign_on;
