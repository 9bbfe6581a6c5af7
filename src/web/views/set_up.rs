//! Owns the page on which the desk's first user comes in.

use super::{frame::Frame, threshold_forms::NumberField};
use askama::Template;

/// `GET /setup`.
#[derive(Debug, Template)]
#[template(path = "set_up/new.html")]
pub struct SetUpPage {
    pub frame: Frame,
    /// Back in the form; a secret.
    pub token: String,
    pub name: NumberField,
    pub email: NumberField,
    pub password: NumberField,
    pub merchant: Option<FirstMerchantFields>,
}

/// The first merchant.
#[derive(Clone, Debug)]
pub struct FirstMerchantFields {
    pub name: NumberField,
    pub slug: NumberField,
    pub timezone: NumberField,
    pub zones: Vec<&'static str>,
}
