//! The app over HTTP, as a person without a script and as htmx would use it.

mod access;
mod account;
mod alerts;
mod batches;
mod code_checks;
mod coupon_acts;
mod coupon_acts_at_once;
mod coupons;
mod cross_site;
mod customer_acts;
mod factors;
mod guesses;
mod hostile;
mod import_ends;
mod import_files;
pub mod imports;
mod purges;
mod reissues;
mod reissues_at_once;
mod secrecy;
mod set_up;
mod settings;
mod users;
mod validity;
mod vouchers;
