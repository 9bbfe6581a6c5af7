//! What the audit log says of one coupon, newest first.

use crate::{
    app::{Desk, Error, Member, customers::private_details},
    db::{
        DbConn, audit,
        audit_log::{self, Direction},
        coupon_files::CouponFile,
    },
    domain::{
        audit::{Action, AuditRecord, ShownActor},
        audit_filter::AuditFilter,
        coupon_acts::Unbarred,
        ids::{AuditId, CouponId},
    },
};

/// The detail that names the coupon in the records of acts on it.
pub(in crate::app) const COUPON: &str = "coupon";

/// More records than acts on one coupon ever leave.
const MAX_EVENTS: usize = 1000;

/// The records of acts on the coupon, and of the reissue that it took part in.
pub(in crate::app) fn list(
    conn: &mut DbConn,
    desk: &Desk,
    member: &Member,
    file: &CouponFile,
) -> Result<Vec<AuditRecord>, Error> {
    if file.changed_at.is_none() {
        return Ok(vec![]);
    }
    let filter = AuditFilter { coupon: Some(file.coupon.id), ..AuditFilter::default() };
    let places = audit_log::places(conn, member.scope, &filter, Direction::Back(None), MAX_EVENTS)?;
    let mut records = private_details::at(conn, desk, member.scope, &places)?;
    records.retain(|record| is_of(record, file));
    Ok(records)
}

fn is_of(record: &AuditRecord, file: &CouponFile) -> bool {
    let reissued = record.action == Action::CouponReissued.as_str()
        && ["old_code", "new_code"]
            .into_iter()
            .any(|key| record.text(key) == Some(file.coupon.code.as_str()));
    reissued || record.number(COUPON) == Some(file.coupon.id.0)
}

/// The unbar that a record tells of, if it does.
pub(in crate::app) fn unbarred(record: &AuditRecord) -> Option<Unbarred> {
    match &record.actor {
        ShownActor::User { id, name, .. } if record.action == Action::CouponUnbarred.as_str() => {
            Some(Unbarred {
                at: record.at,
                by: *id,
                by_name: name.clone(),
                reason: record.text("reason").unwrap_or_default().to_owned(),
            })
        }
        _ => None,
    }
}

/// The record of what this member has just done to this coupon, if it is one.
pub fn own_act(
    desk: &Desk,
    member: &Member,
    coupon: CouponId,
    record: AuditId,
) -> Result<Option<AuditRecord>, Error> {
    let found = desk
        .db
        .read(|conn| {
            audit::list(conn, Some(member.scope), None, audit::Slice::After(record.0 - 1), 1)
        })?
        .pop();
    Ok(found.map(|exported| exported.record).filter(|found| {
        let mine = matches!(found.actor, ShownActor::User { id, .. } if id == member.user);
        found.id == record && mine && found.number(COUPON) == Some(coupon.0)
    }))
}
