//! Owns the page of stock alerts: what was raised, how one hears of it, and the lines for all
//! batches.

use super::frame::Frame;
use super::stock_forms::Field;
use super::ui::{Link, Pager, Status, When};
use askama::Template;

/// `GET /m/{merchant}/alerts`.
#[derive(Debug, Template)]
#[template(path = "alerts/index.html")]
pub struct Index {
    pub frame: Frame,
    pub back_href: String,
    pub choose_action: String,
    pub choices: Vec<Choice>,
    /// Where they are sent.
    pub address: String,
    /// The lines for all batches, for those who may.
    pub rules: Option<Rules>,
    pub rows: Vec<Row>,
    pub pager: Pager,
}

/// One way to hear of the stock.
#[derive(Clone, Debug)]
pub struct Choice {
    pub word: &'static str,
    pub label: &'static str,
    pub hint: String,
    pub chosen: bool,
}

/// The lines for all batches.
#[derive(Clone, Debug)]
pub struct Rules {
    pub action: String,
    pub threshold: Field,
    pub least_days: Field,
}

/// An alert.
#[derive(Clone, Debug)]
pub struct Row {
    pub what: Status,
    pub batch: Link,
    pub left: String,
    pub raised: When,
    /// "Over since …"; none while it lasts.
    pub cleared: Option<When>,
}
