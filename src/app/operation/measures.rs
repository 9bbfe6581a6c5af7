//! What an operator's monitoring asks of the database: mail that waits, and records that are not
//! sealed yet.

use crate::{
    app::{Desk, Error},
    db::{audit_seals, mail_leases},
};

/// Counts and ages; never a code, a name or an address.
#[derive(Debug, Clone, Copy)]
pub struct Measures {
    pub mails_waiting: i64,
    /// Since the oldest unsent mail was queued; 0: no mail waits.
    pub oldest_mail_seconds: i64,
    /// At most so many records are not sealed yet.
    pub unsealed_records: i64,
}

/// Looks once.
pub fn measures(desk: &Desk) -> Result<Measures, Error> {
    let now = desk.clock.now();
    desk.db.read(|conn| {
        Ok(Measures {
            mails_waiting: mail_leases::count_waiting(conn, now)?,
            oldest_mail_seconds: mail_leases::oldest_due(conn)?
                .map_or(0, |since| (now - since).num_seconds().max(0)),
            unsealed_records: (audit_seals::newest_record(conn)? - audit_seals::watermark(conn)?)
                .max(0),
        })
    })
}
