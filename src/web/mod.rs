//! Floor 3: the pages. Requests in, use cases called, words and screens out.
//! Must not know the database, diesel or how mail is sent.

pub mod access;
pub mod act_words;
pub mod alerts;
pub mod assets;
pub mod audit;
mod batch_codes;
pub mod batches;
pub mod code_checks;
pub mod coupon_acts;
pub mod coupons;
pub mod customers;
pub mod errors;
pub mod frame;
pub mod gate;
pub mod headers;
pub mod health;
mod import_files;
pub mod imports;
pub mod mails;
pub mod merchants;
pub mod new_batch;
pub mod present;
pub mod redemptions;
mod reissues;
pub mod request;
pub mod router;
pub mod server;
pub mod sessions;
pub mod stock_forms;
pub mod throttle;
pub mod trace;
pub mod upload;
mod validity;
pub mod views;
pub mod vouchers;
pub mod words;
