//! A reward: one thing a customer earned, and how it reaches them.

use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::{
    Invalid,
    ids::{BatchId, CustomerNo, RewardNo},
};

/// One thing a customer earned. `reward_id` is the merchant's own reference, `no` the desk's
/// number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reward {
    pub no: RewardNo,
    pub customer: CustomerNo,
    pub reward_id: String,
    pub kind: RewardKind,
    pub title: String,
    pub fulfilment: Fulfilment,
    pub issued_at: DateTime<Utc>,
}

/// What the reward was earned for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RewardKind {
    Referrer,
    Referee,
    DriveAction,
}

impl RewardKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Referrer => "referrer",
            Self::Referee => "referee",
            Self::DriveAction => "drive_action",
        }
    }

    pub fn label(self) -> &'static str {
        match self {
            Self::Referrer => "Referrer",
            Self::Referee => "Referee",
            Self::DriveAction => "Drive action",
        }
    }
}

impl FromStr for RewardKind {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        [Self::Referrer, Self::Referee, Self::DriveAction]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| Invalid::because("the kind must be referrer, referee or drive_action"))
    }
}

/// How the reward reaches the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fulfilment {
    Batch(BatchId),
    External(RewardProvider),
}

/// Somebody else's codes: they cannot be reissued here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RewardProvider {
    GiftCloud,
    Runa,
    Shopify,
    Other,
}

impl RewardProvider {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GiftCloud => "giftcloud",
            Self::Runa => "runa",
            Self::Shopify => "shopify",
            Self::Other => "other",
        }
    }

    pub fn label(self) -> &'static str {
        match self {
            Self::GiftCloud => "GiftCloud",
            Self::Runa => "Runa (WeGift)",
            Self::Shopify => "Shopify",
            Self::Other => "another external provider",
        }
    }
}

impl FromStr for RewardProvider {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        [Self::GiftCloud, Self::Runa, Self::Shopify, Self::Other]
            .into_iter()
            .find(|provider| provider.as_str() == text)
            .ok_or_else(|| {
                Invalid::because("the fulfilment must be batch, giftcloud, runa, shopify or other")
            })
    }
}
