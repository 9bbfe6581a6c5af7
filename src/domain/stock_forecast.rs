//! What a batch's counts mean: how much is left against the thresholds, how long it will
//! last, and until when handing out makes sense. Pure: no database, no clock, no prose.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

use super::{
    batch::{Batch, StockCounts},
    merchant::StockRules,
};

/// Where the stock stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StockLevel {
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
pub struct StockPace {
    pub handed_out: i64,
    /// The days that were counted, today among them; at least one.
    pub days: i64,
}

/// How far back a pace looks, in days.
pub const PACE_DAYS: i64 = 28;

impl StockPace {
    /// Days until `codes` are gone at this pace, rounded down; `None` while nothing is handed out.
    pub fn days_for(&self, codes: i64) -> Option<i64> {
        (self.handed_out > 0).then(|| codes.saturating_mul(self.days.max(1)) / self.handed_out)
    }

    /// Codes that are gone after `days` at this pace, rounded down.
    fn taken_in(&self, days: i64) -> i64 {
        self.handed_out.saturating_mul(days.max(0)) / self.days.max(1)
    }

    /// Codes that `days` take at this pace, rounded up.
    pub fn codes_for(&self, days: i64) -> i64 {
        let (out, over) = (self.handed_out.saturating_mul(days), self.days.max(1));
        out / over + i64::from(out % over > 0)
    }
}

/// Usable codes that end together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeEnding {
    /// The first instant that is too late; `None`: never.
    pub at: Option<DateTime<Utc>>,
    pub codes: i64,
}

/// A batch's stock, judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    pub level: StockLevel,
    pub phase: Phase,
    /// Fewer usable codes than reissues may need.
    pub below_reserve: bool,
    /// At or below this the level is critical.
    pub threshold: i64,
    pub pace: StockPace,
    /// How many days the usable codes last at the recent pace, without those that end before their
    /// turn; `None` while nothing is handed out, or nothing can be.
    pub cover: Option<i64>,
    /// How many usable codes end before their turn at the recent pace, while others go on; what is
    /// left over at the very end is no loss that adding vouchers could prevent.
    pub lost: i64,
    /// The day on which they run out, where it comes before the last ones end.
    pub runs_out_on: Option<NaiveDate>,
    /// When the last usable code ends; `None`: never, or there is none.
    pub ends_at: Option<DateTime<Utc>>,
    /// When the usable code ends that goes out next; `None`: never, or there is none.
    pub next_end: Option<DateTime<Utc>>,
    /// The last day on which the code that goes out next leaves its customer the days that the
    /// merchant wants them to have.
    pub last_safe_day: Option<NaiveDate>,
}

/// Judges a batch's counts at `now`. `ends`: when the usable codes end, soonest first; only the
/// forecast asks for it.
pub fn judge(
    batch: &Batch,
    stock: &StockCounts,
    ends: &[CodeEnding],
    pace: StockPace,
    rules: StockRules,
    zone: Tz,
    now: DateTime<Utc>,
) -> Outlook {
    let today = now.with_timezone(&zone).date_naive();
    let threshold = batch.threshold.unwrap_or(rules.threshold);
    // Codes that all ended by themselves before any went out; a last one that ended unused, of
    // a batch in use is no such thing.
    let all_ended = stock.usable + stock.not_started + stock.handed_out() == 0 && stock.expired > 0;
    let (started, ended) =
        (batch.window.has_started(now), all_ended || batch.window.has_expired(now));
    // Out of its time, what counts is what would be usable in it: the other axis says that it is
    // not.
    let stocked = if started && !ended {
        stock.usable
    } else {
        stock.usable + stock.expired + stock.not_started
    };
    let level = match stocked {
        0 => StockLevel::RunOut,
        n if n <= threshold => StockLevel::Critical,
        _ => StockLevel::Healthy,
    };
    // Those that ended unused are past; what is still to end counts.
    let own_end = stock.last_end.filter(|_| stock.usable + stock.not_started > 0);
    let (ends_at, next_end) = (within(batch, own_end), within(batch, stock.first_end.or(own_end)));
    let last_safe_day = next_end.and_then(|end| {
        last_day(end, zone).checked_sub_days(Days::new(rules.least_days.unsigned_abs()))
    });
    let phase = match (started, ended) {
        (_, true) => Phase::Expired,
        (false, _) => Phase::NotStarted,
        _ if last_safe_day.is_some_and(|day| day < today) => Phase::Expiring,
        _ => Phase::Running,
    };
    let whole = [CodeEnding { at: None, codes: stock.usable }];
    let ends = if ends.is_empty() { &whole } else { ends };
    let HandOutForecast { out, lost, left_over } = hand_out(ends, pace, |at| {
        within(batch, at).map(|end| (last_day(end, zone) - today).num_days() + 1)
    });
    let cover = if stock.usable > 0 { pace.days_for(out) } else { None };
    let runs_out_on = cover
        .and_then(|days| today.checked_add_days(Days::new(days.unsigned_abs())))
        .filter(|day| left_over == 0 && ends_at.is_none_or(|end| *day <= last_day(end, zone)));
    Outlook {
        level,
        phase,
        below_reserve: stock.usable < batch.reserve,
        threshold,
        pace,
        cover,
        lost: if cover.is_some() { lost } else { 0 },
        runs_out_on,
        ends_at,
        next_end,
        last_safe_day,
    }
}

