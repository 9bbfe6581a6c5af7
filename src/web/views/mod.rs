//! Owns one struct per response: what a template is given, already in words. Must not know the
//! domain, the database, requests or the clock: strings, flags and small numbers only.

pub mod account;
pub mod account_links;
pub mod alerts;
pub mod audit;
pub mod batch_codes;
pub mod batches;
pub mod code_checks;
pub mod coupon_acts;
pub mod coupons;
pub mod customer_acts;
pub mod customers;
pub mod errors;
pub mod factors;
pub mod frame;
pub mod import_files;
pub mod imports;
pub mod mails;
pub mod merchants;
pub mod picture;
pub mod redemptions;
pub mod reissues;
pub mod rewards;
pub mod sessions;
pub mod set_up;
pub mod settings;
pub mod stock_forms;
pub mod ui;
pub mod users;
pub mod validity;
pub mod vouchers;
