//! Rewards, and the one dangerous action on them: reissuing the coupon.

pub mod next_codes;
pub mod reissue_coupon;
