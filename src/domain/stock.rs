//! What a batch's counts mean: how much is left against the lines that were drawn, how long it will last, and until when
//! handing out makes sense. Pure: no database, no clock, no prose.

use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;

use super::{
    batch::{Batch, Stock},
    merchant::StockRules,
};

/// Where the stock stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    RunOut,
    /// At the threshold or below.
    Critical,
    Healthy,
}

/// Where the batch stands in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    NotStarted,
    Running,
    /// A code handed out now leaves its customer fewer days than the merchant wants them to have.
    Expiring,
    Expired,
}

/// How fast codes leave the stock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pace {
    pub handed_out: i64,
    /// The days that were counted, today among them; at least one.
    pub days: i64,
}

/// How far back a pace looks, in days.
pub const PACE_DAYS: i64 = 28;

impl Pace {
    /// Days until `codes` are gone at this pace, rounded down; `None` while nothing is handed out.
    pub fn days_for(&self, codes: i64) -> Option<i64> {
        (self.handed_out > 0).then(|| codes.saturating_mul(self.days.max(1)) / self.handed_out)
    }

    /// Codes that `days` take at this pace, rounded up.
    pub fn codes_for(&self, days: i64) -> i64 {
        let (out, over) = (self.handed_out.saturating_mul(days), self.days.max(1));
        out / over + i64::from(out % over > 0)
    }
}

/// A batch's stock, judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    pub level: Level,
    pub phase: Phase,
    /// Fewer usable codes than reissues may need.
    pub below_reserve: bool,
    /// At or below this the level is critical.
    pub threshold: i64,
    pub pace: Pace,
    /// How many days the usable codes last at the recent pace; `None` while nothing is handed out, or nothing can be.
    pub cover: Option<i64>,
    /// The day on which they run out, where it comes before they end.
    pub runs_out_on: Option<NaiveDate>,
    /// When the last usable code ends; `None`: never, or there is none.
    pub ends_at: Option<DateTime<Utc>>,
    /// The last day on which a code handed out leaves its customer the days that the merchant wants them to have.
    pub last_safe_day: Option<NaiveDate>,
}

/// Judges a batch's counts at `now`.
pub fn judge(batch: &Batch, stock: &Stock, pace: Pace, rules: StockRules, zone: Tz, now: DateTime<Utc>) -> Outlook {
    let today = now.with_timezone(&zone).date_naive();
    let threshold = batch.threshold.unwrap_or(rules.threshold);
    // Codes that all ended by themselves before any went out; a last one that ended on the shelf of a batch in use is no such thing.
    let all_ended = stock.usable + stock.not_started + stock.handed_out() == 0 && stock.expired > 0;
    let (started, ended) = (batch.window.has_started(now), all_ended || batch.window.has_expired(now));
    // Out of its time, what counts is what would be usable in it: the other axis says that it is not.
    let stocked = if started && !ended { stock.usable } else { stock.usable + stock.expired + stock.not_started };
    let level = match stocked {
        0 => Level::RunOut,
        n if n <= threshold => Level::Critical,
        _ => Level::Healthy,
    };
    // Those that ended on the shelf are past; what is still to end counts.
    let own_end = stock.last_end.filter(|_| stock.usable + stock.not_started > 0);
    let ends_at = match (own_end, batch.window.until) {
        (Some(own), Some(until)) => Some(own.min(until)),
        (own, until) => own.or(until),
    };
    // The end is the first instant that is too late.
    let last_day = ends_at.map(|end| (end - chrono::TimeDelta::microseconds(1)).with_timezone(&zone).date_naive());
    let last_safe_day = last_day.and_then(|day| day.checked_sub_days(Days::new(rules.least_days.unsigned_abs())));
    let phase = match (started, ended) {
        (_, true) => Phase::Expired,
        (false, _) => Phase::NotStarted,
        _ if last_safe_day.is_some_and(|day| day < today) => Phase::Expiring,
        _ => Phase::Running,
    };
    let cover = if stock.usable > 0 { pace.days_for(stock.usable) } else { None };
    let runs_out_on = cover
        .and_then(|days| today.checked_add_days(Days::new(days.unsigned_abs())))
        .filter(|day| last_day.is_none_or(|last| *day <= last));
    Outlook { level, phase, below_reserve: stock.usable < batch.reserve, threshold, pace, cover, runs_out_on, ends_at, last_safe_day }
}

#[cfg(test)]
#[path = "stock_tests.rs"]
mod tests;
