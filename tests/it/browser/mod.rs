//! The app in a real browser: keys, focus, scripts and none, dark and narrow, and what axe-core finds.

mod accessibility;
mod coupon_acts;
mod factors;
mod harness;
mod imports;
mod mishaps;
mod single_sign_on;
mod task;
