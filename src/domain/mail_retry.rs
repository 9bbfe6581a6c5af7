//! When a mail that was not taken is tried again, and when the desk gives up (guarantee R9).

use chrono::{DateTime, TimeDelta, Utc};

use super::ids::MailId;

/// What comes after a refusal that may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Once more, not before then.
    At(DateTime<Utc>),
    GiveUp,
}

/// The first delay; each further one is twice as long.
const FIRST_SECONDS: i64 = 15;
const LONGEST_SECONDS: i64 = 3600;
/// How long a mail is tried.
const GIVE_UP_AFTER: TimeDelta = TimeDelta::days(2);
/// A mail that waited in a held or stopped desk for days still gets this many tries, some three
/// hours of them.
const FEWEST_TRIES: i64 = 11;

/// What to do with a mail that was refused for the `attempts`th time at `now`.
///
/// The delay has a jitter of a quarter, made from the mail's number: a thousand mails that failed
/// together must not come back together.
pub fn after_refusal(
    mail: MailId,
    attempts: i64,
    queued_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Next {
    if now - queued_at >= GIVE_UP_AFTER && attempts >= FEWEST_TRIES {
        return Next::GiveUp;
    }
    let doublings = u32::try_from(attempts.clamp(1, 20) - 1).unwrap_or_default();
    let seconds = (FIRST_SECONDS << doublings).min(LONGEST_SECONDS);
    let jitter = seconds * 1000 / 4;
    Next::At(
        now + TimeDelta::milliseconds(
            seconds * 1000 - jitter + spread(mail, attempts) % (2 * jitter),
        ),
    )
}

/// A number that looks random but is the same for the same try (the finaliser of splitmix64).
fn spread(mail: MailId, attempts: i64) -> i64 {
    let mut x = mail.0.wrapping_mul(1_000_003).wrapping_add(attempts).cast_unsigned();
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    i64::try_from((x ^ (x >> 31)) >> 1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delay(mail: i64, attempts: i64) -> i64 {
        let now = DateTime::UNIX_EPOCH;
        match after_refusal(MailId(mail), attempts, now, now) {
            Next::At(at) => (at - now).num_milliseconds(),
            Next::GiveUp => panic!("gave up after {attempts}"),
        }
    }

    #[test]
    fn the_first_retry_comes_within_thirty_seconds() {
        for mail in 0..1000 {
            assert!((5_000..=30_000).contains(&delay(mail, 1)), "{}", delay(mail, 1));
        }
    }

    #[test]
    fn the_delay_grows_to_about_an_hour_and_no_further() {
        for mail in 0..100 {
            assert!((2..=8).all(|attempts| delay(mail, attempts) > delay(mail, attempts - 1)));
            assert!((2_700_000..=4_500_000).contains(&delay(mail, 9)));
            assert!((2_700_000..=4_500_000).contains(&delay(mail, i64::MAX)));
        }
    }

    #[test]
    fn mails_that_failed_together_do_not_come_back_together() {
        let mut delays: Vec<i64> = (0..100).map(|mail| delay(mail, 5)).collect();
        delays.sort_unstable();
        delays.dedup();
        assert!(delays.len() > 95);
        assert!(
            delays.last().zip(delays.first()).is_some_and(|(last, first)| last - first > 60_000)
        );
    }

    #[test]
    fn a_mail_is_given_up_after_two_days_and_not_before() {
        let queued = DateTime::UNIX_EPOCH;
        let second = TimeDelta::seconds(1);
        assert!(matches!(
            after_refusal(MailId(1), 60, queued, queued + GIVE_UP_AFTER - second),
            Next::At(_)
        ));
        assert_eq!(after_refusal(MailId(1), 60, queued, queued + GIVE_UP_AFTER), Next::GiveUp);
    }

    #[test]
    fn a_mail_held_for_days_is_not_given_up_at_its_first_refusal() {
        let queued = DateTime::UNIX_EPOCH;
        assert!(matches!(
            after_refusal(MailId(1), 1, queued, queued + TimeDelta::days(30)),
            Next::At(_)
        ));
    }
}
