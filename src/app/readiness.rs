//! Whether the desk can do its work: database and schema, room to write; and how long the oldest unsent mail has waited.
//! Must not know who asks.

use super::{Desk, Error};
use crate::db::migrate::SchemaState;

/// The state of the desk.
#[derive(Debug, Clone, Copy)]
pub struct Readiness {
    pub schema_fits: bool,
    /// A database that can only be read.
    pub is_read_only: bool,
    /// Whether there is room to write.
    pub is_writable: bool,
    /// Since the oldest unsent mail was queued; `None`: no mail waits.
    pub oldest_mail_seconds: Option<i64>,
}

/// Looks once.
pub fn readiness(desk: &Desk) -> Result<Readiness, Error> {
    let probed = desk.db.probe()?;
    let now = desk.clock.now();
    Ok(Readiness {
        schema_fits: !matches!(probed.schema, SchemaState::Older { .. }),
        is_read_only: probed.is_read_only,
        is_writable: probed.is_writable,
        oldest_mail_seconds: probed.oldest_mail.map(|since| (now - since).num_seconds().max(0)),
    })
}
