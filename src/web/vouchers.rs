//! Adding vouchers to a batch: codes pasted, or a file; both become an import that is checked
//! first.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use super::{
    batches,
    errors::Error,
    imports,
    present::{self, batches::FormOutcome, vouchers::Sent},
    request,
    upload::{self, Receiver, Upload, UploadRefusal},
    words,
};
use crate::{
    app::{Desk, Member, receive_import::close_import, show_batches},
    domain::{ids::BatchId, import::ImportKind},
};

/// `POST /m/{merchant}/batches/{id}/vouchers`
pub async fn create(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    path: web::Path<(String, String)>,
    form: upload::UploadForm,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let id = request::number(&path.1).map(BatchId).ok_or(Error::NotFound)?;
    let asker = member.clone();
    desk.reading(move |desk| show_batches::has_batch(desk, &asker, id)).await?;
    let receiver =
        Receiver { desk: &desk, member: &member, kind: ImportKind::Vouchers, batch: Some(id) };
    let mut upload = receiver.read(form).await?;
    let import = if upload.wrong.is_none() { receiver.import(&mut upload).await? } else { None };
    let Some(import) = import else {
        let (status, sent) = refusal(upload);
        return invalid(&request, &desk, &member, id, status, sent).await;
    };
    let (asker, name) = (member.clone(), upload.file_name);
    desk.writing(move |desk| close_import(desk, &asker, import, &name, None)).await?;
    match imports::checked(&desk, &member, import, &upload.text).await? {
        Ok(answer) => Ok(answer),
        Err(why) => {
            let sent = Sent { text: upload.text, why: Some(why), is_of_file: false };
            invalid(&request, &desk, &member, id, StatusCode::UNPROCESSABLE_ENTITY, sent).await
        }
    }
}

/// The batch's page again, with what was pasted and why nothing of it was taken.
async fn invalid(
    request: &HttpRequest,
    desk: &Desk,
    member: &Member,
    id: BatchId,
    status: StatusCode,
    sent: Sent,
) -> Result<HttpResponse, Error> {
    let page =
        batches::page(request, desk, member, id, &FormOutcome::VouchersInvalid(sent)).await?;
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(page.render()?))
}

/// The answer to a form of which nothing can be taken.
pub fn refusal(upload: Upload) -> (StatusCode, Sent) {
    let status = match upload.wrong {
        Some(UploadRefusal::TextTooLarge | UploadRefusal::FileTooLarge) => {
            StatusCode::PAYLOAD_TOO_LARGE
        }
        Some(UploadRefusal::Refused(_)) => StatusCode::CONFLICT,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let why = match &upload.wrong {
        Some(UploadRefusal::TextTooLarge) => words::TEXT_TOO_LONG.to_owned(),
        Some(UploadRefusal::FileTooLarge) => words::FILE_TOO_LARGE.to_owned(),
        Some(UploadRefusal::Both) => {
            "Paste codes or choose a file, not both. Nothing was uploaded.".to_owned()
        }
        Some(UploadRefusal::EmptyFile) => "The file is empty. Choose another file.".to_owned(),
        Some(UploadRefusal::Refused(why)) => present::sentence(&why.0),
        Some(UploadRefusal::Nothing) | None => {
            "Paste at least one code, or choose a file.".to_owned()
        }
    };
    let is_of_file =
        matches!(upload.wrong, Some(UploadRefusal::EmptyFile | UploadRefusal::FileTooLarge));
    (status, Sent { text: upload.text, why: Some(why), is_of_file })
}
