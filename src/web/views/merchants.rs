//! Owns the choice between several merchants.
//! Must not know roles' rules.

use super::frame::Frame;
use askama::Template;

/// `GET /` for a user with several merchants, or none.
#[derive(Debug, Template)]
#[template(path = "merchants/index.html")]
pub struct Index {
    /// Frame without a merchant.
    pub frame: Frame,
    /// In order of name.
    pub merchants: Vec<Choice>,
}

/// One merchant to choose.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Where its customers are.
    pub href: String,
    /// As people know it.
    pub name: String,
    /// The user's role there, in words.
    pub role: String,
}
