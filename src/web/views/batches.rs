//! Owns the list of voucher batches and one batch's page.

use super::batch_codes::CodeListSection;
use super::frame::Frame;
use super::picture::StockPicture;
use super::ui::{Badge, Fact, Pager, Status, StockBar, TextLink, Tone};
use super::{threshold_forms, validity, vouchers};
use askama::Template;

/// `GET /m/{merchant}/batches`.
#[derive(Debug, Template)]
#[template(path = "batches/index.html")]
pub struct BatchListPage {
    /// Frame.
    pub frame: Frame,
    /// "New batch" and the like, for those who may.
    pub actions: Vec<TextLink>,
    /// The batches.
    pub rows: Vec<BatchItem>,
    /// First page and older page.
    pub pager: Pager,
}

/// One batch in the list.
#[derive(Clone, Debug)]
pub struct BatchItem {
    /// Its page.
    pub href: String,
    /// Its name.
    pub name: String,
    /// Its stock and its time: "Critical", "Expiring".
    pub badges: Vec<Badge>,
    /// "1 Mar 2026 to 3 Oct 2026, 23:59 BST", "No end".
    pub validity: String,
    /// "Last safe day 3 Sep 2026"; may be empty.
    pub safe_day: String,
    /// "39 left".
    pub left: String,
    /// What is left but can't be used, and why; may be empty.
    pub left_note: String,
    /// Its bar.
    pub stock: StockBar,
    /// "About 41 days".
    pub cover: String,
    /// "30 a week lately"; may be empty.
    pub pace: String,
}

/// `GET /m/{merchant}/batches/{id}`.
#[derive(Debug, Template)]
#[template(path = "batches/show.html")]
pub struct BatchPage {
    /// Frame.
    pub frame: Frame,
    /// Back to the list.
    pub back_href: String,
    /// The heading.
    pub name: String,
    /// Its stock and its time: "Critical", "Expiring".
    pub badges: Vec<Badge>,
    /// What deserves a look: the reserve is touched, codes end soon. May be empty.
    pub notes: Vec<Status>,
    /// The stock day by day, where there ever was any.
    pub picture: Option<StockPicture>,
    /// "Add vouchers", for those who may.
    pub vouchers: Option<vouchers::VouchersForm>,
    /// "Adjust validity", for those who may.
    pub validity: Option<validity::ValidityForm>,
    /// "Stock lines", for those who may.
    pub lines: Option<threshold_forms::ThresholdsForm>,
    /// "Withdraw vouchers", for those who may.
    pub withdraw: Option<threshold_forms::Withdraw>,
    /// Who can do these, when this user may not; or empty.
    pub who_can: String,
    /// "39 left".
    pub left: String,
    /// Why codes can't be used, if so: "120 codes left, all expired on …". May be empty.
    pub left_note: String,
    /// The bar.
    pub stock: StockBar,
    /// Codes by state, the bar's legend.
    pub counts: Vec<StateCount>,
    /// Validity, uses per code, case rule, and so on.
    pub facts: Vec<Fact>,
    /// Its codes.
    pub codes: CodeListSection,
}

/// Codes in one state.
#[derive(Clone, Debug)]
pub struct StateCount {
    /// The bar's colour.
    pub tone: Tone,
    /// "Usable", "Allocated".
    pub label: String,
    /// The number, grouped.
    pub number: String,
}
