//! Owns the form that adjusts a batch's validity.

/// "Adjust validity".
#[derive(Clone, Debug)]
pub struct ValidityForm {
    /// Where it posts to.
    pub action: String,
    /// The first and the last day.
    pub fields: Vec<DateField>,
    /// "Europe/London".
    pub zone: String,
}

/// A date, or a time with offset.
#[derive(Clone, Debug)]
pub struct DateField {
    /// Its name in the form.
    pub name: &'static str,
    /// Its label.
    pub label: &'static str,
    /// As it stands in the form; empty is open.
    pub value: String,
    /// Whether the browser's own date field can show it.
    pub is_day: bool,
    /// What is wrong with it; said at the field.
    pub error: Option<String>,
}
