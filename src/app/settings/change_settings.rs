//! A merchant's settings: what they are, and changing them.

use crate::{
    app::{Desk, Error, Member, batches::choose_alerts, names},
    db::{audit, memberships, merchants},
    domain::{
        Invalid,
        audit::{Action, Actor, Detail, NewRecord},
        email::Mailbox,
        ids::AuditId,
        merchant::{Merchant, TicketUrl},
        role::Permission,
        zone,
    },
};

/// A setting of a merchant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Setting {
    Name,
    TimeZone,
    TicketUrl,
    AccountManager,
    MailFrom,
    RequiresSecondFactor,
    StockThreshold,
    LeastDays,
}

impl Setting {
    pub const ALL: [Self; 8] = [
        Self::Name,
        Self::TimeZone,
        Self::TicketUrl,
        Self::AccountManager,
        Self::MailFrom,
        Self::RequiresSecondFactor,
        Self::StockThreshold,
        Self::LeastDays,
    ];

    /// As in forms and, with `old_` before it, in the audit log.
    pub fn as_str(self) -> &'static str {
        self.words().0
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Name => ("name", "old_name"),
            Self::TimeZone => ("timezone", "old_timezone"),
            Self::TicketUrl => ("ticket_url", "old_ticket_url"),
            Self::AccountManager => ("account_manager", "old_account_manager"),
            Self::MailFrom => ("mail_from", "old_mail_from"),
            Self::RequiresSecondFactor => ("requires_second_factor", "old_requires_second_factor"),
            Self::StockThreshold => ("threshold", "old_threshold"),
            Self::LeastDays => ("least_days", "old_least_days"),
        }
    }

    /// The value as one would type it; a switch is "yes" or empty.
    pub fn value_of(self, merchant: &Merchant) -> String {
        match self {
            Self::Name => merchant.name.clone(),
            Self::TimeZone => merchant.zone.name().to_owned(),
            Self::TicketUrl => {
                merchant.ticket_url.as_ref().map(|url| url.as_str().to_owned()).unwrap_or_default()
            }
            Self::AccountManager => {
                merchant.account_manager.as_ref().map(ToString::to_string).unwrap_or_default()
            }
            Self::MailFrom => {
                merchant.mail_from.as_ref().map(ToString::to_string).unwrap_or_default()
            }
            Self::RequiresSecondFactor => {
                if merchant.requires_second_factor { "yes" } else { "" }.to_owned()
            }
            Self::StockThreshold => merchant.stock_rules.threshold.to_string(),
            Self::LeastDays => merchant.stock_rules.least_days.to_string(),
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingsChangeOutcome {
    Done(AuditId),
    Unchanged,
    /// Each setting that cannot be taken, and why; nothing was changed.
    Invalid(Vec<(Setting, Invalid)>),
    /// Somebody else has changed these since the form was handed out; nothing was changed.
    Stale {
        now: Box<Merchant>,
        changed: Vec<Setting>,
    },
}

/// Changes the settings to what was typed; a record holds old and new of each that is another one
/// now. `seen` is what each setting was when the form was handed out, where that is known: what
/// somebody else has changed since is not undone unseen.
pub fn change_settings(
    desk: &Desk,
    member: &Member,
    typed: impl Fn(Setting) -> String,
    seen: impl Fn(Setting) -> Option<String>,
) -> Result<SettingsChangeOutcome, Error> {
    let new = match judge(&member.merchant, typed) {
        Ok(new) => new,
        Err(invalid) => return Ok(SettingsChangeOutcome::Invalid(invalid)),
    };
    desk.db.write(|tx| {
        let role = memberships::lock_role(tx, member.scope, member.user)?
            .filter(|role| role.may(Permission::ChangeSettings));
        role.ok_or(Error::NotAllowed)?;
        let old = merchants::lock(tx, member.scope)?;
        let is_stale =
            |setting: &Setting| seen(*setting).is_some_and(|seen| seen != setting.value_of(&old));
        let changed: Vec<Setting> = Setting::ALL.into_iter().filter(is_stale).collect();
        if !changed.is_empty() {
            return Ok(SettingsChangeOutcome::Stale { now: Box::new(old), changed });
        }
        let mut record = NewRecord::new(
            Some(member.scope.merchant()),
            Action::SettingsChanged,
            Actor::User(member.user),
        );
        for setting in Setting::ALL {
            let (before, after) = (setting.value_of(&old), setting.value_of(&new));
            if before != after {
                let (name, old_name) = setting.words();
                if setting == Setting::AccountManager {
                    // A person, whom the log never holds.
                    record.details.push((name, Detail::from(true)));
                } else {
                    record
                        .details
                        .extend([(old_name, Detail::from(before)), (name, Detail::from(after))]);
                }
            }
        }
        if record.details.is_empty() {
            return Ok(SettingsChangeOutcome::Unchanged);
        }
        merchants::set_settings(tx, member.scope, &new)?;
        record.request_id = Some(member.request_id.clone());
        Ok(SettingsChangeOutcome::Done(audit::append(tx, &record, desk.clock.now())?))
    })
}

/// The merchant as it was typed, or all that is wrong with it.
fn judge(
    merchant: &Merchant,
    typed: impl Fn(Setting) -> String,
) -> Result<Merchant, Vec<(Setting, Invalid)>> {
    let mut invalid = Vec::new();
    let mut new = merchant.clone();
    let mut note = |setting, outcome: Result<(), Invalid>| {
        if let Err(why) = outcome {
            invalid.push((setting, why));
        }
    };
    note(
        Setting::Name,
        names::check("the name", &typed(Setting::Name)).map(|name| new.name = name),
    );
    note(
        Setting::TimeZone,
        zone::parse_zone(&typed(Setting::TimeZone)).map(|zone| new.zone = zone),
    );
    note(
        Setting::TicketUrl,
        optional(&typed(Setting::TicketUrl), TicketUrl::parse).map(|url| new.ticket_url = url),
    );
    note(
        Setting::AccountManager,
        optional(&typed(Setting::AccountManager), Mailbox::parse)
            .map(|contact| new.account_manager = contact),
    );
    note(
        Setting::MailFrom,
        optional(&typed(Setting::MailFrom), Mailbox::parse).map(|sender| new.mail_from = sender),
    );
    new.requires_second_factor = !typed(Setting::RequiresSecondFactor).is_empty();
    match choose_alerts::stock_rules(&typed(Setting::StockThreshold), &typed(Setting::LeastDays)) {
        Ok(rules) => new.stock_rules = rules,
        Err(why) => {
            note(Setting::StockThreshold, why.get("threshold").cloned().map_or(Ok(()), Err));
            note(Setting::LeastDays, why.get("least_days").cloned().map_or(Ok(()), Err));
        }
    }
    if invalid.is_empty() { Ok(new) } else { Err(invalid) }
}

fn optional<T>(
    typed: &str,
    parse: impl Fn(&str) -> Result<T, Invalid>,
) -> Result<Option<T>, Invalid> {
    if typed.trim().is_empty() { Ok(None) } else { parse(typed).map(Some) }
}
