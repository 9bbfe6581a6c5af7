//! A new batch with its codes, in one form; nothing is made before the import that it becomes is
//! confirmed.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use super::vouchers::{self, Sent};
use crate::{
    app::{
        Desk, Member,
        imports::receive_import::{
            InvalidBatch, ReceivedFile, TypedBatch, close_import, plan_batch,
        },
    },
    domain::import::ImportKind,
    web::{
        imports::{
            self,
            upload::{self, Receiver},
        },
        shared::{errors::Error, frame},
    },
};

/// `GET /m/{merchant}/batches/new`
pub async fn new(
    request: HttpRequest,
    member: web::ReqData<Member>,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    answer(
        &request,
        &member,
        StatusCode::OK,
        &TypedBatch::default(),
        &InvalidBatch::default(),
        Sent::default(),
    )
}

/// `POST /m/{merchant}/batches`
pub async fn create(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    form: upload::UploadForm,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let receiver =
        Receiver { desk: &desk, member: &member, kind: ImportKind::Vouchers, batch: None };
    let mut upload = receiver.read(form).await?;
    let text = |name| upload.field(name).unwrap_or_default().to_owned();
    let typed = TypedBatch {
        name: text("name"),
        from: text("valid_from"),
        until: text("valid_until"),
        uses: text("uses"),
        case_sensitive: upload.field("case_sensitive").is_some(),
    };
    let (asker, asked) = (member.clone(), typed.clone());
    let planned = match desk.reading(move |desk| plan_batch(desk, &asker, &asked)).await {
        Ok(planned) => planned,
        Err(error) => {
            receiver.give_up(&mut upload).await;
            return Err(error.into());
        }
    };
    let import = match &planned {
        Ok(_) if upload.wrong.is_none() => receiver.import(&mut upload).await?,
        _ => None,
    };
    let (Ok(planned), Some(import)) = (&planned, import) else {
        receiver.give_up(&mut upload).await;
        let is_invalid = upload.wrong.is_some();
        let (status, sent) = vouchers::refusal(upload);
        let (invalid, sent) = match planned {
            Ok(_) => (InvalidBatch::default(), sent),
            // A file is not sent back: it has to be chosen again.
            Err(invalid) => (invalid, if is_invalid { sent } else { Sent { why: None, ..sent } }),
        };
        return answer(&request, &member, status, &typed, &invalid, sent);
    };
    let (asker, name, planned) = (member.clone(), upload.file_name, planned.clone());
    desk.writing(move |desk| {
        close_import(desk, &asker, import, ReceivedFile { name: &name, new_batch: Some(&planned) })
    })
    .await?;
    match imports::checked(&desk, &member, import, &upload.text).await? {
        Ok(answer) => Ok(answer),
        Err(why) => {
            let sent = Sent { text: upload.text, why: Some(why), is_of_file: false };
            answer(
                &request,
                &member,
                StatusCode::UNPROCESSABLE_ENTITY,
                &typed,
                &InvalidBatch::default(),
                sent,
            )
        }
    }
}

fn answer(
    request: &HttpRequest,
    member: &Member,
    status: StatusCode,
    typed: &TypedBatch,
    invalid: &InvalidBatch,
    sent: Sent,
) -> Result<HttpResponse, Error> {
    let view = vouchers::new_batch(
        frame::in_merchant(request, member, "New batch"),
        member,
        typed,
        invalid,
        sent,
    );
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(view.render()?))
}
