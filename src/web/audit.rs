//! The audit log's page.
//! Must not know how the log is kept.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::{errors::Error, frame, present, request, views};
use crate::{
    app::{Desk, Member, show_audit_log::show_audit_log},
    domain::ids::AuditId,
};

#[derive(Deserialize)]
pub struct Query {
    before: Option<String>,
}

/// `GET /m/{merchant}/audit`
pub async fn index(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    query: web::Query<Query>,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let before = query.before.as_deref().and_then(request::number).map(AuditId);
    let asker = member.clone();
    let (records, older) = desk.reading(move |desk| show_audit_log(desk, &asker, before)).await?;
    let here = format!("/m/{}/audit", member.merchant.slug);
    let view = views::audit::Index {
        frame: frame::in_merchant(&request, &member, "Audit log"),
        events: records.iter().map(|record| present::audit::event(&member, record)).collect(),
        pager: views::ui::Pager { first_href: before.map(|_| here.clone()), older_href: older.map(|id| format!("{here}?before={id}")) },
    };
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(view.render()?))
}
