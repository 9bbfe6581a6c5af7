//! A user of the desk: whether they can sign in, and if not, why. Pure: no database, no clock.

use chrono::{DateTime, TimeDelta, Utc};

use super::ids::UserId;

/// A user and the facts that decide whether they may sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub email: String,
    pub name: String,
    pub created_at: DateTime<Utc>,
    pub last_seen_at: Option<DateTime<Utc>>,
    pub unlocked_at: Option<DateTime<Utc>>,
    pub disabled_at: Option<DateTime<Utc>>,
    /// Whether they have chosen a password or signed in elsewhere: before that they are only
    /// invited.
    pub has_credentials: bool,
    /// Whether they have an authenticator app or a passkey.
    pub has_second_factor: bool,
}

/// Whether a user can sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Has not followed the invitation yet.
    Invited,
    Active,
    /// Has not been here for long; an administrator lets them in again.
    Locked {
        since: DateTime<Utc>,
    },
    Disabled {
        since: DateTime<Utc>,
    },
}

/// How long somebody may stay away before they are locked out; `None`: for ever.
pub type Absence = Option<TimeDelta>;

impl User {
    /// Where the user stands at `now`.
    pub fn standing(&self, absence: Absence, now: DateTime<Utc>) -> Standing {
        if let Some(since) = self.disabled_at {
            return Standing::Disabled { since };
        }
        if !self.has_credentials {
            return Standing::Invited;
        }
        match absence.map(|absence| self.last_sign_of_life() + absence) {
            Some(since) if since <= now => Standing::Locked { since },
            _ => Standing::Active,
        }
    }

    fn last_sign_of_life(&self) -> DateTime<Utc> {
        [self.last_seen_at, self.unlocked_at]
            .into_iter()
            .flatten()
            .max()
            .unwrap_or(self.created_at)
            .max(self.created_at)
    }
}

/// Why a user may not act on the account of another, or on their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barrier {
    /// Nobody does these to themselves: nobody could take it back.
    Yourself,
    /// The user's role, or the one to be given, is not theirs to manage.
    NotYours,
    /// It reaches into a merchant in which the actor is no administrator.
    OtherMerchants,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(day)
    }

    fn user() -> User {
        User {
            id: UserId(1),
            email: "ann@desk.example".into(),
            name: "Ann".into(),
            created_at: at(0),
            last_seen_at: Some(at(10)),
            unlocked_at: None,
            disabled_at: None,
            has_credentials: true,
            has_second_factor: false,
        }
    }

    #[test]
    fn whoever_stays_away_is_locked_out_and_let_in_again() {
        let absence = Some(TimeDelta::days(90));
        let standing = |user: &User, day| user.standing(absence, at(day));
        assert_eq!(standing(&user(), 99), Standing::Active);
        assert_eq!(standing(&user(), 100), Standing::Locked { since: at(100) });
        assert_eq!(user().standing(None, at(100)), Standing::Active);
        assert_eq!(standing(&User { unlocked_at: Some(at(100)), ..user() }, 189), Standing::Active);
        assert_eq!(
            standing(&User { last_seen_at: None, ..user() }, 90),
            Standing::Locked { since: at(90) }
        );
    }

    #[test]
    fn disabled_says_more_than_invited_and_invited_more_than_locked() {
        let invited = User { has_credentials: false, last_seen_at: None, ..user() };
        assert_eq!(invited.standing(Some(TimeDelta::days(1)), at(500)), Standing::Invited);
        let disabled = User { disabled_at: Some(at(3)), ..invited };
        assert_eq!(disabled.standing(None, at(4)), Standing::Disabled { since: at(3) });
    }
}
