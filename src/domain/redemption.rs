//! Uses of coupons in the shop: what makes two reports one use, and which times can be right. Pure:
//! no database, no clock.

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
use unicode_normalization::UnicodeNormalization;

use super::{Invalid, cell, damage::Damage, fold, invisible, zone};

/// How far the shop's clock may be ahead of ours. A use further ahead has not happened: it is a
/// wrong date.
pub const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// How much earlier than the hand-out a use may be without being a mismatch. Files often give a day
/// alone, which is read as its first instant: a use on the day of the hand-out then looks up to 24
/// hours older than it is.
const HAND_OUT_TOLERANCE: TimeDelta = TimeDelta::days(1);

/// A reward that was issued no earlier than this before it was recorded came without a date, so the
/// import put in its own.
const GUESS_WINDOW: TimeDelta = TimeDelta::minutes(1);

/// The shop's number of an order, in one form: two are equal when people would call them the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrderNumber(String);

impl OrderNumber {
    /// `text` as a file's cell is read, without invisible characters, in Unicode's form NFC. `None`
    /// when nothing is left, or only a word or a dash for no value: such uses are told apart by
    /// their times. A page and every file ask here.
    pub fn of(text: &str) -> Option<Self> {
        let mut number = text.to_owned();
        loop {
            let seen: String =
                number.chars().filter(|c| !invisible::is_invisible(*c)).nfc().collect();
            let bare = cell::reference(&seen).into_owned();
            if bare == number {
                break;
            }
            number = bare;
        }
        let is_none =
            number.chars().all(fold::is_hyphen) || Damage::of(&number) == Some(Damage::NoValue);
        (!is_none).then_some(Self(number))
    }

    /// A number as it is stored; an empty one is none.
    pub fn stored(text: String) -> Option<Self> {
        (!text.is_empty()).then_some(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What makes two uses of one coupon the same use.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum UseIdentity {
    /// The order, whatever the time: shops report one order with seconds, to the minute, or as a
    /// day.
    Order(OrderNumber),
    /// The time, where the order is not known.
    Time(DateTime<Utc>),
}

impl UseIdentity {
    pub fn of(order: Option<&OrderNumber>, at: DateTime<Utc>) -> Self {
        order.map_or(Self::Time(at), |order| Self::Order(order.clone()))
    }
}

/// Whether a use can have happened at `at`, when it is reported at `now`. Every way in which a use
/// is reported asks here.
pub fn check_used_at(at: DateTime<Utc>, now: DateTime<Utc>, zone: Tz) -> Result<(), Invalid> {
    if at <= now + CLOCK_TOLERANCE {
        return Ok(());
    }
    let now = zone::show(now, zone);
    Err(Invalid::because(format!(
        "this is in the future; it is now {now}. Enter a use once it has happened"
    )))
}

/// When the customer got the coupon of a reward: by its reissue, else when the reward was issued.
/// `None` when the reward came without a date: its `issued_at` is then the moment at which it was
/// recorded, and a use before that shows nothing.
pub fn handed_out_at(
    reissued: Option<DateTime<Utc>>,
    issued: DateTime<Utc>,
    recorded: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    reissued.or_else(|| (issued < recorded - GUESS_WINDOW).then_some(issued))
}

/// Whether somebody used the coupon before the customer had it.
pub fn is_before_hand_out(used: DateTime<Utc>, handed_out: DateTime<Utc>) -> bool {
    used < if may_be_a_day(used) { handed_out - HAND_OUT_TOLERANCE } else { handed_out }
}

/// Whether the time may be a day's first instant in some zone: those are whole quarters of an hour
/// in UTC.
fn may_be_a_day(at: DateTime<Utc>) -> bool {
    at.second() == 0 && at.minute().is_multiple_of(15) && at.timestamp_subsec_micros() == 0
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, test_runner::TestRunner};

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap_or_default().to_utc()
    }

    #[test]
    fn an_order_number_has_one_form() {
        assert_eq!(OrderNumber::of("\u{feff} O-77\u{200b}\r\n"), OrderNumber::of("O-77"));
        assert_eq!(OrderNumber::of("Be\u{301}b\u{e9}"), OrderNumber::of("B\u{e9}be\u{301}"));
        assert_ne!(
            OrderNumber::of("o-77"),
            OrderNumber::of("O-77"),
            "shops tell them apart by case"
        );
        assert_eq!(OrderNumber::of(" \u{200b}\u{a0}"), None);
        for dressed in [
            "=\"1001\"",
            "\"1001\"",
            "'1001'",
            "'1001",
            "1001,",
            "10\u{200b}01",
            "=(\"1001\")",
            "\u{feff}=\"1001\" ",
        ] {
            assert_eq!(OrderNumber::of(dressed), OrderNumber::of("1001"), "{dressed:?}");
        }
        for none in ["NULL", "null", "N/A", "None", "\\N", "-", "--", "–", "=\"\"", "\"\""] {
            assert_eq!(OrderNumber::of(none), None, "{none:?}");
        }
    }

    #[test]
    fn trimming_and_composing_do_not_matter() {
        let blank = " \t\u{a0}\u{200b}\u{feff}\u{2060}\u{202a}".chars().collect::<Vec<_>>();
        let around = prop::collection::vec(prop::sample::select(blank), 0..4);
        let tried = TestRunner::default().run(&("\\PC{0,12}", around), |(text, around)| {
            let around: String = around.into_iter().collect();
            let one = OrderNumber::of(&text);
            for other in [text.nfd().collect::<String>(), text.nfc().collect()] {
                prop_assert_eq!(&one, &OrderNumber::of(&format!("{around}{other}{around}")));
            }
            if let Some(one) = one {
                let again = OrderNumber::of(one.as_str());
                prop_assert_eq!(again, Some(one), "the form of a number is its own form");
            }
            Ok(())
        });
        assert!(tried.is_ok(), "{tried:?}");
    }

    #[test]
    fn a_use_is_at_most_five_minutes_ahead() {
        let now = at("2026-11-23T12:00:00Z");
        assert_eq!(check_used_at(at("2026-11-23T12:05:00Z"), now, chrono_tz::UTC), Ok(()));
        assert!(
            check_used_at(at("2026-11-23T12:05:01Z"), now, chrono_tz::UTC)
                .is_err_and(|why| why.0.contains("it is now 23 Nov 2026, 12:00 UTC"))
        );
    }

    #[test]
    fn a_use_is_before_the_hand_out_when_it_is_a_day_older() {
        let handed_out = at("2026-03-01T15:00:00Z");
        assert!(
            !is_before_hand_out(at("2026-03-01T00:00:00Z"), handed_out),
            "a date alone means that day's first instant"
        );
        assert!(!is_before_hand_out(at("2026-02-28T15:00:00Z"), handed_out));
        assert!(
            is_before_hand_out(at("2026-03-01T14:59:58Z"), handed_out),
            "no day begins at such a time"
        );
        assert!(is_before_hand_out(at("2026-02-28T14:59:59Z"), handed_out));
    }

    #[test]
    fn a_reward_without_a_date_says_nothing_of_its_hand_out() {
        let recorded = at("2026-03-01T15:00:00Z");
        assert_eq!(handed_out_at(None, recorded, recorded), None);
        assert_eq!(
            handed_out_at(None, at("2026-03-01T00:00:00Z"), recorded),
            Some(at("2026-03-01T00:00:00Z"))
        );
        assert_eq!(
            handed_out_at(Some(recorded), recorded, recorded),
            Some(recorded),
            "a reissue has its own time"
        );
    }
}
