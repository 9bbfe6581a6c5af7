//! The judgement as a table: levels, phases, and the days that follow from them.
#![allow(clippy::unwrap_used, reason = "tests may stop at the first surprise")]

use chrono::TimeDelta;

use super::*;
use crate::domain::{batch::Window, ids::BatchId};

fn now() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-11-23T12:00:00Z").unwrap().to_utc()
}

fn batch(until: Option<DateTime<Utc>>) -> Batch {
    Batch {
        id: BatchId(1),
        name: "Spring".into(),
        window: Window { from: None, until },
        uses_per_code: 1,
        case_sensitive: false,
        threshold: None,
        reserve: 0,
        created_at: now() - TimeDelta::days(100),
    }
}

fn judged(until: Option<DateTime<Utc>>, stock: StockCounts, handed_out: i64) -> Outlook {
    judge(
        &batch(until),
        &stock,
        &[],
        StockPace { handed_out, days: 28 },
        StockRules::default(),
        chrono_tz::Europe::London,
        now(),
    )
}

fn usable(usable: i64) -> StockCounts {
    StockCounts { usable, ..StockCounts::default() }
}

#[test]
fn the_threshold_itself_is_critical() {
    let level = |n| judged(None, usable(n), 0).level;
    assert_eq!(
        [0, 1, 100, 101].map(level),
        [StockLevel::RunOut, StockLevel::Critical, StockLevel::Critical, StockLevel::Healthy]
    );
}

#[test]
fn one_code_that_expired_in_stock_hides_no_run_out_of_the_batch() {
    let out =
        judged(None, StockCounts { expired: 1, allocated: 9_999, ..StockCounts::default() }, 10);
    assert_eq!((out.level, out.phase), (StockLevel::RunOut, Phase::Running));
    let never_used = judged(None, StockCounts { expired: 500, ..StockCounts::default() }, 0);
    assert_eq!((never_used.level, never_used.phase), (StockLevel::Healthy, Phase::Expired));
}

#[test]
fn a_batch_is_expiring_from_the_day_after_its_last_safe_day() {
    // Ends with 23 December: thirty days before it is 23 November.
    let end = |day| {
        Some(crate::domain::zone::first_instant(
            NaiveDate::from_ymd_opt(2026, 12, day).unwrap(),
            chrono_tz::Europe::London,
        ))
    };
    let safe = judged(end(24), usable(500), 0);
    assert_eq!(
        (safe.phase, safe.last_safe_day),
        (Phase::Running, NaiveDate::from_ymd_opt(2026, 11, 23))
    );
    assert_eq!(judged(end(23), usable(500), 0).phase, Phase::Expiring);
}

#[test]
fn codes_run_out_only_where_they_do_so_before_they_end() {
    // 28 in 28 days: one a day.
    let day = |n| NaiveDate::from_ymd_opt(2026, 11, n);
    assert_eq!(judged(None, usable(5), 28).runs_out_on, day(28));
    let end =
        |n| Some(crate::domain::zone::first_instant(day(n).unwrap(), chrono_tz::Europe::London));
    assert_eq!(judged(end(29), usable(5), 28).runs_out_on, day(28), "the 28th is the last day");
    assert_eq!(judged(end(28), usable(5), 28).runs_out_on, None, "they end with the 27th");
    assert_eq!((judged(None, usable(5), 0).cover, judged(None, usable(0), 28).cover), (None, None));
}

#[test]
fn a_pace_rounds_against_hope() {
    let pace = StockPace { handed_out: 3, days: 28 };
    assert_eq!((pace.days_for(1), pace.codes_for(7)), (Some(9), 1));
}

/// 28 in 28 days: one a day; `ends`: the last day of November 2026 on which so many codes are good,
/// 0 for never.
fn mixed(ends: &[(u32, i64)]) -> (Vec<CodeEnding>, StockCounts) {
    let at = |day: u32| {
        let after = NaiveDate::from_ymd_opt(2026, 11, day)?.succ_opt()?;
        Some(crate::domain::zone::first_instant(after, chrono_tz::Europe::London))
    };
    let ends: Vec<CodeEnding> =
        ends.iter().map(|(day, codes)| CodeEnding { at: at(*day), codes: *codes }).collect();
    let stock = StockCounts {
        usable: ends.iter().map(|ending| ending.codes).sum(),
        first_end: ends.first().and_then(|ending| ending.at),
        last_end: ends
            .iter()
            .all(|ending| ending.at.is_some())
            .then(|| ends.last().and_then(|ending| ending.at))
            .flatten(),
        ..StockCounts::default()
    };
    (ends, stock)
}

fn one_a_day() -> StockPace {
    StockPace { handed_out: 28, days: 28 }
}

#[test]
fn codes_that_end_before_their_turn_last_nobody() {
    // Today is the 23rd: three of the ten go out on 23, 24 and 25; then four without an end last
    // four days.
    let (ends, stock) = mixed(&[(25, 10), (0, 4)]);
    let out = judge(
        &batch(None),
        &stock,
        &ends,
        one_a_day(),
        StockRules::default(),
        chrono_tz::Europe::London,
        now(),
    );
    assert_eq!(
        (out.cover, out.lost, out.runs_out_on),
        (Some(7), 7, NaiveDate::from_ymd_opt(2026, 11, 30))
    );
    // The batch's own end is everybody's.
    let until = ends[0].at;
    let out = judge(
        &batch(until),
        &stock,
        &ends,
        one_a_day(),
        StockRules::default(),
        chrono_tz::Europe::London,
        now(),
    );
    assert_eq!(
        (out.cover, out.lost, out.runs_out_on),
        (Some(3), 0, None),
        "all of the rest is left over at the end"
    );
}

#[test]
fn the_last_safe_day_is_that_of_the_code_that_goes_out_next() {
    let (ends, stock) = mixed(&[(25, 10), (0, 4)]);
    let out = judge(
        &batch(None),
        &stock,
        &ends,
        one_a_day(),
        StockRules::default(),
        chrono_tz::Europe::London,
        now(),
    );
    assert_eq!(
        (out.phase, out.last_safe_day),
        (Phase::Expiring, NaiveDate::from_ymd_opt(2026, 10, 26))
    );
    assert_eq!((out.next_end, out.ends_at), (ends[0].at, None));
}

#[test]
fn a_forecast_falls_by_the_pace_and_where_codes_end() {
    let (ends, _) = mixed(&[(25, 10), (0, 4)]);
    let day = |n| NaiveDate::from_ymd_opt(2026, 11, n).unwrap();
    let days =
        forecast(&batch(None), &ends, one_a_day(), chrono_tz::Europe::London, day(23), day(29));
    assert_eq!(
        days,
        [(day(24), 13), (day(25), 12), (day(26), 3), (day(27), 2), (day(28), 1), (day(29), 0)]
    );
}

#[test]
fn what_is_being_withdrawn_is_taken_off_the_soonest() {
    let (mut ends, _) = mixed(&[(25, 10), (0, 4)]);
    without_held(&mut ends, 11);
    assert_eq!(ends, [CodeEnding { at: None, codes: 3 }]);
}
