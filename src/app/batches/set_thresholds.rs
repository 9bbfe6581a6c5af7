//! The thresholds of one batch's stock: at how many codes it is critical, and how many are kept for
//! reissues. A threshold warns; it refuses nothing.

use crate::{
    app::{Desk, Error, InvalidForm, Member},
    db::{WriteTx, audit, batches, memberships},
    domain::{
        Invalid,
        audit::{Action, Actor, NewRecord},
        ids::{AuditId, BatchId},
        role::Permission,
    },
};

/// The thresholds as they were typed. An empty threshold is the merchant's, an empty reserve is
/// none.
#[derive(Debug, Clone)]
pub struct SetThresholds {
    pub batch: BatchId,
    pub threshold: String,
    pub reserve: String,
}

/// The highest threshold that can be set, and as people read it.
pub const MOST_CODES: (i64, &str) = (1_000_000_000, "1,000,000,000");

/// A whole number up to `most`, with or without groups of three; `None` when nothing was typed.
pub fn whole_number(text: &str, (most, in_words): (i64, &str)) -> Result<Option<i64>, Invalid> {
    let digits: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, ',' | '.' | '\'' | '\u{202f}'))
        .collect();
    if digits.is_empty() {
        return Ok(None);
    }
    match digits.parse::<i64>() {
        Ok(n) if (0..=most).contains(&n) => Ok(Some(n)),
        _ => Err(Invalid::because(format!("enter a whole number from 0 to {in_words}"))),
    }
}

/// Sets the batch's thresholds; answers the record of it. `None`: it had these already.
///
/// Errors: [`Error::NotFound`] outside the member's merchant, [`Error::NotAllowed`] when the
/// member's right is gone, [`Error::Invalid`] for what can't be taken.
pub fn set_thresholds(
    desk: &Desk,
    member: &Member,
    command: &SetThresholds,
) -> Result<Option<AuditId>, Error> {
    match (whole_number(&command.threshold, MOST_CODES), whole_number(&command.reserve, MOST_CODES))
    {
        (Ok(threshold), Ok(reserve)) => desk
            .db
            .write(|tx| draw_in(tx, desk, member, command.batch, threshold, reserve.unwrap_or(0))),
        (threshold, reserve) => {
            Err(InvalidForm::of([("threshold", threshold.err()), ("reserve", reserve.err())])
                .into())
        }
    }
}

fn draw_in(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    member: &Member,
    id: BatchId,
    threshold: Option<i64>,
    reserve: i64,
) -> Result<Option<AuditId>, Error> {
    let allowed = memberships::lock_role(tx, member.scope, member.user)?
        .filter(|role| role.may(Permission::ManageBatches));
    allowed.ok_or(Error::NotAllowed)?;
    let old = batches::lock_validity(tx, member.scope, id)?.ok_or(Error::NotFound)?;
    if (old.threshold, old.reserve) == (threshold, reserve) {
        return Ok(None);
    }
    batches::set_lines(tx, member.scope, id, threshold, reserve)?;
    let mut record = NewRecord::new(
        Some(member.scope.merchant()),
        Action::BatchThresholdsSet,
        Actor::User(member.user),
    )
    .detail("batch", old.name.as_str())
    .detail("old_reserve", old.reserve)
    .detail("reserve", reserve);
    for (key, line) in [("old_threshold", old.threshold), ("threshold", threshold)] {
        if let Some(line) = line {
            record = record.detail(key, line);
        }
    }
    record.batch = Some(id);
    record.request_id = Some(member.request_id.clone());
    Ok(Some(audit::append(tx, &record, desk.clock.now())?))
}
