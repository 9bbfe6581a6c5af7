//! Owns the page of stock alerts: what was raised, how one is notified, and the thresholds for all
//! batches.

use super::frame::Frame;
use super::threshold_forms::NumberField;
use super::ui::{Pager, Status, TextLink, When};
use askama::Template;

/// `GET /m/{merchant}/alerts`.
#[derive(Debug, Template)]
#[template(path = "alerts/index.html")]
pub struct AlertListPage {
    pub frame: Frame,
    pub back_href: String,
    pub choose_action: String,
    pub choices: Vec<ModeChoice>,
    /// Where they are sent.
    pub address: String,
    /// The thresholds for all batches, for those who may.
    pub rules: Option<AlertRulesForm>,
    pub rows: Vec<AlertItem>,
    pub pager: Pager,
}

/// One way to hear of the stock.
#[derive(Clone, Debug)]
pub struct ModeChoice {
    pub word: &'static str,
    pub label: &'static str,
    pub hint: String,
    pub chosen: bool,
}

/// The thresholds for all batches.
#[derive(Clone, Debug)]
pub struct AlertRulesForm {
    pub action: String,
    pub threshold: NumberField,
    pub least_days: NumberField,
}

/// An alert.
#[derive(Clone, Debug)]
pub struct AlertItem {
    pub what: Status,
    pub batch: TextLink,
    pub left: String,
    pub raised: When,
    /// "Over since …"; none while it lasts.
    pub cleared: Option<When>,
}
