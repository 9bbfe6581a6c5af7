//! A merchant's settings as a form.

use super::sentence;
use crate::{
    app::{Member, change_settings::Setting},
    domain::{Invalid, merchant::Merchant},
    web::views::{
        frame::Frame,
        settings::{Group, Input, Kind, Show},
    },
};

/// The page.
pub fn show(frame: Frame, member: &Member) -> Show {
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
    unfit: &[(Setting, Invalid)],
) -> Show {
    page(frame, member, |setting| {
        let error =
            unfit.iter().find(|(wrong, _)| *wrong == setting).map(|(_, why)| sentence(&why.0));
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
) -> Show {
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
                Some(format!("Somebody else has changed this meanwhile: it was {was} before.")),
            );
        }
        let told = format!(
            "Somebody else has changed this to {} meanwhile. Keep what you typed, or take theirs.",
            value(setting, &theirs)
        );
        (typed, theirs, Some(told))
    })
}

/// A value in a sentence.
fn value(setting: Setting, text: &str) -> String {
    match (words(setting).2, text) {
        (Kind::Switch, "") => "off".to_owned(),
        (Kind::Switch, _) => "on".to_owned(),
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
) -> Show {
    let input = |setting: Setting| {
        let (label, hint, kind) = words(setting);
        let (value, seen, error) = of(setting);
        Input {
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
    let group = |id, title, settings: &[Setting]| Group {
        id,
        title,
        inputs: settings.iter().map(|setting| input(*setting)).collect(),
    };
    Show {
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

fn words(setting: Setting) -> (&'static str, &'static str, Kind) {
    match setting {
        Setting::Name => ("Name", "As users and customers see it, in mails too.", Kind::Text),
        Setting::TimeZone => (
            "Time zone",
            "Times are shown in it. What has an end already keeps that instant.",
            Kind::Zone,
        ),
        Setting::TicketUrl => (
            "Ticket address",
            "Where a second reissue is asked for: https:, http: or mailto:. {reward_id}, \
             {customer_id} and {reissue_id} are filled in.",
            Kind::Text,
        ),
        Setting::AccountManager => (
            "Account manager",
            "Whom to ask about rewards that can't be reissued here: Ann Lee <ann@example.com>.",
            Kind::Text,
        ),
        Setting::MailFrom => {
            ("Sender of mails", "Empty: the desk's own. Your mail relay must allow it.", Kind::Text)
        }
        Setting::RequiresSecondFactor => (
            "Ask every user for a second factor",
            "An authenticator app or a passkey, beside the password.",
            Kind::Switch,
        ),
        Setting::StockThreshold => (
            "Stock threshold",
            "So many usable codes or fewer are critical, in batches without a line of their own.",
            Kind::Number,
        ),
        Setting::LeastDays => (
            "Days a customer should have",
            "A batch whose next code ends sooner than this is expiring.",
            Kind::Number,
        ),
    }
}
