//! Owns the page on which the shop and the desk are compared.

use super::batch_codes::Filter;
use super::frame::Frame;
use super::ui::{Pager, Status, TextLink, When};
use askama::Template;

/// `GET /m/{merchant}/redemptions`.
#[derive(Debug, Template)]
#[template(path = "redemptions/index.html")]
pub struct RedemptionListPage {
    pub frame: Frame,
    pub back_href: String,
    /// Where redemptions are imported, for those who may.
    pub import_href: Option<String>,
    /// "Unknown codes", "Not handed out at the time", "Replaced before".
    pub filters: Vec<Filter>,
    /// What the current kind means and what to do.
    pub meaning: &'static str,
    pub rows: Vec<RedemptionItem>,
    pub pager: Pager,
}

/// A redemption that does not fit.
#[derive(Clone, Debug)]
pub struct RedemptionItem {
    /// The coupon's page, or the code alone.
    pub code: TextLink,
    pub redeemed: When,
    pub order: String,
    /// Where the code is now.
    pub now: Status,
    pub found: When,
}
