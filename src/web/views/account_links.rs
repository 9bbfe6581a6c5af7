//! Owns the pages before signing in: choosing a password after following a link, and asking for
//! one.

use super::frame::Frame;
use askama::Template;

/// `GET /welcome`.
#[derive(Debug, Template)]
#[template(path = "account_links/show.html")]
pub struct AccountLinkPage {
    pub frame: Frame,
    pub heading: &'static str,
    pub email: String,
    /// Back in the form; a secret.
    pub token: String,
    pub error: Option<String>,
}

/// A link that lets nobody in, or no longer.
#[derive(Debug, Template)]
#[template(path = "account_links/gone.html")]
pub struct Gone {
    pub frame: Frame,
}

/// `GET /forgotten`.
#[derive(Debug, Template)]
#[template(path = "account_links/forgotten.html")]
pub struct Forgotten {
    pub frame: Frame,
    pub sent: bool,
}
