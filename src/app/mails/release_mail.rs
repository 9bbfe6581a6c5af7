//! Mail that waits: how much and since when, and letting held mail go after a restore.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    app::{Desk, Error},
    db::{DbConn, audit, mail_leases},
    domain::audit::{Action, Actor, NewRecord},
};

/// The mails that wait, by age. A restored backup's mails may have been sent before: the old ones
/// are the ones to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingMail {
    pub within_an_hour: i64,
    pub within_a_day: i64,
    pub within_a_week: i64,
    pub older: i64,
    pub oldest: Option<DateTime<Utc>>,
}

impl WaitingMail {
    pub fn count(&self) -> i64 {
        self.within_an_hour + self.within_a_day + self.within_a_week + self.older
    }
}

/// What waits now.
pub fn waiting_mail(desk: &Desk) -> Result<WaitingMail, Error> {
    let now = desk.clock.now();
    desk.db.read(|conn| Ok(count(conn, now)?))
}

fn count(conn: &mut DbConn, now: DateTime<Utc>) -> Result<WaitingMail, crate::db::Error> {
    let mut queued_before = |age: TimeDelta| mail_leases::count_waiting(conn, now - age);
    let all = queued_before(TimeDelta::zero())?;
    let (hour, day, week) = (
        queued_before(TimeDelta::hours(1))?,
        queued_before(TimeDelta::days(1))?,
        queued_before(TimeDelta::days(7))?,
    );
    Ok(WaitingMail {
        within_an_hour: all - hour,
        within_a_day: hour - day,
        within_a_week: day - week,
        older: week,
        oldest: mail_leases::oldest_due(conn)?,
    })
}

/// Lets held mail go: every worker that holds it, in whatever process, sees this record and begins
/// to send.
pub fn release_mail(desk: &Desk) -> Result<WaitingMail, Error> {
    let now = desk.clock.now();
    desk.db.write(|tx| {
        let waiting = count(tx, now)?;
        let record = NewRecord::new(None, Action::MailReleased, Actor::Cli)
            .detail("waiting", waiting.count());
        audit::append(tx, &record, now)?;
        Ok(waiting)
    })
}

/// The latest release, as a number that only grows: a worker that holds its mail compares it with
/// the one it began with.
pub fn latest_release(desk: &Desk) -> Result<i64, Error> {
    desk.db.read(|conn| Ok(mail_leases::latest_release(conn)?))
}
