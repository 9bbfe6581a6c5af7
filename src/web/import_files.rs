//! Files of other things than vouchers: the shop's redemptions, and codes to bar. Each becomes an
//! import that is checked first.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use super::{
    errors::Error,
    frame, imports,
    present::{self, vouchers::Sent},
    upload::{self, Receiver},
    vouchers,
};
use crate::{
    app::{Desk, Member, receive_import::close_import},
    domain::import::ImportKind,
};

/// `GET /m/{merchant}/redemptions/new`
pub async fn new_redemptions(
    request: HttpRequest,
    member: web::ReqData<Member>,
) -> Result<HttpResponse, Error> {
    form(&request, &member.into_inner(), ImportKind::Redemptions, StatusCode::OK, Sent::default())
}

/// `POST /m/{merchant}/redemptions`
pub async fn create_redemptions(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    sent: upload::UploadForm,
) -> Result<HttpResponse, Error> {
    create(&request, &desk, &member.into_inner(), ImportKind::Redemptions, sent).await
}

/// `GET /m/{merchant}/bars/new`
pub async fn new_bars(
    request: HttpRequest,
    member: web::ReqData<Member>,
) -> Result<HttpResponse, Error> {
    form(&request, &member.into_inner(), ImportKind::Bars, StatusCode::OK, Sent::default())
}

/// `POST /m/{merchant}/bars`
pub async fn create_bars(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    sent: upload::UploadForm,
) -> Result<HttpResponse, Error> {
    create(&request, &desk, &member.into_inner(), ImportKind::Bars, sent).await
}

async fn create(
    request: &HttpRequest,
    desk: &Desk,
    member: &Member,
    kind: ImportKind,
    sent: upload::UploadForm,
) -> Result<HttpResponse, Error> {
    let receiver = Receiver { desk, member, kind, batch: None };
    let mut upload = receiver.read(sent).await?;
    let import = if upload.wrong.is_none() { receiver.import(&mut upload).await? } else { None };
    let Some(import) = import else {
        let (status, sent) = vouchers::refusal(upload);
        return form(request, member, kind, status, sent);
    };
    let (asker, name) = (member.clone(), upload.file_name);
    desk.writing(move |desk| close_import(desk, &asker, import, &name, None)).await?;
    match imports::checked(desk, member, import, &upload.text).await? {
        Ok(answer) => Ok(answer),
        Err(why) => {
            let sent = Sent { text: upload.text, why: Some(why), is_of_file: false };
            form(request, member, kind, StatusCode::UNPROCESSABLE_ENTITY, sent)
        }
    }
}

fn form(
    request: &HttpRequest,
    member: &Member,
    kind: ImportKind,
    status: StatusCode,
    sent: Sent,
) -> Result<HttpResponse, Error> {
    let frame = frame::in_merchant(request, member, present::import_files::title(kind));
    let view = present::import_files::new(frame, member, kind, sent);
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(view.render()?))
}
