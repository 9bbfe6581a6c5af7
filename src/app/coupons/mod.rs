//! Coupons: one shown, barred, marked as used, and looked up by its code.

pub mod bar_coupon;
pub mod check_code;
pub mod coupon_acts;
pub mod coupon_history;
pub mod mark_used;
pub mod show_coupon;
pub mod show_findings;
