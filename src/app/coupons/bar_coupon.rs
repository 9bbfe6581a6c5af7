//! Bars a coupon, so that it can't be used, and takes the bar away again; each with a reason and
//! its record in one transaction.

use super::{
    coupon_acts::{self, is_double_click, on_coupon, reason_of, record_of, typed},
    coupon_history,
};
use crate::{
    app::{Desk, Error, Member},
    db::{self, WriteTx, audit, coupon_files::CouponFile},
    domain::{
        audit::Action,
        coupon_acts::{ActRefusal, CouponAct, check_act},
        ids::{AuditId, CouponId},
        zone,
    },
};

/// Bars the coupon for that reason.
///
/// Errors: [`Error::NotFound`] outside the member's merchant, [`Error::NotAllowed`] when the
/// member's right is gone, [`Error::Refused`] by the rule, [`Error::Invalid`] without a reason.
/// The same form sent twice has the same answer.
pub fn bar_coupon(
    desk: &Desk,
    member: &Member,
    id: CouponId,
    reason: &str,
) -> Result<AuditId, Error> {
    on_coupon(desk, member, id, |tx, file, now| {
        if let Err(refusal) = check_act(CouponAct::Bar, &file.coupon) {
            let same = matches!(&refusal, ActRefusal::AlreadyBarred(barred)
                if file.barred_by == Some(member.user) && is_double_click(barred.at, now) && barred.reason == reason.trim());
            let first =
                if same { own_record(tx, desk, member, file, Action::CouponBarred)? } else { None };
            return first.ok_or_else(|| refusal.into());
        }
        let reason = reason_of(reason)?;
        fail::fail_point!("coupon_acts::checked");
        db::coupon_acts::bar(tx, member.scope, id, member.user, reason.as_str(), now)?;
        let record = record_of(member, file, Action::CouponBarred)
            .detail("reason", typed(tx, desk, member, file, "reason", reason.as_str())?);
        Ok(audit::append(tx, &record, now)?)
    })
}

/// Takes the bar away for that reason. Who had barred it, when and why go into the record: the
/// coupon forgets them.
///
/// Errors: as [`bar_coupon`].
pub fn unbar_coupon(
    desk: &Desk,
    member: &Member,
    id: CouponId,
    reason: &str,
) -> Result<AuditId, Error> {
    on_coupon(desk, member, id, |tx, file, now| {
        if let Err(refusal) = check_act(CouponAct::Unbar, &file.coupon) {
            if refusal != ActRefusal::NotBarred(None) {
                return Err(refusal.into());
            }
            return match coupon_acts::last_unbarred(tx, desk, member, file)? {
                Some((record, last))
                    if last.by == member.user
                        && is_double_click(last.at, now)
                        && last.reason == reason.trim() =>
                {
                    Ok(record)
                }
                last => Err(ActRefusal::NotBarred(last.map(|(_, last)| last)).into()),
            };
        }
        let reason = reason_of(reason)?;
        fail::fail_point!("coupon_acts::checked");
        db::coupon_acts::unbar(tx, member.scope, id, now)?;
        let given = typed(tx, desk, member, file, "reason", reason.as_str())?;
        let mut record = record_of(member, file, Action::CouponUnbarred).detail("reason", given);
        if let Some(barred) = &file.coupon.barred {
            let given = typed(tx, desk, member, file, "barred_reason", &barred.reason)?;
            record =
                record.detail("barred_at", zone::rfc3339(barred.at)).detail("barred_reason", given);
        }
        if let Some(user) = file.barred_by {
            record = record.detail("barred_by", user.0);
        }
        Ok(audit::append(tx, &record, now)?)
    })
}

/// The newest record of `action` on the coupon.
fn own_record(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    member: &Member,
    file: &CouponFile,
    action: Action,
) -> Result<Option<AuditId>, Error> {
    let history = coupon_history::list(tx, desk, member, file)?;
    Ok(history.iter().find(|record| record.action == action.as_str()).map(|record| record.id))
}
