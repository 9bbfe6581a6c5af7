//! Signing in: passwords, single sign-on, sessions, and proving again to be there.

pub mod confirm_session;
pub mod finish_sign_in;
pub mod known_devices;
pub mod passwords;
pub mod provider;
pub mod queue;
pub mod sessions;
pub mod sso;
