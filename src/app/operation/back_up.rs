//! A backup of a live SQLite database, with its record.

use std::path::Path;

use crate::{
    app::{Desk, Error},
    db::{
        audit,
        backup::{self, Copied},
    },
    domain::audit::{Action, Actor, NewRecord},
};

/// Copies the database to `target`. The record comes first, so that there is no copy of everything
/// without one; it is in the copy, too.
pub fn back_up(desk: &Desk, target: &Path) -> Result<Copied, Error> {
    if !desk.db.is_sqlite() {
        return Ok(Copied::NotSqlite);
    }
    if target.exists() {
        return Ok(Copied::Taken);
    }
    let now = desk.clock.now();
    desk.db.write(|tx| {
        audit::append(tx, &NewRecord::new(None, Action::BackupBegun, Actor::Cli), now)
    })?;
    Ok(backup::copy(&desk.db, target)?)
}
