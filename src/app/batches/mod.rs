//! Voucher batches: added, filled, watched and withdrawn.

pub mod add_batch;
pub mod adjust_validity;
pub mod batch_codes;
pub mod choose_alerts;
pub mod keep_stock;
pub mod set_thresholds;
pub mod show_batches;
pub mod watch_stock;
pub mod withdraw_vouchers;
