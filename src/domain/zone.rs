//! Dates in a merchant's zone: which instant a date means, and how instants
//! are shown.

use chrono::{
    DateTime, Days, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, TimeDelta,
    TimeZone, Utc,
};
use chrono_tz::{OffsetName, Tz};

use super::Invalid;

/// Which end of a validity a date stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The day's first instant.
    Start,
    /// The first instant of the next day: the day itself is still valid.
    End,
}

/// Takes an IANA zone name.
pub fn parse_zone(name: &str) -> Result<Tz, Invalid> {
    name.trim().parse().map_err(|_| {
        Invalid::because(format!(
            "{:?} isn't a time zone; use an IANA name such as Europe/London",
            name.trim()
        ))
    })
}

/// Takes `YYYY-MM-DD` (a day in `zone`) or RFC 3339 with an offset.
pub fn parse_instant(text: &str, zone: Tz, bound: Bound) -> Result<DateTime<Utc>, Invalid> {
    let text = text.trim();
    let invalid = || {
        Invalid::because(
            "this isn't a date (YYYY-MM-DD) or a time with offset (2026-10-03T18:00:00+01:00)",
        )
    };
    let is_day = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(i, b)| if matches!(i, 4 | 7) { b == b'-' } else { b.is_ascii_digit() });
    let at = if is_day {
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| invalid())?;
        let day = match bound {
            Bound::Start => day,
            Bound::End => day.checked_add_days(Days::new(1)).ok_or_else(invalid)?,
        };
        first_instant(day, zone)
    } else {
        let at = DateTime::parse_from_rfc3339(text).map_err(|_| invalid())?.with_timezone(&Utc);
        // A leap second: the two databases would keep it differently.
        if chrono::Timelike::nanosecond(&at) >= 1_000_000_000 {
            return Err(invalid());
        }
        at
    };
    // Four-digit years only: the fixed-width text that SQLite keeps sorts as time does, and the
    // sentinels stay outside.
    if !(1900..=9998).contains(&chrono::Datelike::year(&at)) {
        return Err(Invalid::because("the year must be between 1900 and 9998"));
    }
    Ok(chrono::SubsecRound::trunc_subsecs(at, 6))
}

/// The first instant of `day` in `zone`: midnight, or the instant after the gap where midnight does
/// not exist.
pub fn first_instant(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let midnight = day.and_time(NaiveTime::MIN);
    // Gaps are at most a day long; they start and end on whole minutes.
    for minutes in 0..=(24 * 60) {
        if let Some(at) =
            zone.from_local_datetime(&(midnight + TimeDelta::minutes(minutes))).earliest()
        {
            return at.with_timezone(&Utc);
        }
    }
    midnight.and_utc()
}

/// Takes what a date-and-time field sends: the wall clock's time in `zone` (`2026-10-03T14:05`), or
/// a time with offset. Where the clock shows it twice, the later one that is not after `now`.
pub fn parse_clock(text: &str, zone: Tz, now: DateTime<Utc>) -> Result<DateTime<Utc>, Invalid> {
    let text = text.trim();
    let local = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|f| NaiveDateTime::parse_from_str(text, f).ok());
    let Some(local) = local else { return parse_instant(text, zone, Bound::Start) };
    let at = match zone.from_local_datetime(&local) {
        LocalResult::Single(at) => at,
        LocalResult::Ambiguous(earlier, later) => {
            if later <= now {
                later
            } else {
                earlier
            }
        }
        LocalResult::None => {
            return Err(Invalid::because(
                "the clocks went forward at that moment, so this time doesn't exist",
            ));
        }
    };
    parse_instant(&at.to_rfc3339_opts(SecondsFormat::AutoSi, true), zone, Bound::Start)
}

/// An instant as [`parse_clock`] takes it back, to the minute.
pub fn on_the_clock(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%Y-%m-%dT%H:%M").to_string()
}

/// "3 Oct 2026, 14:05 BST".
pub fn show(at: DateTime<Utc>, zone: Tz) -> String {
    let local = at.with_timezone(&zone);
    format!("{} {}", local.format("%-d %b %Y, %H:%M"), zone_name(&local))
}

/// As [`show`], but an end at the first instant of a day reads as 23:59 of the day before: the last
/// minute it was valid.
pub fn show_end(at: DateTime<Utc>, zone: Tz) -> String {
    let local = at.with_timezone(&zone);
    if first_instant(local.date_naive(), zone) == at
        && let Some(day) = local.date_naive().pred_opt()
    {
        let last = (at - TimeDelta::seconds(1)).with_timezone(&zone);
        return format!("{}, 23:59 {}", day.format("%-d %b %Y"), zone_name(&last));
    }
    show(at, zone)
}

/// An instant as [`parse_instant`] takes it back: a day where it is that day's first instant (for
/// an end: the day before, which is the last one valid), else a time with offset.
pub fn editable(at: DateTime<Utc>, zone: Tz, bound: Bound) -> String {
    let local = at.with_timezone(&zone);
    let day = match bound {
        Bound::Start => Some(local.date_naive()),
        Bound::End => local.date_naive().pred_opt(),
    };
    match day.filter(|_| first_instant(local.date_naive(), zone) == at) {
        Some(day) => day.format("%Y-%m-%d").to_string(),
        None => local.to_rfc3339_opts(SecondsFormat::AutoSi, true),
    }
}

/// "3 Oct 2026".
pub fn show_day(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%-d %b %Y").to_string()
}

