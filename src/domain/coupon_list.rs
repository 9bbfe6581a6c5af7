//! A batch's codes as a list: which of them, from where on, and who got which.

use chrono::{DateTime, Utc};

use super::{
    coupon::{Coupon, CouponState},
    ids::{CouponId, CustomerNo, RewardNo},
};

/// Which of a batch's codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    All,
    /// In stock, neither barred nor redeemed: what goes out next comes first.
    InStock,
    /// With a customer now.
    Allocated,
    Replaced,
    Redeemed,
    Expired,
    Barred,
    Withdrawn,
}

/// Where a page begins: after this coupon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After {
    pub end: DateTime<Utc>,
    pub coupon: CouponId,
}

/// A code of the batch, and who has it or had it.
#[derive(Debug, Clone)]
pub struct ListedCode {
    pub coupon: Coupon,
    /// Its own end, which the order goes by; the coupon's window has the batch's limits in it.
    pub own_end: DateTime<Utc>,
    pub changed_at: Option<DateTime<Utc>>,
    pub holder: Option<Holder>,
}

/// The reward that a coupon was handed to.
#[derive(Debug, Clone)]
pub struct Holder {
    pub reward: RewardNo,
    pub reward_id: String,
    pub title: String,
    pub customer: CustomerNo,
    /// Nothing after a purge.
    pub customer_name: Option<String>,
    pub customer_id: Option<String>,
    pub email: Option<String>,
}

/// How the shop and the desk can disagree on a redemption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disagreement {
    /// No voucher of the merchant has this code.
    Unknown,
    /// The code was in stock at the time of the use: nobody should have had it.
    NotIssued,
    /// The code had been replaced by then, and yet the shop took it.
    Replaced,
}

impl Disagreement {
    pub const ALL: [Self; 3] = [Self::Unknown, Self::NotIssued, Self::Replaced];

    /// As in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::NotIssued => "not_issued",
            Self::Replaced => "replaced",
        }
    }
}

/// A redemption on which the shop and the desk disagree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedemptionFinding {
    pub id: i64,
    /// As the shop's file had it.
    pub code: String,
    pub coupon: Option<CouponId>,
    /// Where the coupon is now in its life.
    pub state: Option<CouponState>,
    pub redeemed_at: DateTime<Utc>,
    pub order_id: Option<String>,
    pub found_at: DateTime<Utc>,
}
