//! A coupon: one code and its facts. Its status is derived here from facts, never stored.

use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::{
    Invalid,
    batch::Window,
    code::CouponCode,
    ids::{BatchId, CouponId},
    redemption,
};

/// Where a coupon stands in its one-way life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CouponState {
    Available,
    Allocated,
    Replaced,
    Withdrawn,
}

impl CouponState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Allocated => "allocated",
            Self::Replaced => "replaced",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl FromStr for CouponState {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        [Self::Available, Self::Allocated, Self::Replaced, Self::Withdrawn]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| Invalid::because("this is not a coupon's state"))
    }
}

/// One code and its facts. `window` is the effective one: the batch's limits are already in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coupon {
    pub id: CouponId,
    pub batch: BatchId,
    pub code: CouponCode,
    pub pin: Option<String>,
    pub window: Window,
    pub redemptions: i64,
    pub max_redemptions: i64,
    pub barred: Option<Barred>,
    /// The earliest and the latest use that are known one by one.
    pub first_redemption: Option<Redemption>,
    pub last_redemption: Option<Redemption>,
    /// When the customer got it, where that is known.
    pub handed_out_at: Option<DateTime<Utc>>,
    /// Reports of an order that had been counted already. They date from before a second report was
    /// left uncounted, so the count of redemptions may be too high by this many: what may be left
    /// counts as left.
    pub repeats: i64,
    pub state: CouponState,
}

/// Since when a coupon is barred, by whom and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Barred {
    pub at: DateTime<Utc>,
    pub by: Option<String>,
    pub reason: String,
}

/// One use of a coupon in the shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redemption {
    pub at: DateTime<Utc>,
    pub order_id: Option<String>,
}

/// One thing that keeps a coupon from being used; several can hold at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    Barred(Barred),
    Expired { at: DateTime<Utc> },
    FullyRedeemed { last: Option<Redemption> },
    NotStarted { from: DateTime<Utc> },
}

/// What is left of a coupon that can still be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    pub uses_left: i64,
    pub uses_allowed: i64,
    pub expires_at: Option<DateTime<Utc>>,
    /// Set when its start still lies ahead.
    pub starts_at: Option<DateTime<Utc>>,
}

impl Coupon {
    pub fn is_fully_redeemed(&self) -> bool {
        self.redemptions >= self.max_redemptions
    }

    /// The earliest use, where it is older than the hand-out: somebody else had the code.
    pub fn use_before_hand_out(&self) -> Option<&Redemption> {
        let handed_out = self.handed_out_at?;
        self.first_redemption
            .as_ref()
            .filter(|first| redemption::is_before_hand_out(first.at, handed_out))
    }

    /// All that keeps the coupon from being used at `now`, the gravest first.
    pub fn problems(&self, now: DateTime<Utc>) -> Vec<Problem> {
        let barred = self.barred.clone().map(Problem::Barred);
        let expired = self
            .window
            .until
            .filter(|_| self.window.has_expired(now))
            .map(|at| Problem::Expired { at });
        let redeemed = self
            .is_fully_redeemed()
            .then(|| Problem::FullyRedeemed { last: self.last_redemption.clone() });
        let early = self
            .window
            .from
            .filter(|_| !self.window.has_started(now))
            .map(|from| Problem::NotStarted { from });
        [barred, expired, redeemed, early].into_iter().flatten().collect()
    }

    /// Not expired, not barred, not fully redeemed and not replaced: another code has taken a
    /// replaced one's place, also when its batch is given a later end afterwards. A start that lies
    /// ahead does not take capacity away.
    pub fn capacity(&self, now: DateTime<Utc>) -> Option<Capacity> {
        let replaced = self.state == CouponState::Replaced;
        // The shop may take the code for each use that was perhaps counted twice.
        let surely_used = self.redemptions - self.repeats;
        let spent = replaced
            || self.window.has_expired(now)
            || self.barred.is_some()
            || surely_used >= self.max_redemptions;
        (!spent).then(|| Capacity {
            uses_left: self.max_redemptions - surely_used,
            uses_allowed: self.max_redemptions,
            expires_at: self.window.until,
            starts_at: self.window.from.filter(|_| !self.window.has_started(now)),
        })
    }
}
