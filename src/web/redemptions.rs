//! The page on which the shop and the desk are compared.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::{errors::Error, frame, present, request};
use crate::{
    app::{Desk, Member, show_findings::show_findings},
    domain::coupon_list::Disagreement,
};

#[derive(Deserialize)]
pub struct RedemptionsQuery {
    kind: Option<String>,
    before: Option<String>,
}

/// `GET /m/{merchant}/redemptions`
pub async fn index(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    query: web::Query<RedemptionsQuery>,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let wanted = query.kind.as_deref().unwrap_or_default();
    let kind = Disagreement::ALL
        .into_iter()
        .find(|kind| kind.as_str() == wanted)
        .unwrap_or(Disagreement::Unknown);
    let before = query.before.as_deref().and_then(request::number);
    let asker = member.clone();
    let page = desk.reading(move |desk| show_findings(desk, &asker, kind, before)).await?;
    let view = present::redemptions::index(
        frame::in_merchant(&request, &member, "Redemptions"),
        &member,
        kind,
        &page,
        before.is_some(),
    );
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(view.render()?))
}
