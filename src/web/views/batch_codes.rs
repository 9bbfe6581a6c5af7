//! Owns the list of a batch's codes: which of them, found how, and who got which.

use super::ui::{Pager, Status, TextLink, When};

/// The codes of a batch.
#[derive(Clone, Debug)]
pub struct CodeListSection {
    /// The batch's page, where the search goes.
    pub action: String,
    /// What the search field holds.
    pub query: String,
    /// "In stock", "With customers": one of them is the current one.
    pub filters: Vec<Filter>,
    /// The word of the current filter in addresses and forms.
    pub condition: &'static str,
    pub rows: Vec<CodeItem>,
    /// What is said where there is no row.
    pub empty: String,
    /// And where to go from there.
    pub next_steps: Vec<TextLink>,
    pub pager: Pager,
    /// Where the export is asked for, for those who may.
    pub export: Option<String>,
}

/// A way to look at the codes.
#[derive(Clone, Debug)]
pub struct Filter {
    pub label: &'static str,
    pub href: String,
    pub current: bool,
}

/// One code.
#[derive(Clone, Debug)]
pub struct CodeItem {
    /// Its page.
    pub href: String,
    pub code: String,
    pub status: Vec<Status>,
    /// "2 of 5 uses left".
    pub uses: String,
    /// Until when it can be used.
    pub until: Option<When>,
    /// Who got it; none while it is in stock.
    pub holder: Option<TextLink>,
    /// The reward it was handed out for.
    pub reward: String,
}
