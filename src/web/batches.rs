//! Voucher batches: the list, and one batch.
//! Must not know how stock is counted.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::{errors::Error, frame, present, request};
use crate::{
    app::{Desk, Member, show_batches},
    domain::ids::BatchId,
};

#[derive(Deserialize)]
pub struct Query {
    before: Option<String>,
}

/// `GET /m/{merchant}/batches`
pub async fn index(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    query: web::Query<Query>,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let before = query.before.as_deref().and_then(request::number).map(BatchId);
    let asker = member.clone();
    let page = desk.reading(move |desk| show_batches::list_batches(desk, &asker, before)).await?;
    let view = present::batches::index(frame::in_merchant(&request, &member, "Voucher batches"), &member, &page, before.is_some());
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(view.render()?))
}

/// `GET /m/{merchant}/batches/{id}`
pub async fn show(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let id = request::number(&path.1).map(BatchId).ok_or(Error::NotFound)?;
    let asker = member.clone();
    let file = desk.reading(move |desk| show_batches::show_batch(desk, &asker, id)).await?;
    let frame = frame::in_merchant(&request, &member, &file.row.batch.name);
    let view = present::batches::show(frame, &member, &file);
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(view.render()?))
}
