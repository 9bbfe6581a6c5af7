//! Owns the form that adds vouchers to a batch, and the one that makes a batch of them.

use askama::Template;

use super::{frame::Frame, validity::DateField};

/// "Add vouchers": lines and a file.
#[derive(Clone, Debug)]
pub struct VouchersForm {
    /// Where it posts to.
    pub action: String,
    /// What was pasted, kept when something was wrong with it.
    pub codes: String,
    /// Why nothing of it could be taken; said at the field.
    pub error: Option<String>,
    /// Whether it is the file's field.
    pub is_of_file: bool,
}

impl VouchersForm {
    /// What was wrong, if it was wrong in this field.
    pub fn error_at(&self, field: &str) -> Option<&str> {
        self.error.as_deref().filter(|_| self.is_of_file == (field == "file"))
    }
}

/// `GET /m/{merchant}/batches/new`.
#[derive(Debug, Template)]
#[template(path = "batches/new.html")]
pub struct NewBatchPage {
    /// Frame.
    pub frame: Frame,
    /// Back to the list.
    pub back_href: String,
    /// Name, first day, last day, uses per code.
    pub fields: Vec<DateField>,
    /// Whether "Tell upper and lower case apart" is ticked.
    pub case_sensitive: bool,
    /// "Europe/London".
    pub zone: String,
    /// The codes.
    pub form: VouchersForm,
}
