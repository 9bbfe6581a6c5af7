//! Owns the form that takes a file of other things than vouchers.

use askama::Template;

use super::{frame::Frame, vouchers::VouchersForm};

/// `GET /m/{merchant}/redemptions/new`, `GET /m/{merchant}/bars/new`.
#[derive(Debug, Template)]
#[template(path = "imports/new.html")]
pub struct NewImportPage {
    pub frame: Frame,
    pub back_href: String,
    pub back: &'static str,
    pub title: &'static str,
    /// What becomes of the lines.
    pub lead: &'static str,
    /// The columns in the file, required ones first.
    pub columns: Vec<&'static str>,
    /// A line as it should be.
    pub example: &'static str,
    pub button: &'static str,
    pub form: VouchersForm,
}
