//! A merchant's settings as a form.

use std::collections::HashMap;

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::{
        Desk, Member,
        settings::change_settings::{Setting, SettingsChangeOutcome, change_settings},
    },
    domain::{Invalid, merchant::Merchant},
    web::shared::{
        addresses,
        answers::{html, see_other},
        context::MerchantRequest,
        errors::Error,
        flash,
        format::sentence,
        frame::Frame,
        request::FormBody,
        ui::Tone,
    },
};

/// The page.
pub fn settings_page(frame: Frame, member: &Member) -> SettingsPage {
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
        action: addresses::settings(&member.merchant),
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
        zones: crate::web::shared::format::zones(),
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

#[derive(Deserialize)]
pub struct SettingsQuery {
    /// Whether they were just kept: "yes", or "same" where nothing was another one.
    kept: Option<String>,
}

/// `GET /m/{merchant}/settings`
pub async fn show(
    cx: MerchantRequest,
    query: web::Query<SettingsQuery>,
) -> Result<HttpResponse, Error> {
    let frame = cx.frame("Settings");
    let mut page = settings_page(frame, &cx.member);
    page.frame.flash = match query.kept.as_deref() {
        Some("yes") => Some(flash::plain(Tone::Good, "Settings saved", "They apply from now on.")),
        Some("same") => {
            Some(flash::plain(Tone::Quiet, "Nothing to save", "No settings were different."))
        }
        _ => None,
    };
    Ok(html(StatusCode::OK, page.render()?))
}

/// `POST /m/{merchant}/settings`
pub async fn update(cx: MerchantRequest, form: FormBody) -> Result<HttpResponse, Error> {
    let fields: HashMap<String, String> =
        form.fields().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let typed = |setting: Setting| fields.get(setting.as_str()).cloned().unwrap_or_default();
    let seen = |setting: Setting| fields.get(&seen_name(setting)).cloned();
    // Taken apart before the work goes to another thread.
    let values: Vec<(Setting, String, Option<String>)> =
        Setting::ALL.map(|setting| (setting, typed(setting), seen(setting))).into();
    let asked = move |desk: &Desk, member: &Member| {
        let of = |setting: Setting| values.iter().find(|(one, ..)| *one == setting);
        let typed = |setting| of(setting).map(|(_, typed, _)| typed.clone()).unwrap_or_default();
        change_settings(desk, member, typed, |setting| {
            of(setting).and_then(|(.., seen)| seen.clone())
        })
    };
    let to = |kept: &str| {
        let target = format!("{}?kept={kept}#message", addresses::settings(&cx.member.merchant));
        Ok(see_other(target))
    };
    let frame = || cx.frame("Settings");
    match cx.write(asked).await? {
        SettingsChangeOutcome::Done(_) => to("yes"),
        SettingsChangeOutcome::Unchanged => to("same"),
        SettingsChangeOutcome::Invalid(invalid) => {
            let page = refused(frame(), &cx.member, typed, seen, &invalid);
            Ok(html(StatusCode::UNPROCESSABLE_ENTITY, page.render()?))
        }
        SettingsChangeOutcome::Stale { now, changed } => {
            let mut page = stale(frame(), &cx.member, typed, seen, &now, &changed);
            page.frame.flash = Some(flash::plain(
                Tone::Notice,
                "Not saved yet",
                "Someone else has changed settings since you opened this page. Check the marked \
                 fields below, then save again.",
            ));
            Ok(html(StatusCode::CONFLICT, page.render()?))
        }
    }
}

/// `GET /m/{merchant}/settings`.
#[derive(Debug, Template)]
#[template(path = "settings/show.html")]
pub struct SettingsPage {
    pub frame: Frame,
    pub action: String,
    pub groups: Vec<SettingGroup>,
    /// For the time zone's field.
    pub zones: Vec<&'static str>,
}

/// Settings that belong together.
#[derive(Clone, Debug)]
pub struct SettingGroup {
    pub id: &'static str,
    pub title: &'static str,
    pub inputs: Vec<SettingInput>,
}

/// A setting to be typed or switched.
#[derive(Clone, Debug)]
pub struct SettingInput {
    pub name: &'static str,
    pub label: &'static str,
    pub hint: &'static str,
    pub value: String,
    /// The hidden field with the value that the form was handed out with.
    pub seen_name: String,
    pub seen: String,
    pub error: Option<String>,
    pub kind: InputKind,
}

/// How it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    Text,
    Zone,
    Number,
    Switch,
}

impl SettingInput {
    pub fn is_switch(&self) -> bool {
        self.kind == InputKind::Switch
    }

    pub fn is_number(&self) -> bool {
        self.kind == InputKind::Number
    }

    pub fn is_zone(&self) -> bool {
        self.kind == InputKind::Zone
    }
}
