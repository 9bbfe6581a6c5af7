//! A merchant's settings as a form.

use super::sentence;
use crate::{
    app::{Member, change_settings::Setting},
    domain::{Invalid, merchant::Merchant},
    web::views::{
        frame::Frame,
        settings::{InputKind, SettingGroup, SettingInput, SettingsPage},
    },
};

/// The page.
pub fn show(frame: Frame, member: &Member) -> SettingsPage {
    page(frame, member, |setting| {
        let now = setting.value_of(&member.merchant);
        (now.clone(), now, None)
    })
}

/// The page with what was typed, and what is wrong with it.
pub fn refused(
    frame: Frame,
    member: &Member,
    typed: impl Fn(Setting) -> String,
    seen: impl Fn(Setting) -> Option<String>,
    invalid: &[(Setting, Invalid)],
) -> SettingsPage {
    page(frame, member, |setting| {
        let error =
            invalid.iter().find(|(wrong, _)| *wrong == setting).map(|(_, why)| sentence(&why.0));
        (typed(setting), seen(setting).unwrap_or_else(|| setting.value_of(&member.merchant)), error)
    })
}

/// The page with what was typed and what somebody else has made of it meanwhile. Sent again, it
/// holds.
pub fn stale(
    frame: Frame,
    member: &Member,
    typed: impl Fn(Setting) -> String,
    seen: impl Fn(Setting) -> Option<String>,
    now: &Merchant,
    changed: &[Setting],
) -> SettingsPage {
    page(frame, member, |setting| {
        let (typed, theirs) = (typed(setting), setting.value_of(now));
        if !changed.contains(&setting) || typed == theirs {
            return (typed, theirs, None);
        }
        let seen = seen(setting).unwrap_or_default();
        if typed == seen {
            let was = value(setting, &seen);
            return (
                theirs.clone(),
                theirs,
                Some(format!(
                    "Someone else has changed this in the meantime. It was {was} before."
                )),
            );
        }
        let told = format!(
            "Someone else has changed this to {} in the meantime. Save what you typed, or enter \
             their value.",
            value(setting, &theirs)
        );
        (typed, theirs, Some(told))
    })
}

/// A value in a sentence.
fn value(setting: Setting, text: &str) -> String {
    match (words(setting).2, text) {
        (InputKind::Switch, "") => "off".to_owned(),
        (InputKind::Switch, _) => "on".to_owned(),
        (_, "") => "empty".to_owned(),
        _ => format!("“{text}”"),
    }
}

/// The field that holds what a setting was when the form was handed out.
pub fn seen_name(setting: Setting) -> String {
    format!("seen_{}", setting.as_str())
}

/// The form; `of` answers what stands in a setting's field, what it was when the form was handed
/// out, and what is to be said of it.
fn page(
    frame: Frame,
    member: &Member,
    of: impl Fn(Setting) -> (String, String, Option<String>),
) -> SettingsPage {
    let input = |setting: Setting| {
        let (label, hint, kind) = words(setting);
        let (value, seen, error) = of(setting);
        SettingInput {
            name: setting.as_str(),
            label,
            hint,
            value,
            seen_name: seen_name(setting),
            seen,
            error,
            kind,
        }
    };
    let group = |id, title, settings: &[Setting]| SettingGroup {
        id,
        title,
        inputs: settings.iter().map(|setting| input(*setting)).collect(),
    };
    SettingsPage {
        frame,
        action: format!("/m/{}/settings", member.merchant.slug),
        groups: vec![
            group("merchant", "The merchant", &[Setting::Name, Setting::TimeZone]),
            group(
                "contacts",
                "Contacts",
                &[Setting::TicketUrl, Setting::AccountManager, Setting::MailFrom],
            ),
            group("stock", "Stock", &[Setting::StockThreshold, Setting::LeastDays]),
            group("access", "Access", &[Setting::RequiresSecondFactor]),
        ],
        zones: super::zones(),
    }
}

fn words(setting: Setting) -> (&'static str, &'static str, InputKind) {
    match setting {
        Setting::Name => {
            ("Name", "As users and customers see it, including in emails.", InputKind::Text)
        }
        Setting::TimeZone => (
            "Time zone",
            "Times are shown in this zone. Existing start and end times don't move.",
            InputKind::Zone,
        ),
        Setting::TicketUrl => (
            "Ticket address",
            "Where people go to ask for a second reissue. Starts with https:, http: or mailto:. \
             {reward_id}, {customer_id} and {reissue_id} are filled in.",
            InputKind::Text,
        ),
        Setting::AccountManager => (
            "Account manager",
            "The contact for rewards that can't be reissued here, such as Ann Lee \
             <ann@example.com>.",
            InputKind::Text,
        ),
        Setting::MailFrom => (
            "Email sender",
            "Leave empty for the desk's own sender. Your mail relay must allow \
                              this address.",
            InputKind::Text,
        ),
        Setting::RequiresSecondFactor => (
            "Require a second factor for every user",
            "An authenticator app or a passkey, in addition to the password.",
            InputKind::Switch,
        ),
        Setting::StockThreshold => (
            "Stock threshold",
            "Stock is critical at this number of usable codes or fewer. Applies to batches without \
             a threshold of their own.",
            InputKind::Number,
        ),
        Setting::LeastDays => (
            "Minimum days to use a code",
            "A batch whose next code ends sooner than this counts as expiring.",
            InputKind::Number,
        ),
    }
}
