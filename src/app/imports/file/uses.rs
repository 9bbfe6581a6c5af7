//! Which rows are uses that are new, decided in memory: by what is stored of the coupons, and what
//! the rows before have made of it. The preview and the import both decide here.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::rows::ParsedRedemption;
use crate::{
    db::imports::{
        codes::{CouponsByCode, KnownCoupon},
        redemptions::Use,
    },
    domain::{
        coupon::CouponState,
        coupon_list::Disagreement,
        ids::CouponId,
        redemption::{UseIdentity, is_before_hand_out},
    },
};

/// What is known of the coupons that rows name. Rows of one code, in any spelling, must follow each
/// other.
#[derive(Debug, Default)]
pub struct Uses {
    coupons: CouponsByCode,
    recorded: HashSet<(CouponId, UseIdentity)>,
    /// How many uses of each coupon are recorded with their details.
    counts: HashMap<CouponId, i64>,
    replaced: HashMap<CouponId, DateTime<Utc>>,
    handed_out: HashMap<CouponId, DateTime<Utc>>,
}

/// What is stored of uses and their coupons.
#[derive(Debug, Default)]
pub struct StoredUses {
    pub recorded: Vec<Use>,
    pub counts: HashMap<CouponId, i64>,
    pub replaced: HashMap<CouponId, DateTime<Utc>>,
    pub handed_out: HashMap<CouponId, DateTime<Utc>>,
}

/// What is to become of a row.
#[derive(Debug, PartialEq, Eq)]
pub struct UseVerdict {
    pub fate: UseFate,
    /// What the shop and the desk disagree on, with the coupon where the code has one.
    pub disagreement: Option<(Disagreement, Option<CouponId>)>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum UseFate {
    /// To be recorded; `counts` when the coupon has one use fewer for it.
    New {
        one: Use,
        counts: bool,
    },
    Unchanged,
    NoSuchCode,
    /// This many uses are gone, of this many.
    Full(i64, i64),
}

impl Uses {
    /// Goes on to rows that name these coupons; `letters` are those of the first row's code, which
    /// the rows before may have named too.
    pub fn go_on(&mut self, letters: &str, found: CouponsByCode) {
        let Self { coupons, recorded, counts, replaced, handed_out } = self;
        coupons.keep(letters);
        recorded.retain(|(coupon, _)| coupons.holds(*coupon));
        counts.retain(|coupon, _| coupons.holds(*coupon));
        replaced.retain(|coupon, _| coupons.holds(*coupon));
        handed_out.retain(|coupon, _| coupons.holds(*coupon));
        coupons.learn(found);
    }

    /// Takes in what is stored of these coupons and of uses of theirs.
    pub fn learn(&mut self, stored: StoredUses) {
        self.recorded.extend(stored.recorded.iter().map(Use::identity));
        self.counts.extend(stored.counts);
        self.replaced.extend(stored.replaced);
        self.handed_out.extend(stored.handed_out);
    }

    /// Whether it is known how many uses of the coupon are recorded, those of the rows before among
    /// them: to be learnt once only.
    pub fn has_counted(&self, coupon: CouponId) -> bool {
        self.counts.contains_key(&coupon)
    }

    /// The coupon that a row names.
    pub fn named_by(&self, row: &ParsedRedemption) -> Option<&KnownCoupon> {
        self.coupons.find(&row.code, None)
    }

    /// Decides on the next row, and goes on as if that were done already.
    pub fn judge(&mut self, row: &ParsedRedemption) -> UseVerdict {
        let found = self.named_by(row).map(|known| known.id);
        let Some(known) = found.and_then(|id| self.coupons.get_mut(id)) else {
            return UseVerdict {
                fate: UseFate::NoSuchCode,
                disagreement: Some((Disagreement::Unknown, None)),
            };
        };
        let one = use_of(known, row);
        let (replaced, handed_out) =
            (self.replaced.get(&one.coupon), self.handed_out.get(&one.coupon));
        let disagreement =
            disagreement(known, replaced, handed_out, &one).map(|kind| (kind, Some(one.coupon)));
        if self.recorded.contains(&one.identity()) {
            // What Mark as used has recorded was compared with nothing yet.
            return UseVerdict { fate: UseFate::Unchanged, disagreement };
        }
        let count = self.counts.entry(one.coupon).or_default();
        // A count that came with the vouchers file covers rows from before that file; a later
        // row is a use of its own.
        let untold = known.redemptions > 0 && *count < known.redemptions;
        let told_of = untold && one.at < known.imported_at;
        let has_room = known.redemptions < known.max_redemptions;
        let counts = !told_of && has_room;
        if !counts && !untold {
            return UseVerdict {
                fate: UseFate::Full(known.redemptions, known.max_redemptions),
                disagreement,
            };
        }
        known.redemptions += i64::from(counts);
        *count += 1;
        self.recorded.insert(one.identity());
        UseVerdict { fate: UseFate::New { one, counts }, disagreement }
    }
}

/// The use of that coupon that a row tells.
pub fn use_of(known: &KnownCoupon, row: &ParsedRedemption) -> Use {
    Use { coupon: known.id, at: row.redeemed_at, order: row.order.clone() }
}

/// Judged at the time of the use: a code that leaked while it was in stock is no better for having
/// been handed out since.
fn disagreement(
    known: &KnownCoupon,
    replaced: Option<&DateTime<Utc>>,
    handed_out: Option<&DateTime<Utc>>,
    one: &Use,
) -> Option<Disagreement> {
    if known.reward.is_none() || handed_out.is_some_and(|at| is_before_hand_out(one.at, *at)) {
        return Some(Disagreement::NotIssued);
    }
    let after = known.state == CouponState::Replaced && replaced.is_some_and(|at| one.at > *at);
    after.then_some(Disagreement::Replaced)
}
