//! Adjusting a batch's validity.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use askama::Template;
use serde::Deserialize;

use super::{batches, errors::Error, present::batches::FormOutcome, request, words};
use crate::{
    app::{
        Desk, Member,
        adjust_validity::{AdjustValidity, Adjusted, adjust_validity},
        show_batches,
    },
    domain::ids::BatchId,
};

#[derive(Deserialize)]
pub struct ValidityFields {
    valid_from: Option<String>,
    valid_until: Option<String>,
}

/// `POST /m/{merchant}/batches/{id}/validity`
pub async fn update(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    path: web::Path<(String, String)>,
    form: web::Form<ValidityFields>,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let id = request::number(&path.1).map(BatchId).ok_or(Error::NotFound)?;
    // Another merchant's batch does not exist, whatever the form.
    let asker = member.clone();
    desk.reading(move |desk| show_batches::has_batch(desk, &asker, id)).await?;
    // An empty field opens that end; a missing one is not this page's form.
    let ValidityFields { valid_from: Some(from), valid_until: Some(until) } = form.into_inner()
    else {
        return Err(Error::Malformed);
    };
    let command = AdjustValidity { batch: id, from, until };
    let (asker, asked) = (member.clone(), command.clone());
    let done = match desk.writing(move |desk| adjust_validity(desk, &asker, &asked)).await? {
        Adjusted::Done(record) => record.to_string(),
        Adjusted::Unchanged => "unchanged".to_owned(),
        Adjusted::Invalid(why) => {
            let page = batches::page(
                &request,
                &desk,
                &member,
                id,
                &FormOutcome::ValidityInvalid { command, why },
            )
            .await?;
            return Ok(HttpResponse::UnprocessableEntity()
                .content_type("text/html; charset=utf-8")
                .body(page.render()?));
        }
    };
    let target = words::batch_address(&member, id, &format!("?done={done}#message"));
    Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, target)).finish())
}
