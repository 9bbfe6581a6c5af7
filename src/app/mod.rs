//! Floor 2: the use cases, one `verb_noun` each; each draws its own transaction.
//! Must not know HTML, status codes or diesel's query language.

pub mod add_batch;
pub mod add_merchant;
pub mod add_user;
pub mod adjust_validity;
pub mod bar_coupon;
pub mod batch_codes;
pub mod check_code;
pub mod check_invariants;
pub mod choose_alerts;
pub mod coupon_acts;
pub mod coupon_history;
pub mod decide_import;
pub mod deliver_mail;
pub mod desk;
pub mod draw_stock_lines;
pub mod error;
pub mod find_customers;
pub mod fulfilment_email;
pub mod import_file;
pub mod import_pieces;
pub mod keep_stock;
pub mod mark_used;
pub mod member;
pub mod passwords;
pub mod readiness;
pub mod receive_import;
pub mod reissue_coupon;
pub mod release_mail;
pub mod resend_email;
pub mod run_import;
pub mod seal_audit;
pub mod show_audit_log;
pub mod show_batches;
pub mod show_coupon;
pub mod show_customer;
pub mod show_findings;
pub mod show_imports;
pub mod sign_in;
pub mod tokens;
pub mod verify_audit;
pub mod verify_export;
pub mod watch_stock;
pub mod withdraw_vouchers;

pub use desk::Desk;
pub use error::Error;
pub use member::Member;
pub mod export_audit;
mod find_merchant;
mod names;

pub use find_merchant::find_merchant;
