//! Gives a voucher batch another validity, for every code in it.

use crate::{
    app::{Desk, Error, InvalidForm, Member},
    db::{WriteTx, audit, batches, memberships},
    domain::{
        Invalid,
        audit::{Action, Actor, NewRecord},
        batch::{Batch, Window},
        ids::{AuditId, BatchId},
        role::Permission,
        zone::{self, Bound},
    },
};

/// The validity as it was typed; an empty text leaves that end open.
#[derive(Debug, Clone)]
pub struct AdjustValidity {
    pub batch: BatchId,
    pub from: String,
    pub until: String,
}

/// Adjusts the batch's validity. Dates are days in the merchant's zone, or times with an offset.
/// Answers the record of it; `None`: the batch had this validity already.
///
/// Errors: [`Error::NotFound`] outside the member's merchant, [`Error::NotAllowed`] when the
/// member's right is gone, [`Error::Invalid`] for what can't be taken.
pub fn adjust_validity(
    desk: &Desk,
    member: &Member,
    command: &AdjustValidity,
) -> Result<Option<AuditId>, Error> {
    let window = parse(member, command)?;
    desk.db.write(|tx| adjust_in(tx, desk, member, command.batch, window))
}

fn parse(member: &Member, command: &AdjustValidity) -> Result<Window, InvalidForm> {
    let bound = |text: &str, bound| {
        let text = text.trim();
        (!text.is_empty())
            .then(|| zone::parse_instant(text, member.merchant.zone, bound))
            .transpose()
    };
    match (bound(&command.from, Bound::Start), bound(&command.until, Bound::End)) {
        (Ok(from), Ok(until)) => {
            let window = Window { from, until };
            if window.is_empty() {
                let why = Invalid::because("the end must be after the start");
                return Err(InvalidForm::at("valid_until", why));
            }
            Ok(window)
        }
        (from, until) => {
            Err(InvalidForm::of([("valid_from", from.err()), ("valid_until", until.err())]))
        }
    }
}

fn adjust_in(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    member: &Member,
    id: BatchId,
    window: Window,
) -> Result<Option<AuditId>, Error> {
    let scope = member.scope;
    memberships::lock_role(tx, scope, member.user)?
        .filter(|role| role.may(Permission::ManageBatches))
        .ok_or(Error::NotAllowed)?;
    let old = batches::lock_validity(tx, scope, id)?.ok_or(Error::NotFound)?;
    if old.window == window {
        return Ok(None);
    }
    batches::set_validity(tx, scope, id, window)?;
    let record = audit::append(tx, &record_of(member, &old, window), desk.clock.now())?;
    fail::fail_point!("validity::before_commit");
    Ok(Some(record))
}

/// The record holds both validities; an end that is open is left out.
fn record_of(member: &Member, old: &Batch, new: Window) -> NewRecord {
    let mut record = NewRecord::new(
        Some(member.scope.merchant()),
        Action::BatchValidityAdjusted,
        Actor::User(member.user),
    )
    .detail("batch", old.name.as_str());
    let bounds = [
        ("old_valid_from", old.window.from),
        ("old_valid_until", old.window.until),
        ("valid_from", new.from),
        ("valid_until", new.until),
    ];
    for (key, at) in bounds {
        if let Some(at) = at {
            record = record.detail(key, zone::rfc3339(at));
        }
    }
    record.batch = Some(old.id);
    record.request_id = Some(member.request_id.clone());
    record
}
