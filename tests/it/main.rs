//! All tests that need a database, a server or a browser, in one binary. Run them with
//! `scripts/test`.
//!
//! Names are sentences. A test marked `#[both]` runs twice: `name::sqlite` and `name::postgres`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::needless_pass_by_value,
    clippy::missing_panics_doc,
    clippy::unused_self,
    clippy::format_collect,
    clippy::cast_possible_wrap,
    clippy::must_use_candidate,
    reason = "tests may stop at the first surprise, say so, and read the environment that \
        scripts/test makes"
)]

#[macro_use]
extern crate both;

mod support;

mod audit;
mod browser;
mod cli;
mod db;
mod faults;
mod http;
mod import;
mod layers;
mod mail;
mod plans;
