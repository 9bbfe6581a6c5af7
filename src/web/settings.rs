//! A merchant's settings.

use std::collections::HashMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use askama::Template;
use serde::Deserialize;

use super::{answer::html, errors::Error, frame, present, request::FormBody, views::ui::Tone};
use crate::app::{
    Desk, Member,
    change_settings::{Setting, SettingsChangeOutcome, change_settings},
};

#[derive(Deserialize)]
pub struct SettingsQuery {
    /// Whether they were just kept: "yes", or "same" where nothing was another one.
    kept: Option<String>,
}

/// `GET /m/{merchant}/settings`
pub async fn show(
    request: HttpRequest,
    member: web::ReqData<Member>,
    query: web::Query<SettingsQuery>,
) -> Result<HttpResponse, Error> {
    let frame = frame::in_merchant(&request, &member, "Settings");
    let mut page = present::settings::show(frame, &member);
    page.frame.flash = match query.kept.as_deref() {
        Some("yes") => {
            Some(present::flash::plain(Tone::Good, "Settings saved", "They apply from now on."))
        }
        Some("same") => Some(present::flash::plain(
            Tone::Quiet,
            "Nothing to save",
            "No settings were different.",
        )),
        _ => None,
    };
    Ok(html(StatusCode::OK, page.render()?))
}

/// `POST /m/{merchant}/settings`
pub async fn update(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    form: FormBody,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let fields: HashMap<String, String> =
        form.fields().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let typed = |setting: Setting| fields.get(setting.as_str()).cloned().unwrap_or_default();
    let seen = |setting: Setting| fields.get(&present::settings::seen_name(setting)).cloned();
    let asker = member.clone();
    // Taken apart before the work goes to another thread.
    let values: Vec<(Setting, String, Option<String>)> =
        Setting::ALL.map(|setting| (setting, typed(setting), seen(setting))).into();
    let asked = move |desk: &Desk| {
        let of = |setting: Setting| values.iter().find(|(one, ..)| *one == setting);
        let typed = |setting| of(setting).map(|(_, typed, _)| typed.clone()).unwrap_or_default();
        change_settings(desk, &asker, typed, |setting| {
            of(setting).and_then(|(.., seen)| seen.clone())
        })
    };
    let to = |kept: &str| {
        let target = format!("/m/{}/settings?kept={kept}#message", member.merchant.slug);
        Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, target)).finish())
    };
    let frame = || frame::in_merchant(&request, &member, "Settings");
    match desk.writing(asked).await? {
        SettingsChangeOutcome::Done(_) => to("yes"),
        SettingsChangeOutcome::Unchanged => to("same"),
        SettingsChangeOutcome::Invalid(invalid) => {
            let page = present::settings::refused(frame(), &member, typed, seen, &invalid);
            Ok(html(StatusCode::UNPROCESSABLE_ENTITY, page.render()?))
        }
        SettingsChangeOutcome::Stale { now, changed } => {
            let mut page = present::settings::stale(frame(), &member, typed, seen, &now, &changed);
            page.frame.flash = Some(present::flash::plain(
                Tone::Notice,
                "Not saved yet",
                "Someone else has changed settings since you opened this page. Check the marked \
                 fields below, then save again.",
            ));
            Ok(html(StatusCode::CONFLICT, page.render()?))
        }
    }
}
