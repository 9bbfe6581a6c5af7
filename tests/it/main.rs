//! All tests that need a database, a server or a browser, in one binary. Run them with `scripts/test`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests may stop at the first surprise, say so, and read the environment that scripts/test makes"
)]

mod import;
