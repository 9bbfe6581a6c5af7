//! What bar, unbar and mark as used have in common: the locks in their order, the record, and what
//! came of it.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    coupon_history,
    show_coupon::{self, ShownCoupon},
};
use crate::{
    app::{Desk, Error, InvalidForm, Member, customers::private_details},
    db::{
        self, WriteTx,
        coupon_acts::{self, LockedCoupon},
        coupon_files::CouponFile,
        memberships,
    },
    domain::{
        Invalid,
        audit::{Action, Actor, Detail, NewRecord},
        coupon_acts::{ActRefusal, CouponAct, Unbarred, check_act},
        ids::{AuditId, CouponId},
        note::Note,
        role::Permission,
    },
};

/// Two requests of one user within this time that ask for the same are one double click.
const DOUBLE_CLICK: TimeDelta = TimeDelta::seconds(10);

/// What the dialog shows before anything is done.
#[derive(Debug, Clone)]
pub struct PreparedCouponAct {
    pub act: CouponAct,
    pub shown: ShownCoupon,
}

/// The dialog: the same rule as the guard. Stores nothing. The refusal comes beside it.
///
/// Errors: [`Error::NotFound`] outside the member's merchant.
pub fn prepare_act(
    desk: &Desk,
    member: &Member,
    id: CouponId,
    act: CouponAct,
) -> Result<(PreparedCouponAct, Option<ActRefusal>), Error> {
    let shown = show_coupon::show_coupon(desk, member, id)?;
    let refusal = check_act(act, &shown.file.coupon).err();
    let refusal = match refusal {
        Some(ActRefusal::NotBarred(_)) => {
            Some(ActRefusal::NotBarred(shown.history.iter().find_map(coupon_history::unbarred)))
        }
        other => other,
    };
    Ok((PreparedCouponAct { act, shown }, refusal))
}

/// Runs `work` on the coupon in one write transaction: role, reward and coupon locked in this
/// order. Answers the record of what was done.
pub(in crate::app) fn on_coupon(
    desk: &Desk,
    member: &Member,
    id: CouponId,
    work: impl Fn(&mut WriteTx<'_>, &CouponFile, DateTime<Utc>) -> Result<AuditId, Error>,
) -> Result<AuditId, Error> {
    // A coupon is handed out once in its life: the second try finds it where it will stay.
    for _ in 0..2 {
        let acted = desk.db.write(|tx| {
            memberships::lock_role(tx, member.scope, member.user)?
                .filter(|role| role.may(Permission::BarCoupons))
                .ok_or(Error::NotAllowed)?;
            match coupon_acts::lock(tx, member.scope, id)?.ok_or(Error::NotFound)? {
                LockedCoupon::HandedOut => Ok(None),
                // The clock is read after the locks: what counts is the moment of the decision, not
                // of the click.
                LockedCoupon::Held(file) => work(tx, &file, desk.clock.now()).map(Some),
            }
        })?;
        if let Some(acted) = acted {
            return Ok(acted);
        }
    }
    Err(db::Error::overtaken("the coupon changed hands twice").into())
}

/// The reason that was typed: there must be one.
pub(in crate::app) fn reason_of(text: &str) -> Result<Note, InvalidForm> {
    let reason = Note::parse(text).and_then(|note| {
        note.ok_or_else(|| {
            Invalid::because(
                "enter a reason; the next person who looks at this will \
                                           need it",
            )
        })
    });
    reason.map_err(|why| InvalidForm::at("reason", why))
}

/// Whether something that happened at `at` may be the same click as now.
pub(in crate::app) fn is_double_click(at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - at <= DOUBLE_CLICK
}

/// The last unbar, when the newest of bar and unbar is one.
pub(in crate::app) fn last_unbarred(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    member: &Member,
    file: &CouponFile,
) -> Result<Option<(AuditId, Unbarred)>, Error> {
    let history = coupon_history::list(tx, desk, member, file)?;
    Ok(history.iter().find_map(|record| Some((record.id, coupon_history::unbarred(record)?))))
}

/// What somebody typed, as the record's detail of that name: where the coupon is a customer's, it
/// may tell of them.
pub(in crate::app) fn typed(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    member: &Member,
    file: &CouponFile,
    name: &str,
    text: &str,
) -> Result<Detail, Error> {
    match &file.reward {
        Some(handed_to) => {
            private_details::seal(tx, desk, member.scope.merchant(), handed_to.customer, name, text)
        }
        None => Ok(text.into()),
    }
}

/// The record of an act on the coupon, with the customer and the reward that it belongs to.
pub(in crate::app) fn record_of(member: &Member, file: &CouponFile, action: Action) -> NewRecord {
    let mut record =
        NewRecord::new(Some(member.scope.merchant()), action, Actor::User(member.user))
            .detail(coupon_history::COUPON, file.coupon.id.0)
            .detail("code", file.coupon.code.as_str())
            .detail("batch", file.batch_name.as_str());
    record.batch = Some(file.coupon.batch);
    record.request_id = Some(member.request_id.clone());
    if let Some(handed_to) = &file.reward {
        record.customer = Some(handed_to.customer);
        record.reward = Some(handed_to.no);
        record = record.detail("reward_id", handed_to.reward_id.as_str());
    }
    record
}
