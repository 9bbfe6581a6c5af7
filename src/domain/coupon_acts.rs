//! The rules of barring a coupon, unbarring it and marking it as used. Pure: no database, no clock,
//! no prose. The menus, the dialogs and the guard inside the transaction all ask here.

use chrono::{DateTime, Utc};

use super::{
    coupon::{Barred, Coupon, CouponState, Redemption},
    ids::UserId,
};

/// What can be done to one coupon by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CouponAct {
    Bar,
    Unbar,
    MarkUsed,
}

/// Why it was not done: facts, no prose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActRefusal {
    /// Taken out of stock for good; nobody will ever have it.
    Withdrawn,
    AlreadyBarred(Barred),
    /// Not barred, and who unbarred it, if anybody ever did.
    NotBarred(Option<Unbarred>),
    NoUsesLeft {
        allowed: i64,
        last: Option<Redemption>,
    },
    /// Somebody counted a use since the form was opened.
    UsedMeanwhile {
        gone: i64,
        allowed: i64,
    },
    /// The very same use is recorded already: the first report of it.
    SameUse(Redemption),
    /// Its customer has another code: unbarred, both would work.
    Replaced,
}

/// An unbar that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unbarred {
    pub at: DateTime<Utc>,
    pub by: UserId,
    pub by_name: String,
    pub reason: String,
}

/// Whether `act` may be done to the coupon as it is.
pub fn check_act(act: CouponAct, coupon: &Coupon) -> Result<(), ActRefusal> {
    if coupon.state == CouponState::Withdrawn {
        return Err(ActRefusal::Withdrawn);
    }
    match (act, &coupon.barred) {
        (CouponAct::Bar, Some(barred)) => Err(ActRefusal::AlreadyBarred(barred.clone())),
        (CouponAct::Unbar, None) => Err(ActRefusal::NotBarred(None)),
        (CouponAct::Unbar, Some(_)) if coupon.state == CouponState::Replaced => {
            Err(ActRefusal::Replaced)
        }
        // A barred or expired code may have been used before that: only the uses count.
        (CouponAct::MarkUsed, _) if coupon.is_fully_redeemed() => Err(ActRefusal::NoUsesLeft {
            allowed: coupon.max_redemptions,
            last: coupon.last_redemption.clone(),
        }),
        _ => Ok(()),
    }
}

/// What may be done to the coupon as it is, in the order of menus.
pub fn acts_on(coupon: &Coupon) -> Vec<CouponAct> {
    [CouponAct::Bar, CouponAct::Unbar, CouponAct::MarkUsed]
        .into_iter()
        .filter(|act| check_act(*act, coupon).is_ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        batch::Window,
        code::CouponCode,
        ids::{BatchId, CouponId},
    };

    fn coupon(state: CouponState, is_barred: bool, redemptions: i64) -> Coupon {
        let at = DateTime::<Utc>::UNIX_EPOCH;
        Coupon {
            id: CouponId(1),
            batch: BatchId(1),
            code: CouponCode::stored("ABC-1".into()),
            pin: None,
            window: Window { from: None, until: Some(at) },
            redemptions,
            max_redemptions: 2,
            barred: is_barred.then(|| Barred { at, by: None, reason: "leaked".into() }),
            first_redemption: None,
            last_redemption: None,
            handed_out_at: None,
            repeats: 0,
            state,
        }
    }

    #[test]
    fn one_may_bar_what_is_not_barred_and_unbar_what_is() {
        use CouponAct::{Bar, MarkUsed, Unbar};
        for state in [CouponState::Available, CouponState::Allocated] {
            assert_eq!(acts_on(&coupon(state, false, 1)), [Bar, MarkUsed], "{state:?}");
            assert_eq!(acts_on(&coupon(state, true, 1)), [Unbar, MarkUsed], "{state:?}");
            assert_eq!(acts_on(&coupon(state, true, 2)), [Unbar], "{state:?}: no uses are left");
        }
    }

    #[test]
    fn a_replaced_coupon_is_barred_for_good_and_never_has_capacity() {
        use CouponAct::{Bar, MarkUsed, Unbar};
        assert_eq!(acts_on(&coupon(CouponState::Replaced, false, 1)), [Bar, MarkUsed]);
        assert_eq!(acts_on(&coupon(CouponState::Replaced, true, 1)), [MarkUsed]);
        assert_eq!(
            check_act(Unbar, &coupon(CouponState::Replaced, true, 1)),
            Err(ActRefusal::Replaced)
        );
        // As when its batch is given a later end.
        let long_ago = DateTime::<Utc>::UNIX_EPOCH - chrono::TimeDelta::days(1);
        assert!(coupon(CouponState::Allocated, false, 1).capacity(long_ago).is_some());
        assert_eq!(coupon(CouponState::Replaced, false, 1).capacity(long_ago), None);
    }

    #[test]
    fn nothing_is_done_to_a_withdrawn_coupon() {
        for is_barred in [true, false] {
            assert!(acts_on(&coupon(CouponState::Withdrawn, is_barred, 0)).is_empty());
        }
    }
}
