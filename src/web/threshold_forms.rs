//! Acts on a batch's stock: setting its thresholds, withdrawing what is left.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use askama::Template;

use super::{
    batches,
    errors::Error,
    present::batches::FormOutcome,
    request::{self, FormBody},
    words,
};
use crate::{
    app::{
        self, Desk, Member,
        set_thresholds::{SetThresholds, ThresholdsOutcome, set_thresholds},
        show_batches,
        withdraw_vouchers::{Withdrawn, withdraw_vouchers},
    },
    domain::ids::BatchId,
};

/// Another merchant's batch does not exist, whatever the form.
async fn batch_of(desk: &Desk, member: &Member, id: &str) -> Result<BatchId, Error> {
    let id = request::number(id).map(BatchId).ok_or(Error::NotFound)?;
    let asker = member.clone();
    desk.reading(move |desk| show_batches::has_batch(desk, &asker, id)).await?;
    Ok(id)
}

fn back(member: &Member, id: BatchId, done: &str) -> HttpResponse {
    let target = words::batch_address(member, id, &format!("?done={done}#message"));
    HttpResponse::SeeOther().insert_header((header::LOCATION, target)).finish()
}

/// `POST /m/{merchant}/batches/{id}/lines`
pub async fn draw(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    path: web::Path<(String, String)>,
    form: FormBody,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let id = batch_of(&desk, &member, &path.1).await?;
    let (Some(threshold), Some(reserve)) = (form.field("threshold"), form.field("reserve")) else {
        return Err(Error::Malformed);
    };
    let command = SetThresholds { batch: id, threshold, reserve };
    let (asker, asked) = (member.clone(), command.clone());
    match desk.writing(move |desk| set_thresholds(desk, &asker, &asked)).await? {
        ThresholdsOutcome::Done(record) => Ok(back(&member, id, &record.to_string())),
        ThresholdsOutcome::Unchanged => Ok(back(&member, id, "unchanged-lines")),
        ThresholdsOutcome::Invalid(why) => {
            let page = batches::page(
                &request,
                &desk,
                &member,
                id,
                &FormOutcome::ThresholdsInvalid { command, why },
            )
            .await?;
            Ok(HttpResponse::UnprocessableEntity()
                .content_type("text/html; charset=utf-8")
                .body(page.render()?))
        }
    }
}

/// `POST /m/{merchant}/batches/{id}/withdrawals`
pub async fn withdraw(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    path: web::Path<(String, String)>,
    form: FormBody,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let id = batch_of(&desk, &member, &path.1).await?;
    let reason = form.field("reason").ok_or(Error::Malformed)?;
    let shown: i64 =
        form.field("codes").and_then(|text| text.parse().ok()).ok_or(Error::Malformed)?;
    let (asker, why) = (member.clone(), reason.clone());
    // It draws many short transactions, and clicks go in between: so it holds a reader's place, not
    // the one place of a writer.
    match desk.reading(move |desk| withdraw_vouchers(desk, &asker, id, shown, &why)).await {
        Ok(Withdrawn::Now(record)) => Ok(back(&member, id, &record.to_string())),
        Ok(Withdrawn::Before) => Ok(back(&member, id, "withdrawn-before")),
        Err(app::Error::Invalid(why)) => {
            let page = batches::page(
                &request,
                &desk,
                &member,
                id,
                &FormOutcome::WithdrawalInvalid { reason, why: why.0 },
            )
            .await?;
            Ok(HttpResponse::UnprocessableEntity()
                .content_type("text/html; charset=utf-8")
                .body(page.render()?))
        }
        Err(error) => Err(error.into()),
    }
}
