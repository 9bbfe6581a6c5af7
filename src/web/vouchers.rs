//! Adding vouchers to a batch: codes pasted, or a CSV file.
//! Must not know how rows are judged.

use actix_multipart::Multipart;
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use askama::Template;

use super::{
    batches,
    errors::Error,
    present::{self, batches::Told},
    request,
    upload::{TooLarge, Upload},
    words,
};
use crate::{
    app::{self, Desk, Member, add_vouchers::add_vouchers, show_batches},
    domain::ids::BatchId,
};

/// `POST /m/{merchant}/batches/{id}/vouchers`
pub async fn create(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    path: web::Path<(String, String)>,
    form: Multipart,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let id = request::number(&path.1).map(BatchId).ok_or(Error::NotFound)?;
    let asker = member.clone();
    desk.reading(move |desk| show_batches::has_batch(desk, &asker, id)).await?;
    let upload = Upload::read(form, "codes", "file").await?;
    let text = upload.text.clone();
    if let Some(why) = unfit(&upload) {
        let status = if upload.too_large.is_some() { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::UNPROCESSABLE_ENTITY };
        return answer(&request, &desk, &member, id, status, Told::VouchersUnfit { text, why: why.to_owned() }).await;
    }
    let asker = member.clone();
    let mut source = upload.into_source().map_err(|_| Error::Unavailable)?;
    match desk.importing(move |desk| add_vouchers(desk, &asker, id, &mut source)).await {
        Ok(added) if added.report.rejected == 0 => {
            let done = added.report.record.map(|record| format!("?done={record}")).unwrap_or_default();
            let target = words::batch_address(&member, id, &format!("{done}#message"));
            Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, target)).finish())
        }
        Ok(added) => {
            let status = if added.report.accepted() == 0 { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
            answer(&request, &desk, &member, id, status, Told::VouchersAdded { text, added }).await
        }
        Err(app::Error::Unfit(why)) => {
            let told = Told::VouchersUnfit { text, why: present::sentence(&why.0) };
            answer(&request, &desk, &member, id, StatusCode::UNPROCESSABLE_ENTITY, told).await
        }
        Err(error) => Err(error.into()),
    }
}

fn unfit(upload: &Upload) -> Option<&'static str> {
    match (upload.too_large, upload.has_file(), upload.text.trim().is_empty()) {
        (Some(TooLarge::File), ..) => Some(words::FILE_TOO_LARGE),
        (Some(TooLarge::Text), ..) => Some(words::TEXT_TOO_LONG),
        (None, true, false) => Some("Paste codes or choose a file, not both. Nothing was added."),
        (None, false, true) => Some("Paste at least one code, or choose a file."),
        _ => None,
    }
}

async fn answer(
    request: &HttpRequest,
    desk: &Desk,
    member: &Member,
    id: BatchId,
    status: StatusCode,
    told: Told,
) -> Result<HttpResponse, Error> {
    let page = batches::page(request, desk, member, id, &told).await?;
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(page.render()?))
}