/// When a code ends that ends at `own` by itself.
fn within(batch: &Batch, own: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    [own, batch.window.until].into_iter().flatten().min()
}

/// The last day on which something is good that ends at the first instant that is too late.
fn last_day(end: DateTime<Utc>, zone: Tz) -> NaiveDate {
    (end - TimeDelta::microseconds(1)).with_timezone(&zone).date_naive()
}

/// What becomes of codes at a pace.
struct HandOutForecast {
    /// They find a customer.
    out: i64,
    /// They end before their turn, while later ones go on.
    lost: i64,
    /// They are left when the last ones end.
    left_over: i64,
}

/// What becomes of the codes at this pace. What ends soonest goes first.
/// `days`: on how many days, today among them, codes of that end can go out; `None`: on all days to
/// come.
fn hand_out(
    ends: &[CodeEnding],
    pace: StockPace,
    days: impl Fn(Option<DateTime<Utc>>) -> Option<i64>,
) -> HandOutForecast {
    let mut fate = HandOutForecast { out: 0, lost: 0, left_over: 0 };
    let last = ends.last().and_then(|ending| days(ending.at));
    for ending in ends {
        let room = match days(ending.at) {
            None => ending.codes,
            Some(days) => (pace.taken_in(days) - fate.out).clamp(0, ending.codes),
        };
        fate.out += room;
        // The batch's own end may be that of all of them.
        *(if days(ending.at) == last { &mut fate.left_over } else { &mut fate.lost }) +=
            ending.codes - room;
    }
    fate
}

/// The ends without `held` codes, the soonest, that are being withdrawn and not usable any more.
pub fn without_held(ends: &mut Vec<CodeEnding>, mut held: i64) {
    for ending in ends.iter_mut() {
        let here = held.clamp(0, ending.codes);
        held -= here;
        ending.codes -= here;
    }
    ends.retain(|ending| ending.codes > 0);
}

/// How many usable codes are left at the end of each day after today, up to and with `last`, at
/// this pace.
pub fn forecast(
    batch: &Batch,
    ends: &[CodeEnding],
    pace: StockPace,
    zone: Tz,
    today: NaiveDate,
    last: NaiveDate,
) -> Vec<(NaiveDate, i64)> {
    let on_shelf = |ending: &CodeEnding, day: NaiveDate| {
        within(batch, ending.at).is_none_or(|end| last_day(end, zone) >= day)
    };
    let mut shelf = ends.to_vec();
    let (mut days, mut taken) = (Vec::new(), 0);
    for (n, day) in (1..).zip(today.iter_days().skip(1).take_while(|day| *day <= last)) {
        shelf.retain(|ending| on_shelf(ending, day));
        let by_then = pace.taken_in(n);
        without_held(&mut shelf, by_then - taken);
        taken = by_then;
        days.push((day, shelf.iter().map(|ending| ending.codes).sum()));
    }
    days
}

#[cfg(test)]
#[path = "stock_forecast_tests.rs"]
mod tests;
