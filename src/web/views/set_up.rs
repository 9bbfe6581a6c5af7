//! Owns the page on which the desk's first user comes in.

use super::{frame::Frame, stock_forms::Field};
use askama::Template;

/// `GET /setup`.
#[derive(Debug, Template)]
#[template(path = "set_up/new.html")]
pub struct New {
    pub frame: Frame,
    /// Back in the form; a secret.
    pub token: String,
    pub name: Field,
    pub email: Field,
    pub password: Field,
    pub merchant: Option<Merchant>,
}

/// The first merchant.
#[derive(Clone, Debug)]
pub struct Merchant {
    pub name: Field,
    pub slug: Field,
    pub timezone: Field,
    pub zones: Vec<&'static str>,
}
