//! Owns the form that adds vouchers to a batch, and what is said of the rows it brought.
//! Must not know how rows are judged.

use super::ui::Tone;

/// "Add vouchers".
#[derive(Clone, Debug)]
pub struct Form {
    /// Where it posts to.
    pub action: String,
    /// What was pasted, kept when something was wrong with it.
    pub codes: String,
    /// Why nothing of it could be taken; said at the field.
    pub error: Option<String>,
    /// What became of the rows, when some were rejected.
    pub report: Option<Report>,
}

/// What became of the rows.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its meaning.
    pub tone: Tone,
    /// "3 codes added, 2 lines rejected".
    pub title: String,
    /// "1 was in this batch already." May be empty.
    pub text: String,
    /// The first rejected rows, in the file's order.
    pub rejects: Vec<Reject>,
    /// "12 more lines were rejected." May be empty.
    pub more: String,
}

/// A row that could not be taken.
#[derive(Clone, Debug)]
pub struct Reject {
    /// "Line 4".
    pub line: String,
    /// What stands there, shortened.
    pub cell: String,
    /// Why.
    pub reason: String,
}
