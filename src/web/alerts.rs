//! Stock alerts: the page, one's own choice, and the thresholds for all batches.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use askama::Template;
use serde::Deserialize;

use super::{
    errors::Error,
    frame, present,
    present::alerts::SubmittedRules,
    request::{self, FormBody},
    views::ui::Tone,
};
use crate::{
    app::{
        Desk, Member,
        choose_alerts::{self, AlertRulesOutcome},
    },
    domain::stock_alert::AlertMode,
};

#[derive(Deserialize)]
pub struct AlertsQuery {
    before: Option<String>,
    /// What was just done: one of our own words.
    done: Option<String>,
}

/// `GET /m/{merchant}/alerts`
pub async fn index(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    query: web::Query<AlertsQuery>,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let before = query.before.as_deref().and_then(request::number);
    let body = page(&request, &desk, &member, before, None, query.done.as_deref()).await?;
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(body))
}

async fn page(
    request: &HttpRequest,
    desk: &Desk,
    member: &Member,
    before: Option<i64>,
    typed: Option<&SubmittedRules>,
    done: Option<&str>,
) -> Result<String, Error> {
    let asker = member.clone();
    let found = desk.reading(move |desk| choose_alerts::show_alerts(desk, &asker, before)).await?;
    let mut page = present::alerts::index(
        frame::in_merchant(request, member, "Stock alerts"),
        member,
        &found,
        before.is_some(),
        typed,
    );
    page.frame.flash = match done {
        Some("chosen") => {
            Some(present::flash::plain(Tone::Good, "Saved", "This applies to alerts from now on."))
        }
        Some("drawn") => Some(present::flash::plain(
            Tone::Good,
            "Thresholds saved",
            "They apply to every batch without thresholds of its own.",
        )),
        _ => None,
    };
    Ok(page.render()?)
}

fn back(member: &Member, done: &str) -> HttpResponse {
    let target = format!("/m/{}/alerts?done={done}#message", member.merchant.slug);
    HttpResponse::SeeOther().insert_header((header::LOCATION, target)).finish()
}

/// `POST /m/{merchant}/alerts`
pub async fn choose(
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    form: FormBody,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let mode: AlertMode =
        form.field("mode").and_then(|word| word.parse().ok()).ok_or(Error::Malformed)?;
    let asker = member.clone();
    desk.writing(move |desk| choose_alerts::choose_alerts(desk, &asker, mode)).await?;
    Ok(back(&member, "chosen"))
}

/// `POST /m/{merchant}/alerts/rules`
pub async fn draw(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    form: FormBody,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let (Some(threshold), Some(least_days)) = (form.field("threshold"), form.field("least_days"))
    else {
        return Err(Error::Malformed);
    };
    let (asker, typed) = (member.clone(), (threshold.clone(), least_days.clone()));
    match desk
        .writing(move |desk| choose_alerts::draw_stock_rules(desk, &asker, &typed.0, &typed.1))
        .await?
    {
        AlertRulesOutcome::Done(_) | AlertRulesOutcome::Unchanged => Ok(back(&member, "drawn")),
        AlertRulesOutcome::Invalid(why) => {
            let typed = SubmittedRules { threshold, least_days, why };
            let body = page(&request, &desk, &member, None, Some(&typed), None).await?;
            Ok(HttpResponse::UnprocessableEntity()
                .content_type("text/html; charset=utf-8")
                .body(body))
        }
    }
}
