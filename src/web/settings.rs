//! A merchant's settings.
//! Must not know what a setting does.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use askama::Template;
use serde::Deserialize;

use super::{errors::Error, frame, present, request::FormBody, views::ui::Tone};
use crate::app::{
    Desk, Member,
    change_settings::{Changed, change_settings},
};

const HTML: &str = "text/html; charset=utf-8";

#[derive(Deserialize)]
pub struct Query {
    /// Whether they were just kept: "yes", or "same" where nothing was another one.
    kept: Option<String>,
}

/// `GET /m/{merchant}/settings`
pub async fn show(request: HttpRequest, member: web::ReqData<Member>, query: web::Query<Query>) -> Result<HttpResponse, Error> {
    let frame = frame::in_merchant(&request, &member, "Settings");
    let mut page = present::settings::show(frame, &member, |setting| setting.value_of(&member.merchant), &[]);
    page.frame.flash = match query.kept.as_deref() {
        Some("yes") => Some(present::flash::plain(Tone::Good, "Settings kept", "They hold from now on.")),
        Some("same") => Some(present::flash::plain(Tone::Quiet, "Nothing to change", "The settings were so already.")),
        _ => None,
    };
    Ok(HttpResponse::Ok().content_type(HTML).body(page.render()?))
}

/// `POST /m/{merchant}/settings`
pub async fn update(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    form: FormBody,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let fields: Vec<(String, String)> = form.fields().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let typed = move |setting: crate::app::change_settings::Setting| {
        fields.iter().find(|(name, _)| name == setting.as_str()).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let (asker, asked) = (member.clone(), typed.clone());
    let to = |kept: &str| {
        let target = format!("/m/{}/settings?kept={kept}#message", member.merchant.slug);
        Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, target)).finish())
    };
    match desk.writing(move |desk| change_settings(desk, &asker, asked)).await? {
        Changed::Done(_) => to("yes"),
        Changed::Unchanged => to("same"),
        Changed::Unfit(unfit) => {
            let page = present::settings::show(frame::in_merchant(&request, &member, "Settings"), &member, typed, &unfit);
            Ok(HttpResponse::UnprocessableEntity().content_type(HTML).body(page.render()?))
        }
    }
}
