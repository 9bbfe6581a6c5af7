//! Somebody's word on an import: do it, or let it be.

use chrono::{DateTime, Utc};

use super::receive_import::name_is_taken;
use crate::{
    app::{Desk, Error, Member},
    db::{
        self, WriteTx, audit,
        batches::{self, NewBatch},
        imports::jobs::{self, Confirmation, OwnImport},
        memberships,
    },
    domain::{
        audit::{Action, Actor, NewRecord},
        batch::PlannedBatch,
        ids::{BatchId, ImportId},
        import::{Import, ImportState},
        zone,
    },
};

/// Starts an import that was checked. One that was started already, or has ended, is left as it is.
///
/// Errors: [`Error::Invalid`] when the name of its new batch was taken meanwhile.
pub fn confirm_import(desk: &Desk, member: &Member, id: ImportId) -> Result<(), Error> {
    desk.db.write(|tx| -> Result<(), Error> {
        let import = lock(tx, member, id)?;
        if import.state != ImportState::Checked {
            return Ok(());
        }
        let now = desk.clock.now();
        let batch = match (&import.batch, &import.new_batch) {
            _ if !import.kind.rules().needs_batch => None,
            (Some((batch, _)), _) => Some(*batch),
            (None, Some(planned)) => Some(add_batch(tx, member, planned, now)?),
            (None, None) => {
                return Err(db::Error::unreadable("an import of vouchers names no batch").into());
            }
        };
        let confirmation =
            Confirmation { batch, user: member.user, request_id: &member.request_id };
        jobs::confirm(tx, OwnImport { scope: member.scope, id }, confirmation, now)?;
        fail::fail_point!("import::confirmed");
        Ok(())
    })?;
    desk.import_wakeup.notify_one();
    Ok(())
}

/// Cancels an import that has not ended. One at work is asked to stop, and ends a moment later.
pub fn cancel_import(desk: &Desk, member: &Member, id: ImportId) -> Result<(), Error> {
    desk.db.write(|tx| -> Result<(), Error> {
        let import = lock(tx, member, id)?;
        match import.state {
            ImportState::Importing => {
                jobs::ask_to_cancel(tx, OwnImport { scope: member.scope, id })?;
            }
            state if state.has_ended() => {}
            // A check leaves nothing to clean up: its worker finds the lease gone.
            _ => jobs::cancel(tx, member.scope, &import, desk.clock.now())?,
        }
        Ok(())
    })?;
    desk.import_wakeup.notify_one();
    Ok(())
}

fn lock(tx: &mut WriteTx<'_>, member: &Member, id: ImportId) -> Result<Import, Error> {
    let role = memberships::lock_role(tx, member.scope, member.user)?;
    let import = jobs::lock(tx, member.scope, id)?.ok_or(Error::NotFound)?;
    let may = role.is_some_and(|role| role.may(import.kind.rules().permission));
    if may { Ok(import) } else { Err(Error::NotAllowed) }
}

fn add_batch(
    tx: &mut WriteTx<'_>,
    member: &Member,
    planned: &PlannedBatch,
    now: DateTime<Utc>,
) -> Result<BatchId, Error> {
    let PlannedBatch { name, window, uses_per_code, case_sensitive } = planned;
    if batches::name_is_taken(tx, member.scope, name)? {
        return Err(name_is_taken(name).into());
    }
    let row = NewBatch {
        name,
        window: *window,
        uses_per_code: *uses_per_code,
        case_sensitive: *case_sensitive,
    };
    let id = batches::add(tx, member.scope, &row, now).map_err(|error| match error {
        db::Error::Conflict(which) if which.is_about("batches", "name") => {
            Error::from(name_is_taken(name))
        }
        other => other.into(),
    })?;
    let mut record =
        NewRecord::new(Some(member.scope.merchant()), Action::BatchAdded, Actor::User(member.user))
            .detail("batch", name.as_str())
            .detail("uses_per_code", *uses_per_code)
            .detail("case_sensitive", *case_sensitive);
    for (key, at) in [("valid_from", window.from), ("valid_until", window.until)] {
        if let Some(at) = at {
            record = record.detail(key, zone::rfc3339(at));
        }
    }
    record.batch = Some(id);
    record.request_id = Some(member.request_id.clone());
    audit::append(tx, &record, now)?;
    Ok(id)
}
