//! Whether the desk can do its work: database and schema; and how long the oldest unsent mail has waited.
//! Must not know who asks.

use super::{Desk, Error};
use crate::db::{mail_leases, migrate};

/// The state of the desk.
#[derive(Debug, Clone, Copy)]
pub struct Readiness {
    pub schema_fits: bool,
    /// Since the oldest unsent mail was queued; `None`: no mail waits.
    pub oldest_mail_seconds: Option<i64>,
}

/// Looks once.
pub fn readiness(desk: &Desk) -> Result<Readiness, Error> {
    let schema_fits = !matches!(migrate::schema_state(&desk.db)?, migrate::SchemaState::Older { .. });
    let now = desk.clock.now();
    let oldest = if schema_fits { desk.db.read(|conn| mail_leases::oldest_due(conn).map_err(Error::from))? } else { None };
    Ok(Readiness { schema_fits, oldest_mail_seconds: oldest.map(|since| (now - since).num_seconds().max(0)) })
}
