//! Reads anew where the search need not look, once customers came or changed.
//! Must not know how often it is asked.

use std::time::{Duration, Instant};

use super::{Desk, Error};
use crate::db::customer_stretches;

/// Stretches in one transaction: some tens of milliseconds.
const SOME: i64 = 4;

/// How long one go may take; the process may be told to stop meanwhile.
const PATIENCE: Duration = Duration::from_secs(1);

/// Settles what has changed, for about a second; answers how many stretches were read. There are none on SQLite.
pub fn settle(desk: &Desk) -> Result<usize, Error> {
    let begun = Instant::now();
    let mut all = 0;
    loop {
        if !desk.db.read(customer_stretches::has_changes)? {
            return Ok(all);
        }
        let settled = desk.db.write(|tx| Ok::<_, Error>(customer_stretches::settle(tx, SOME)?))?;
        all += settled;
        if settled == 0 || begun.elapsed() >= PATIENCE {
            return Ok(all);
        }
    }
}
