//! Owns the page "Check a code" and what it says of one.

use super::coupons::{LabelledLink, Reissue};
use super::frame::Frame;
use super::rewards::MenuItem;
use super::ui::{Fact, Status, Tone};
use askama::Template;

/// `GET` and `POST /m/{merchant}/check`.
#[derive(Debug, Template)]
#[template(path = "code_checks/index.html")]
pub struct CodeCheckPage {
    /// Frame. Its title never holds the code.
    pub frame: Frame,
    /// The one field.
    pub form: CodeCheckForm,
    /// What is known of the code that was sent.
    pub result: Option<CodeFacts>,
}

/// 200 as a fragment: what is known of the code.
#[derive(Debug, Template)]
#[template(path = "code_checks/result.html")]
pub struct CodeCheckResult {
    /// What is known.
    pub result: CodeFacts,
    /// The field again, where it is to show another code than was typed.
    pub form: Option<CodeCheckForm>,
}

/// 422 as a fragment: the field with what is wrong with it.
#[derive(Debug, Template)]
#[template(path = "code_checks/again.html")]
pub struct CodeCheckAgain {
    /// The field.
    pub form: CodeCheckForm,
}

/// The one field.
#[derive(Clone, Debug)]
pub struct CodeCheckForm {
    /// Where it posts to.
    pub action: String,
    /// What was typed.
    pub value: String,
    /// What is wrong with it.
    pub error: Option<String>,
}

/// What is known of a code.
#[derive(Clone, Debug)]
pub struct CodeFacts {
    /// Its meaning.
    pub tone: Tone,
    /// "This code has expired".
    pub title: String,
    /// The code as the desk has it, or as it was typed.
    pub code: String,
    /// State in words; all that holds.
    pub status: Vec<Status>,
    /// Validity, uses, and so on.
    pub facts: Vec<Fact>,
    /// Batch, reward, customer.
    pub places: Vec<LabelledLink>,
    /// The other coupon of a reissue.
    pub reissue: Option<Reissue>,
    /// What became of the mail with this code.
    pub mail: Option<Status>,
    /// What else is to be known, one sentence each.
    pub notes: Vec<String>,
    /// What to do next.
    pub next: Vec<MenuItem>,
    /// Codes that look like it; each posts itself to `action`.
    pub suggestions: Vec<SuggestionItem>,
    /// Where suggestions post to.
    pub action: String,
    /// What can be said to the customer as it is: polite, and nothing that is not theirs to know.
    pub sentence: String,
}

/// A code that may have been meant.
#[derive(Clone, Debug)]
pub struct SuggestionItem {
    /// The code.
    pub code: String,
    /// How it differs.
    pub why: &'static str,
}
