//! Keeps what the search goes by: keys made by today's rules, and where it need not look.

use std::time::{Duration, Instant};

use crate::{
    app::{Desk, Error},
    db::{Database, customer_id_ranges, search_keys},
};

/// How many id ranges are read in one transaction: it takes some tens of milliseconds.
const RANGES_PER_ROUND: i64 = 4;

/// How long one go may take; the process may be told to stop meanwhile.
const ROUND_TIMEOUT: Duration = Duration::from_secs(1);

/// Settles what has changed, for about a second; returns how many id ranges were read. There are
/// none on SQLite.
pub fn settle(desk: &Desk) -> Result<usize, Error> {
    let begun = Instant::now();
    let mut all = 0;
    loop {
        if !desk.db.read(customer_id_ranges::has_changes)? {
            return Ok(all);
        }
        let settled = desk
            .db
            .write(|tx| Ok::<_, Error>(customer_id_ranges::settle(tx, RANGES_PER_ROUND)?))?;
        all += settled;
        if settled == 0 || begun.elapsed() >= ROUND_TIMEOUT {
            return Ok(all);
        }
    }
}

/// Customers whose keys are made again in one transaction: some tens of milliseconds.
const RENEWED_AT_ONCE: i64 = 500;

/// How long others get to write between two such transactions, as long as one took and at least
/// this: the server beside a command, and who has waited for SQLite's only lock looks for it now
/// and then.
const LEAST_PAUSE: Duration = Duration::from_millis(50);

fn pause_after(took: Duration) -> Duration {
    took.max(LEAST_PAUSE)
}

/// Makes the search keys of earlier versions again, until none is left or `progress`, which learns
/// how many are done, says no; answers how many are done. May end at any moment: what is left is
/// done by the next call, here or in another process.
pub fn renew_keys(db: &Database, mut progress: impl FnMut(u64) -> bool) -> Result<u64, Error> {
    let mut all = 0;
    let mut pause = None;
    while db.read(search_keys::has_old)? {
        if let Some(pause) = pause {
            std::thread::sleep(pause);
        }
        let begun = Instant::now();
        let done = db.write(|tx| Ok::<_, Error>(search_keys::renew(tx, RENEWED_AT_ONCE)?))? as u64;
        // PostgreSQL locks only these customers.
        pause = db.is_sqlite().then(|| pause_after(begun.elapsed()));
        all += done;
        // None: others hold those that are left.
        if !progress(all) || done == 0 {
            break;
        }
    }
    Ok(all)
}

/// The same for about a second, among a server's other work.
pub fn renew_keys_for_a_while(desk: &Desk) -> Result<u64, Error> {
    let begun = Instant::now();
    renew_keys(&desk.db, |_| begun.elapsed() < ROUND_TIMEOUT)
}

/// Gives users' addresses the form of today, as an earlier version may have stored them in another.
pub fn renew_users(db: &Database) -> Result<(), Error> {
    let users = db.read(search_keys::users_to_renew)?;
    if users.is_empty() { Ok(()) } else { Ok(db.write(|tx| search_keys::renew_users(tx, &users))?) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_get_as_long_as_a_transaction_took_and_no_less() {
        let ms = Duration::from_millis;
        assert_eq!(
            [0, 49, 50, 400].map(|took| pause_after(ms(took))),
            [ms(50), ms(50), ms(50), ms(400)]
        );
    }
}
