//! A voucher batch: an uploaded stock of codes, and what of it may be allocated.

use chrono::{DateTime, Utc};

use super::ids::BatchId;

/// A validity; `None` is no start or no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub from: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
}

impl Window {
    /// The part that both windows share: the later start and the earlier end.
    pub fn within(self, outer: Self) -> Self {
        Self {
            from: self.from.max(outer.from),
            until: match (self.until, outer.until) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
        }
    }

    /// Whether it ends no later than it starts, so that nothing could ever be valid.
    pub fn is_empty(&self) -> bool {
        matches!((self.from, self.until), (Some(from), Some(until)) if from >= until)
    }

    pub fn has_started(&self, now: DateTime<Utc>) -> bool {
        self.from.is_none_or(|from| from <= now)
    }

    /// Expired means `now >= until`.
    pub fn has_expired(&self, now: DateTime<Utc>) -> bool {
        self.until.is_some_and(|until| now >= until)
    }
}

/// A stock of codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub id: BatchId,
    pub name: String,
    pub window: Window,
    pub uses_per_code: i64,
    pub case_sensitive: bool,
    /// A threshold of its own for "critical"; `None`: the merchant's.
    pub threshold: Option<i64>,
    /// What reissues may need of it.
    pub reserve: i64,
    pub created_at: DateTime<Utc>,
}

/// A stock of codes that is not there yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedBatch {
    pub name: String,
    pub window: Window,
    pub uses_per_code: i64,
    pub case_sensitive: bool,
}

/// How many codes of a batch are in which condition; the first five are in stock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StockCounts {
    pub usable: i64,
    pub expired: i64,
    pub barred: i64,
    pub not_started: i64,
    pub redeemed: i64,
    pub allocated: i64,
    pub replaced: i64,
    pub withdrawn: i64,
    /// When the last of the expired ones in stock ended.
    pub last_expired_at: Option<DateTime<Utc>>,
    /// When the usable code ends by itself that goes out next; `None`: never, or there is none.
    pub first_end: Option<DateTime<Utc>>,
    /// When the last code that is neither barred nor redeemed ends by itself; `None`: never, or
    /// there is none.
    pub last_end: Option<DateTime<Utc>>,
}

impl StockCounts {
    /// In stock but not to be allocated now, and why.
    pub fn set_aside(&self) -> Shortage {
        let Self { expired, barred, not_started, redeemed, last_expired_at, .. } = *self;
        Shortage { expired, last_expired_at, barred, not_started, redeemed }
    }

    /// Handed out once, whatever became of it.
    pub fn handed_out(&self) -> i64 {
        self.allocated + self.replaced
    }

    /// Usable codes, or why there is none.
    pub fn left(&self) -> StockLeft {
        if self.usable > 0 {
            StockLeft::Usable(self.usable)
        } else {
            StockLeft::Short(self.set_aside())
        }
    }
}

/// What is left of a batch but cannot be allocated; each code under one cause, the gravest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shortage {
    pub expired: i64,
    /// When the last of the expired ones ended.
    pub last_expired_at: Option<DateTime<Utc>>,
    pub barred: i64,
    pub not_started: i64,
    pub redeemed: i64,
}

impl Shortage {
    /// Codes left that can't be used.
    pub fn left(&self) -> i64 {
        self.expired + self.barred + self.not_started + self.redeemed
    }
}

/// What is left of a reward's batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockLeft {
    Usable(i64),
    Short(Shortage),
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn the_effective_window_is_the_later_start_and_the_earlier_end() {
        let t = |h| Some(DateTime::<Utc>::UNIX_EPOCH + TimeDelta::hours(h));
        let coupon = Window { from: t(1), until: None };
        assert_eq!(
            coupon.within(Window { from: None, until: t(5) }),
            Window { from: t(1), until: t(5) }
        );
        assert_eq!(
            coupon
                .within(Window { from: t(2), until: t(5) })
                .within(Window { from: None, until: t(3) }),
            Window { from: t(2), until: t(3) }
        );
    }

    #[test]
    fn a_window_ends_exactly_at_its_end() {
        let end = DateTime::<Utc>::UNIX_EPOCH;
        let window = Window { from: None, until: Some(end) };
        assert_eq!(
            [-1, 0, 1].map(|s| window.has_expired(end + TimeDelta::seconds(s))),
            [false, true, true]
        );
    }
}
