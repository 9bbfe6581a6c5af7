//! Owns the forms that act on a batch's stock: its thresholds, and withdrawing it.

use super::ui::Status;

/// "Stock lines".
#[derive(Clone, Debug)]
pub struct ThresholdsForm {
    /// Where it posts to.
    pub action: String,
    pub threshold: NumberField,
    pub reserve: NumberField,
    /// What an empty threshold means: "100, the merchant's".
    pub of_merchant: String,
}

/// A number as it was typed.
#[derive(Clone, Debug, Default)]
pub struct NumberField {
    pub value: String,
    /// What is wrong with it; said at the field.
    pub error: Option<String>,
}

/// "Withdraw vouchers".
#[derive(Clone, Debug)]
pub struct Withdraw {
    /// Where it posts to.
    pub action: String,
    /// "1,762 codes"; empty when there is nothing to withdraw.
    pub left: String,
    /// The same as a plain number: what the page says is what is withdrawn.
    pub number: i64,
    pub reason: NumberField,
    /// One that is at work: "Withdrawing: 12,000 so far."
    pub at_work: Option<String>,
    /// Earlier ones.
    pub past: Vec<Status>,
}
