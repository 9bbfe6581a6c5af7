//! Links that let somebody in once: what for, and for how long. Pure.

use std::str::FromStr;

use chrono::TimeDelta;

use super::Invalid;

/// What a link lets somebody do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkPurpose {
    /// Choose a first password after an invitation.
    Invite,
    /// Choose another password after the old one was forgotten.
    Reset,
    /// Become the desk's first user.
    Setup,
}

impl LinkPurpose {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invite => "invite",
            Self::Reset => "reset",
            Self::Setup => "setup",
        }
    }

    /// How long such a link can be used.
    pub fn lifetime(self) -> TimeDelta {
        match self {
            Self::Invite => TimeDelta::days(7),
            Self::Reset => TimeDelta::hours(1),
            Self::Setup => TimeDelta::days(1),
        }
    }
}

impl FromStr for LinkPurpose {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        [Self::Invite, Self::Reset, Self::Setup]
            .into_iter()
            .find(|purpose| purpose.as_str() == text)
            .ok_or_else(|| Invalid::because("this is not a link's purpose"))
    }
}
