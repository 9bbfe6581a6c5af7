//! Takes a batch's codes out of stock for good, those that were never handed out. What was asked
//! for is kept, so that it goes on after a restart; see `jobs::stock_keeper`.

use std::time::{Duration, Instant};

use crate::{
    app::{Desk, Error, Member, imports::SlicePace},
    db::{
        WriteTx, audit, batches, memberships, stock_counts,
        withdrawals::{self, Unfinished},
    },
    domain::{
        Invalid,
        audit::{Action, Actor, NewRecord},
        ids::{AuditId, BatchId},
        note::Note,
        role::Permission,
    },
};

/// How long the one who asks waits for it; what is left then is done in the background.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawn {
    /// It is on record, and nothing of it is handed out any more.
    Now(AuditId),
    /// An earlier withdrawal has all of it, or is at work: mostly a button that was pressed twice.
    Before,
}

/// Withdraws every code of the batch that is in stock now; `shown` is how many the page said there
/// are. From here on none of them is handed out.
///
/// Errors: [`Error::NotFound`] outside the member's merchant, [`Error::NotAllowed`] when the
/// member's right is gone, [`Error::Invalid`] for a missing reason, a stock that was never filled
/// or has been handed out, or one that has grown.
pub fn withdraw_vouchers(
    desk: &Desk,
    member: &Member,
    id: BatchId,
    shown: i64,
    why: &str,
) -> Result<Withdrawn, Error> {
    let why = Note::parse(why)?.ok_or_else(|| {
        Invalid::because("enter a reason; it is shown in the audit log and on the batch's page")
    })?;
    let begun = desk.db.write(|tx| begin(tx, desk, member, id, shown, why.as_str()))?;
    let Some((record, unfinished)) = begun else { return Ok(Withdrawn::Before) };
    // What cannot be done now is done by the stock keeper: it is on record already.
    if let Err(error) = carry_on(desk, unfinished, LOCK_TIMEOUT) {
        tracing::warn!(%error, "a withdrawal goes on in the background");
    }
    Ok(Withdrawn::Now(record))
}

/// `None`: there is nothing left to begin.
fn begin(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    member: &Member,
    id: BatchId,
    shown: i64,
    why: &str,
) -> Result<Option<(AuditId, Unfinished)>, Error> {
    let allowed = memberships::lock_role(tx, member.scope, member.user)?
        .filter(|role| role.may(Permission::ManageBatches));
    allowed.ok_or(Error::NotAllowed)?;
    let batch = batches::lock_validity(tx, member.scope, id)?.ok_or(Error::NotFound)?;
    let now = desk.clock.now();
    if !withdrawals::list_held(tx, member.scope, &[id.0])?.is_empty() {
        return Ok(None);
    }
    let counts = stock_counts::count_one(tx, member.scope, &batch, now)?;
    let left = counts.usable + counts.set_aside().left();
    if left == 0 && !withdrawals::list(tx, member.scope, id, 1)?.is_empty() {
        return Ok(None);
    }
    if left == 0 {
        return Err(Invalid::because(
            "this batch has no codes in stock, so there is nothing to withdraw",
        )
        .into());
    }
    // Codes that came in since the page was made are nobody's wish. A few less are: they went to
    // customers meanwhile.
    if left > shown {
        return Err(Invalid::because(format!(
            "codes were added since you opened this page: {left} are in stock now. Check the \
             number, then send again"
        ))
        .into());
    }
    let unfinished =
        withdrawals::begin(tx, member.scope, id, (member.user, why, &member.request_id), now)?;
    let mut record = NewRecord::new(
        Some(member.scope.merchant()),
        Action::VouchersWithdrawn,
        Actor::User(member.user),
    )
    .detail("batch", batch.name.as_str())
    .detail("codes", left)
    .detail("reason", why);
    record.batch = Some(id);
    record.request_id = Some(member.request_id.clone());
    Ok(Some((audit::append(tx, &record, now)?, unfinished)))
}

/// Goes on with a withdrawal for so long at most; `true` when it is at its end.
pub fn carry_on(desk: &Desk, unfinished: Unfinished, patience: Duration) -> Result<bool, Error> {
    let (begun, mut pace) = (Instant::now(), SlicePace::default());
    while begun.elapsed() < patience {
        let limit = i64::try_from(pace.rows()).unwrap_or(i64::MAX);
        let more = pace.keep(|| {
            desk.db.write::<_, Error>(|tx| {
                Ok(withdrawals::carry_on(tx, unfinished, limit, desk.clock.now())?)
            })
        })?;
        if !more {
            return Ok(true);
        }
        fail::fail_point!("withdrawal::slice");
    }
    Ok(false)
}

/// Goes on with what was left unfinished, a little of each.
pub fn carry_on_all(desk: &Desk) -> Result<(), Error> {
    for unfinished in desk.db.read(withdrawals::list_unfinished)? {
        if let Err(error) = carry_on(desk, unfinished, LOCK_TIMEOUT) {
            tracing::warn!(%error, withdrawal = unfinished.id, "a withdrawal could not go on; it \
                is tried again");
        }
    }
    Ok(())
}
