//! The rule as a table: every refusal, and which one wins when several hold.

use chrono::TimeDelta;

use super::*;
use crate::domain::{
    batch::Window,
    coupon::{Barred, CouponState},
    email::EmailAddress,
    ids::{BatchId, CouponId, CustomerNo, RewardNo},
    reward::RewardKind,
};

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

fn shortage() -> Shortage {
    Shortage::default()
}

/// A reward whose coupon expired an hour ago, with stock behind it: reissuable.
fn file() -> RewardFile {
    let window = Window { from: None, until: Some(now() - TimeDelta::hours(1)) };
    RewardFile {
        customer: Customer {
            no: CustomerNo(1),
            email: Some(EmailAddress::stored("jo@customer.example".into())),
            customer_id: None,
            first_name: None,
            last_name: None,
            locale: None,
            receives_emails: true,
            blocked: None,
            purged_at: None,
            purged_by: None,
            created_at: now(),
        },
        reward: Reward {
            no: RewardNo(1),
            customer: CustomerNo(1),
            reward_id: "R-1".into(),
            kind: RewardKind::Referrer,
            title: "20 off".into(),
            fulfilment: Fulfilment::Batch(BatchId(1)),
            issued_at: now(),
        },
        batch: Some((
            Batch {
                id: BatchId(1),
                name: "Spring".into(),
                window: Window { from: None, until: None },
                uses_per_code: 1,
                case_sensitive: false,
                threshold: None,
                reserve: 0,
                created_at: now(),
            },
            StockLeft::Usable(1),
        )),
        coupon: Some(Coupon {
            id: CouponId(1),
            batch: BatchId(1),
            code: CouponCode::stored("OLD-1".into()),
            pin: None,
            window,
            redemptions: 0,
            max_redemptions: 1,
            barred: None,
            first_redemption: None,
            last_redemption: None,
            handed_out_at: None,
            repeats: 0,
            state: CouponState::Allocated,
        }),
        reissued: None,
    }
}

fn earlier() -> EarlierReissue {
    EarlierReissue {
        id: ReissueId(1),
        at: now(),
        by: UserId(1),
        by_name: "Ann".into(),
        old_code: CouponCode::stored("OLD-1".into()),
        new_code: CouponCode::stored("NEW-1".into()),
        email_requested: false,
        token_hash: String::new(),
    }
}

fn blocked() -> Blocked {
    Blocked { at: now(), by: None, reason: None }
}

fn unexpired(file: &mut RewardFile) -> &mut Coupon {
    let coupon = file.coupon.as_mut().unwrap_or_else(|| panic!("the sample has a coupon"));
    coupon.window.until = None;
    coupon
}

type Break = fn(&mut RewardFile);

/// Each condition in the order of the checks.
const CONDITIONS: [(&str, Break); 7] = [
    ("purged", |f| f.customer.purged_at = Some(now())),
    ("blocked", |f| f.customer.blocked = Some(blocked())),
    ("non-batch", |f| f.reward.fulfilment = Fulfilment::External(RewardProvider::Runa)),
    ("already", |f| f.reissued = Some(earlier())),
    ("no coupon", |f| f.coupon = None),
    ("capacity", |f| {
        if f.coupon.is_some() {
            unexpired(f);
        }
    }),
    ("empty", |f| {
        if let Some((_, left)) = &mut f.batch {
            *left = StockLeft::Short(shortage());
        }
    }),
];

fn name(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::CustomerPurged { .. } => "purged",
        Refusal::CustomerBlocked(_) => "blocked",
        Refusal::NonBatchReward(_) => "non-batch",
        Refusal::AlreadyReissued(_) => "already",
        Refusal::NoCouponYet => "no coupon",
        Refusal::StillHasCapacity(_) => "capacity",
        Refusal::BatchEmpty(_) => "empty",
        Refusal::EmailsOff => "emails off",
    }
}

#[test]
fn a_reward_with_a_spent_coupon_and_stock_may_be_reissued() {
    assert!(check_reissue(&file(), now()).is_ok());
}

#[test]
fn of_conditions_that_hold_together_the_first_is_said() {
    for held in 1..(1_u32 << CONDITIONS.len()) {
        let mut file = file();
        let mut first = None;
        for (i, (label, break_it)) in CONDITIONS.iter().enumerate() {
            if held & (1 << i) != 0 {
                break_it(&mut file);
                first = first.or(Some(*label));
            }
        }
        assert_eq!(
            check_reissue(&file, now()).err().as_ref().map(name),
            first,
            "conditions {held:b}"
        );
    }
}

#[test]
fn barred_expired_or_fully_redeemed_each_take_the_capacity_away() {
    let barred = |f: &mut RewardFile| {
        unexpired(f).barred = Some(Barred { at: now(), by: None, reason: "leaked".into() });
    };
    let redeemed = |f: &mut RewardFile| unexpired(f).redemptions = 1;
    for break_it in [barred, redeemed] {
        let mut file = file();
        break_it(&mut file);
        assert!(check_reissue(&file, now()).is_ok());
    }
}

#[test]
fn capacity_ends_at_the_very_instant_of_expiry() {
    let mut file = file();
    let end = now();
    unexpired(&mut file).window.until = Some(end);
    let may = |at| check_reissue(&file, at).is_ok();
    assert_eq!([-1, 0, 1].map(|s| may(end + TimeDelta::seconds(s))), [false, true, true]);
}

#[test]
fn a_coupon_that_has_not_started_still_has_capacity() {
    let mut file = file();
    let coupon = unexpired(&mut file);
    coupon.window.from = Some(now() + TimeDelta::days(1));
    coupon.max_redemptions = 5;
    coupon.redemptions = 2;
    match check_reissue(&file, now()) {
        Err(Refusal::StillHasCapacity(c)) => assert_eq!((c.uses_left, c.uses_allowed), (3, 5)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_use_that_was_perhaps_counted_twice_is_capacity() {
    let mut file = file();
    let coupon = unexpired(&mut file);
    (coupon.max_redemptions, coupon.redemptions, coupon.repeats) = (2, 2, 1);
    match check_reissue(&file, now()) {
        Err(Refusal::StillHasCapacity(c)) => assert_eq!((c.uses_left, c.uses_allowed), (1, 2)),
        other => panic!("{other:?}"),
    }
    unexpired(&mut file).repeats = 0;
    assert!(check_reissue(&file, now()).is_ok());
}

#[test]
fn a_tick_for_a_customer_with_e_mails_off_is_refused() {
    let mut file = file();
    assert_eq!(check_email(&file, true), Ok(()));
    file.customer.receives_emails = false;
    assert_eq!(check_email(&file, true), Err(Refusal::EmailsOff));
    assert_eq!(check_email(&file, false), Ok(()));
}
