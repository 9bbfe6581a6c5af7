//! Owns the list of voucher batches and one batch's page.
//! Must not know how stock is counted or what makes a code usable.

use super::frame::Frame;
use super::ui::{Badge, Fact, Link, Pager, Stock, Tone};
use super::{validity, vouchers};
use askama::Template;

/// `GET /m/{merchant}/batches`.
#[derive(Debug, Template)]
#[template(path = "batches/index.html")]
pub struct Index {
    /// Frame.
    pub frame: Frame,
    /// "New batch" and the like, for those who may.
    pub actions: Vec<Link>,
    /// The batches.
    pub rows: Vec<Row>,
    /// First page and older page.
    pub pager: Pager,
}

/// One batch in the list.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its page.
    pub href: String,
    /// Its name.
    pub name: String,
    /// "Low", "Expired", "Empty".
    pub badges: Vec<Badge>,
    /// "1 Mar 2026 to 3 Oct 2026, 23:59 BST", "No end".
    pub validity: String,
    /// "1 use per code", "5 uses per code".
    pub uses: String,
    /// "39 left".
    pub left: String,
    /// Its bar.
    pub stock: Stock,
}

/// `GET /m/{merchant}/batches/{id}`.
#[derive(Debug, Template)]
#[template(path = "batches/show.html")]
pub struct Show {
    /// Frame.
    pub frame: Frame,
    /// Back to the list.
    pub back_href: String,
    /// The heading.
    pub name: String,
    /// "Low", "Expired", "Empty".
    pub badges: Vec<Badge>,
    /// "Add vouchers", for those who may.
    pub vouchers: Option<vouchers::Form>,
    /// "Adjust validity", for those who may.
    pub validity: Option<validity::Form>,
    /// Who can do these, when this user may not; or empty.
    pub who_can: String,
    /// "39 left".
    pub left: String,
    /// Why codes can't be used, if so: "120 codes left, all expired on …". May be empty.
    pub left_note: String,
    /// The bar.
    pub stock: Stock,
    /// Codes by state, the bar's legend.
    pub counts: Vec<Count>,
    /// Validity, uses per code, case rule, and so on.
    pub facts: Vec<Fact>,
}

/// Codes in one state.
#[derive(Clone, Debug)]
pub struct Count {
    /// The bar's colour.
    pub tone: Tone,
    /// "Usable", "Allocated".
    pub label: String,
    /// The number, grouped.
    pub number: String,
}