/// RFC 3339 in UTC, for machines and `datetime` attributes.
pub fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// "just now", "8 seconds ago", "3 minutes ago", "5 days ago": for beside the exact time.
pub fn show_age(age: TimeDelta) -> String {
    let seconds = age.num_seconds().max(0);
    let (count, unit) = match seconds {
        0 => return "just now".to_owned(),
        1..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

/// The zone's short name at that moment (BST), or its offset where it has none ("UTC+03").
fn zone_name(local: &DateTime<Tz>) -> String {
    let name = local.offset().abbreviation().unwrap_or_default();
    if name.starts_with(['+', '-']) || name.is_empty() {
        format!("UTC{}", local.format("%:z"))
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap_or_default().to_utc()
    }

    #[test]
    fn a_date_as_an_end_is_the_next_days_first_instant_in_the_zone() {
        let london = chrono_tz::Europe::London;
        assert_eq!(
            parse_instant("2026-10-03", london, Bound::End),
            Ok(utc("2026-10-03T23:00:00Z"))
        );
        assert_eq!(
            parse_instant("2026-12-03", london, Bound::End),
            Ok(utc("2026-12-04T00:00:00Z"))
        );
        assert_eq!(
            parse_instant("2026-10-03", london, Bound::Start),
            Ok(utc("2026-10-02T23:00:00Z"))
        );
        assert_eq!(show_end(utc("2026-10-03T23:00:00Z"), london), "3 Oct 2026, 23:59 BST");
        assert_eq!(show(utc("2026-10-03T13:05:00Z"), london), "3 Oct 2026, 14:05 BST");
    }

    #[test]
    fn where_midnight_does_not_exist_the_day_begins_after_the_gap() {
        // Beirut springs forward at midnight: 31 March 2024 begins at 01:00.
        let beirut = chrono_tz::Asia::Beirut;
        assert_eq!(
            parse_instant("2024-03-30", beirut, Bound::End),
            Ok(utc("2024-03-30T22:00:00Z"))
        );
        assert_eq!(show_end(utc("2024-03-30T22:00:00Z"), beirut), "30 Mar 2024, 23:59 EET");
    }

    #[test]
    fn what_is_shown_for_editing_means_the_same_instant() {
        let zones = [
            chrono_tz::Europe::London,
            chrono_tz::Asia::Beirut,
            chrono_tz::America::Havana,
            chrono_tz::UTC,
        ];
        for zone in zones {
            for text in [
                "2024-03-30",
                "2024-03-31",
                "2024-11-03",
                "2026-10-03",
                "2026-10-03T18:30:00.25+02:00",
            ] {
                for bound in [Bound::Start, Bound::End] {
                    let at = parse_instant(text, zone, bound).unwrap_or_default();
                    let shown = editable(at, zone, bound);
                    assert_eq!(parse_instant(&shown, zone, bound), Ok(at), "{shown} in {zone}");
                    assert_eq!(shown == text, text.len() == 10, "{shown} in {zone}");
                }
            }
        }
    }

    #[test]
    fn where_midnight_comes_twice_the_first_one_counts() {
        let havana = chrono_tz::America::Havana;
        assert_eq!(
            first_instant(NaiveDate::from_ymd_opt(2024, 11, 3).unwrap_or_default(), havana),
            utc("2024-11-03T04:00:00Z")
        );
    }

    #[test]
    fn a_clocks_time_is_taken_in_the_zone_and_shown_so_again() {
        let london = chrono_tz::Europe::London;
        let now = utc("2026-11-23T12:00:00Z");
        let parse = |text| parse_clock(text, london, now);
        assert_eq!(parse("2026-10-03T14:05"), Ok(utc("2026-10-03T13:05:00Z")));
        assert_eq!(parse("2026-10-03 14:05"), Ok(utc("2026-10-03T13:05:00Z")));
        assert_eq!(parse("2026-10-03"), Ok(utc("2026-10-02T23:00:00Z")));
        assert_eq!(parse("2026-10-03T14:05:00+02:00"), Ok(utc("2026-10-03T12:05:00Z")));
        assert_eq!(on_the_clock(utc("2026-10-03T13:05:59Z"), london), "2026-10-03T14:05");
        // 29 March 2026, 01:30 was never on the clock; 25 October, 01:30 was twice.
        assert!(parse("2026-03-29T01:30").is_err());
        assert_eq!(parse("2026-10-25T01:30"), Ok(utc("2026-10-25T01:30:00Z")));
        assert_eq!(
            parse_clock("2026-10-25T01:30", london, utc("2026-10-25T00:40:00Z")),
            Ok(utc("2026-10-25T00:30:00Z"))
        );
        for text in ["", "soon", "2026-10-03T25:00", "0001-01-01T00:00"] {
            assert!(parse(text).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn zones_without_a_short_name_show_their_offset() {
        assert_eq!(
            show(utc("2026-10-03T13:05:00Z"), chrono_tz::America::Sao_Paulo),
            "3 Oct 2026, 10:05 UTC-03:00"
        );
    }

    #[test]
    fn times_need_an_offset_and_a_sane_year() {
        let zone = chrono_tz::UTC;
        for text in [
            "",
            "2026-10-03T10:00:00",
            "03/10/2026",
            "2026-13-01",
            "2026-3-1",
            "+2026-03-10",
            "2026-12-31T23:59:60Z",
            "0001-01-01",
            "9999-12-31",
        ] {
            assert!(parse_instant(text, zone, Bound::Start).is_err(), "{text:?} was taken");
        }
        assert_eq!(
            parse_instant("2026-10-03T10:00:00+02:00", zone, Bound::End),
            Ok(utc("2026-10-03T08:00:00Z"))
        );
    }
}
