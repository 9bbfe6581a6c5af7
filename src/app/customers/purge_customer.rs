//! Purges a customer: the person disappears from every table and index, what was decided about
//! their rewards stays.

use chrono::{DateTime, Utc};

use crate::{
    app::{Desk, Error},
    db::{Scope, WriteTx, audit, purges},
    domain::{
        audit::{Actor, NewRecord},
        ids::AuditId,
    },
};

/// Purges the customer of `record`, in the transaction that holds the locks of [`purges::lock`],
/// and leaves that record of it.
///
/// A mail that is being sent at this moment may arrive; but its worker has lost it, and can write
/// nothing of it down any more.
pub(in crate::app) fn purge_in(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    record: NewRecord,
    now: DateTime<Utc>,
) -> Result<AuditId, Error> {
    let customer = record.customer.ok_or(Error::NotFound)?;
    let by = match record.actor {
        Actor::User(user) => Some(user),
        Actor::Cli | Actor::System => None,
    };
    let erased = purges::erase(tx, scope, customer, by, now)?;
    fail::fail_point!("purge::erased");
    let record =
        record.detail("mails_emptied", erased.mails).detail("mails_cancelled", erased.cancelled);
    Ok(audit::append(tx, &record, now)?)
}

/// After the commit: on SQLite the write-ahead log still holds the pages as they were.
pub(in crate::app) fn leave_nothing_behind(desk: &Desk) {
    match desk.db.empty_log() {
        Ok(true) => {}
        Ok(false) => {
            tracing::warn!(
                "something reads the database for long; until the next purge or stop its -wal \
                 file holds what was purged"
            );
        }
        Err(error) => {
            tracing::warn!(%error, "the -wal file could not be emptied after a purge; the next \
                purge or stop does it");
        }
    }
}
