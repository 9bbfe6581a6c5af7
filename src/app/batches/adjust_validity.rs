//! Gives a voucher batch another validity, for every code in it.

use crate::{
    app::{Desk, Error, Member},
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

/// What is wrong with what was typed, each at its field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InvalidValidity {
    pub from: Option<Invalid>,
    pub until: Option<Invalid>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Adjusted {
    /// Done, and written down in this record.
    Done(AuditId),
    /// It had this validity already.
    Unchanged,
    /// Nothing was done.
    Invalid(InvalidValidity),
}

/// Adjusts the batch's validity. Dates are days in the merchant's zone, or times with an offset.
///
/// Errors: [`Error::NotFound`] outside the member's merchant, [`Error::NotAllowed`] when the
/// member's right is gone.
pub fn adjust_validity(
    desk: &Desk,
    member: &Member,
    command: &AdjustValidity,
) -> Result<Adjusted, Error> {
    let window = match parse(member, command) {
        Ok(window) => window,
        Err(invalid) => return Ok(Adjusted::Invalid(invalid)),
    };
    desk.db.write(|tx| adjust_in(tx, desk, member, command.batch, window))
}

fn parse(member: &Member, command: &AdjustValidity) -> Result<Window, InvalidValidity> {
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
                return Err(InvalidValidity {
                    until: Some(Invalid::because("the end must be after the start")),
                    from: None,
                });
            }
            Ok(window)
        }
        (from, until) => Err(InvalidValidity { from: from.err(), until: until.err() }),
    }
}

fn adjust_in(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    member: &Member,
    id: BatchId,
    window: Window,
) -> Result<Adjusted, Error> {
    let scope = member.scope;
    memberships::lock_role(tx, scope, member.user)?
        .filter(|role| role.may(Permission::ManageBatches))
        .ok_or(Error::NotAllowed)?;
    let old = batches::lock_validity(tx, scope, id)?.ok_or(Error::NotFound)?;
    if old.window == window {
        return Ok(Adjusted::Unchanged);
    }
    batches::set_validity(tx, scope, id, window)?;
    let record = audit::append(tx, &record_of(member, &old, window), desk.clock.now())?;
    fail::fail_point!("validity::before_commit");
    Ok(Adjusted::Done(record))
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
