//! Owns one coupon's page.

use super::audit::Event;
use super::frame::Frame;
use super::ui::{Fact, Status, TextLink, When};
use askama::Template;

/// `GET /m/{merchant}/coupons/{id}`.
#[derive(Debug, Template)]
#[template(path = "coupons/show.html")]
pub struct CouponPage {
    /// Frame.
    pub frame: Frame,
    /// Back to where the coupon belongs: the customer, else the batch.
    pub back: TextLink,
    /// The code.
    pub code: String,
    /// State in words; all that holds.
    pub status: Vec<Status>,
    /// Validity, uses, and so on.
    pub facts: Vec<Fact>,
    /// Batch, reward, customer: where it belongs.
    pub places: Vec<LabelledLink>,
    /// The other coupon of a reissue.
    pub reissue: Option<Reissue>,
    /// Redemptions, newest first.
    pub redemptions: Vec<RedemptionUse>,
    /// What the list of redemptions leaves out, or why it is empty.
    pub redemptions_note: String,
    /// What this user may do to it.
    pub actions: Vec<TextLink>,
    /// What was done to it, newest first.
    pub history: Vec<Event>,
}

/// A label and a link.
#[derive(Clone, Debug)]
pub struct LabelledLink {
    /// "Voucher batch".
    pub label: String,
    /// What it is called, and where it is.
    pub link: TextLink,
}

/// What replaced this coupon, or what it replaced.
#[derive(Clone, Debug)]
pub struct Reissue {
    /// "Replaced by", "Takes the place of".
    pub label: String,
    /// The other code.
    pub code: String,
    /// Its page.
    pub href: String,
    /// Who did it.
    pub who: String,
    /// When.
    pub when: When,
}

/// One use in the shop.
#[derive(Clone, Debug)]
pub struct RedemptionUse {
    /// The order, where known.
    pub order: String,
    /// When.
    pub when: When,
    /// What is odd about it, or empty.
    pub note: &'static str,
}
