//! Counts one use of a coupon that the shop knows of and the desk does not.

use chrono::{DateTime, Utc};

use super::{
    coupon_acts::{is_double_click, on_coupon, record_of},
    coupon_history,
};
use crate::{
    app::{Desk, Error, InvalidForm, Member},
    db::{
        self, WriteTx, audit,
        coupon_files::CouponFile,
        imports::redemptions::{self, Use},
    },
    domain::{
        Invalid,
        audit::{Action, AuditRecord, ShownActor},
        coupon::Redemption,
        coupon_acts::{ActRefusal, CouponAct, check_act},
        ids::{AuditId, CouponId},
        note::Note,
        redemption::{self, OrderNumber},
        zone,
    },
};

/// The use as it was typed.
#[derive(Debug, Clone)]
pub struct MarkUsed {
    pub coupon: CouponId,
    /// The shop's order; may be empty.
    pub order: String,
    /// The wall clock's time in the merchant's zone, or a time with offset; empty is now.
    pub at: String,
    /// How many uses were gone when the form was opened: one form counts one use, however often it
    /// is sent.
    pub gone: Option<i64>,
}

/// Counts one use.
///
/// Errors: [`Error::NotFound`] outside the member's merchant, [`Error::NotAllowed`] when the
/// member's right is gone, [`Error::Refused`] by the rule, [`Error::Invalid`] for what can't be
/// taken. The same form sent twice has the same answer.
pub fn mark_used(desk: &Desk, member: &Member, command: &MarkUsed) -> Result<AuditId, Error> {
    on_coupon(desk, member, command.coupon, |tx, file, now| {
        mark_in(tx, desk, member, file, command, now)
    })
}

fn mark_in(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    member: &Member,
    file: &CouponFile,
    command: &MarkUsed,
    now: DateTime<Utc>,
) -> Result<AuditId, Error> {
    let coupon = &file.coupon;
    if let Some(first) = first_answer(tx, desk, member, file, command, now)? {
        return Ok(first.id);
    }
    let typed = parse(member, command, now);
    // Before the other rules: who reports an order a second time needs to know of the first, not of
    // what is left.
    if let Ok(one) = &typed
        && let Some(first) =
            redemptions::find_recorded(tx, member.scope, std::slice::from_ref(one))?.pop()
    {
        let order_id = first.order.map(|order| order.as_str().to_owned());
        return Err(ActRefusal::SameUse(Redemption { at: first.at, order_id }).into());
    }
    check_act(CouponAct::MarkUsed, coupon)?;
    if command.gone.is_some_and(|gone| gone != coupon.redemptions) {
        return Err(ActRefusal::UsedMeanwhile {
            gone: coupon.redemptions,
            allowed: coupon.max_redemptions,
        }
        .into());
    }
    let one = typed?;
    fail::fail_point!("coupon_acts::checked");
    if !redemptions::count_uses(tx, member.scope, &[(coupon.id, 1)], now)? {
        return Err(db::Error::overtaken("the coupon changed under its lock").into());
    }
    redemptions::insert(tx, member.scope, std::slice::from_ref(&one), now)?;
    let mut record = record_of(member, file, Action::CouponMarkedUsed)
        .detail("redeemed_at", zone::rfc3339(one.at))
        .detail("uses_gone", coupon.redemptions + 1)
        .detail("uses_allowed", coupon.max_redemptions);
    if let Some(order) = &one.order {
        record = record.detail("order_id", order.as_str());
    }
    Ok(audit::append(tx, &record, now)?)
}

fn parse(member: &Member, command: &MarkUsed, now: DateTime<Utc>) -> Result<Use, InvalidForm> {
    let order = Note::parse(&command.order);
    match (order, moment(member, &command.at, now)) {
        (Ok(order), Ok(at)) => Ok(Use {
            coupon: command.coupon,
            at,
            order: order.and_then(|order| OrderNumber::of(order.as_str())),
        }),
        (order, at) => Err(InvalidForm::of([("order_id", order.err()), ("redeemed_at", at.err())])),
    }
}

fn moment(member: &Member, text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, Invalid> {
    let zone = member.merchant.zone;
    if text.trim().is_empty() {
        return Ok(now);
    }
    let at = zone::parse_clock(text, zone, now)?;
    redemption::check_used_at(at, now, zone)?;
    // Fields know no seconds: this very minute is now.
    Ok(if zone::on_the_clock(at, zone) == zone::on_the_clock(now, zone) { now } else { at })
}

/// The record of the same form, sent a moment ago by the same user.
fn first_answer(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    member: &Member,
    file: &CouponFile,
    command: &MarkUsed,
    now: DateTime<Utc>,
) -> Result<Option<AuditRecord>, Error> {
    let Some(gone) = command.gone.filter(|gone| *gone < file.coupon.redemptions) else {
        return Ok(None);
    };
    let same = |record: &AuditRecord| {
        let mine = matches!(record.actor, ShownActor::User { id, .. } if id == member.user);
        record.action == Action::CouponMarkedUsed.as_str()
            && mine
            && is_double_click(record.at, now)
            && record.number("uses_gone") == Some(gone + 1)
            && record.text("order_id").and_then(OrderNumber::of) == OrderNumber::of(&command.order)
    };
    Ok(coupon_history::list(tx, desk, member, file)?.into_iter().find(same))
}
