//! Settings about who comes in: how long a session lives, how long one may stay away, and which
//! proxies are believed.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{
    ABSENCE, CONFIRMATION, SESSION_HOURS, SESSION_IDLE, SettingError, Settings, TRUSTED_PROXIES,
};

/// How long sessions live and accounts stay open, as set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionSettings {
    pub idle_minutes: i64,
    pub hours: i64,
    /// After so many, dangerous acts ask again who one is.
    pub confirmation_minutes: i64,
    /// `None`: nobody is locked out for staying away.
    pub absence_days: Option<i64>,
}

impl Settings {
    pub fn sessions(&self) -> Result<SessionSettings, SettingError> {
        let absence = self.number(&ABSENCE, 0..=3_650, 90)?;
        Ok(SessionSettings {
            idle_minutes: self.number(&SESSION_IDLE, 1..=1_440, 30)?,
            hours: self.number(&SESSION_HOURS, 1..=720, 8)?,
            confirmation_minutes: self.number(&CONFIRMATION, 1..=1_440, 15)?,
            absence_days: (absence > 0).then_some(absence),
        })
    }

    /// Proxies whose word about a client's address is believed; none by default.
    pub fn trusted_proxies(&self) -> Result<Vec<IpNet>, SettingError> {
        let one = |text: &str| text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let wrong = |text: &str| {
            TRUSTED_PROXIES
                .malformed(format!("{text:?} isn't an address or a network such as 10.0.0.0/8"))
        };
        let list = self.get(&TRUSTED_PROXIES).unwrap_or_default();
        list.split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(|text| one(text).map_err(|_| wrong(text)))
            .collect()
    }

    fn number(
        &self,
        about: &super::About,
        range: std::ops::RangeInclusive<i64>,
        default: i64,
    ) -> Result<i64, SettingError> {
        let Some(text) = self.get(about) else { return Ok(default) };
        let (least, most) = (range.start(), range.end());
        text.parse().ok().filter(|n| range.contains(n)).ok_or_else(|| {
            about.malformed(format!("expected a whole number from {least} to {most}"))
        })
    }
}
