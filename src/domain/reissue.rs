//! The one rule of reissuing a coupon. Pure: no database, no clock, no prose.
//! The menu, the dialog and the guard inside the transaction all ask [`check_reissue`].

use chrono::{DateTime, Utc};

use super::{
    batch::{Batch, Shortage, StockLeft},
    code::CouponCode,
    coupon::{Capacity, Coupon},
    customer::{Blocked, Customer},
    ids::{ReissueId, UserId},
    reward::{Fulfilment, Reward, RewardProvider},
};

/// All that the rule looks at, read in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RewardFile {
    pub customer: Customer,
    pub reward: Reward,
    /// The reward's batch and what is left of it; `None` for external fulfilment.
    pub batch: Option<(Batch, StockLeft)>,
    /// The current coupon.
    pub coupon: Option<Coupon>,
    pub reissued: Option<EarlierReissue>,
}

/// A reissue that has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierReissue {
    pub id: ReissueId,
    pub at: DateTime<Utc>,
    pub by: UserId,
    pub by_name: String,
    pub old_code: CouponCode,
    pub new_code: CouponCode,
    pub email_requested: bool,
    /// SHA-256 of the idempotency token that asked for it, in hex.
    pub token_hash: String,
}

/// A business no: facts, no prose. The wording is in one place, in the web layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    CustomerPurged {
        at: DateTime<Utc>,
    },
    CustomerBlocked(Blocked),
    NonBatchReward(RewardProvider),
    AlreadyReissued(EarlierReissue),
    NoCouponYet,
    StillHasCapacity(Capacity),
    BatchEmpty(Shortage),
    /// The box was ticked for a customer whose e-mails are off.
    EmailsOff,
}

/// What a reissue would do: which coupon goes, from which batch the next one comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reissuable<'a> {
    pub old: &'a Coupon,
    pub batch: &'a Batch,
}

/// Whether the reward may be reissued at `now`. The first check that fails is the reason that
/// people see, so their order matters.
pub fn check_reissue(file: &RewardFile, now: DateTime<Utc>) -> Result<Reissuable<'_>, Refusal> {
    if let Some(at) = file.customer.purged_at {
        return Err(Refusal::CustomerPurged { at });
    }
    if let Some(blocked) = &file.customer.blocked {
        return Err(Refusal::CustomerBlocked(blocked.clone()));
    }
    if let Fulfilment::External(provider) = file.reward.fulfilment {
        return Err(Refusal::NonBatchReward(provider));
    }
    if let Some(earlier) = &file.reissued {
        return Err(Refusal::AlreadyReissued(earlier.clone()));
    }
    let (Some(old), Some((batch, left))) = (&file.coupon, &file.batch) else {
        return Err(Refusal::NoCouponYet);
    };
    if let Some(capacity) = old.capacity(now) {
        return Err(Refusal::StillHasCapacity(capacity));
    }
    match left {
        StockLeft::Usable(_) => Ok(Reissuable { old, batch }),
        StockLeft::Short(shortage) => Err(Refusal::BatchEmpty(*shortage)),
    }
}

/// Whether the fulfilment e-mail may be asked for: a tick for a customer with e-mails off is
/// refused, nothing is done.
pub fn check_email(file: &RewardFile, requested: bool) -> Result<(), Refusal> {
    if requested && !file.customer.receives_emails { Err(Refusal::EmailsOff) } else { Ok(()) }
}

#[cfg(test)]
#[path = "reissue_tests.rs"]
mod tests;
