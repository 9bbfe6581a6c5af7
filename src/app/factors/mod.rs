//! Second factors: authenticator app, passkeys and recovery codes.

pub mod change_factors;
pub mod passkeys;
pub mod second_factors;
pub mod totp;
