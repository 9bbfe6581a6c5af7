//! A new batch with its codes, in one form; nothing is made before the import that it becomes is
//! confirmed.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;

use crate::{
    app::imports::receive_import::{
        InvalidBatch, ReceivedFile, TypedBatch, close_import, plan_batch,
    },
    domain::import::ImportKind,
    web::{
        batches::vouchers::{self, Sent},
        imports::{
            self,
            upload::{self, Receiver},
        },
        shared::{answers::html, context::MerchantRequest, errors::Error},
    },
};

/// `GET /m/{merchant}/batches/new`
pub async fn new(cx: MerchantRequest) -> Result<HttpResponse, Error> {
    answer(&cx, StatusCode::OK, &TypedBatch::default(), &InvalidBatch::default(), Sent::default())
}

/// `POST /m/{merchant}/batches`
pub async fn create(cx: MerchantRequest, form: upload::UploadForm) -> Result<HttpResponse, Error> {
    let receiver =
        Receiver { desk: &cx.desk, member: &cx.member, kind: ImportKind::Vouchers, batch: None };
    let mut upload = receiver.read(form).await?;
    let text = |name| upload.field(name).unwrap_or_default().to_owned();
    let typed = TypedBatch {
        name: text("name"),
        from: text("valid_from"),
        until: text("valid_until"),
        uses: text("uses"),
        case_sensitive: upload.field("case_sensitive").is_some(),
    };
    let asked = typed.clone();
    let planned = match cx.read(move |desk, member| plan_batch(desk, member, &asked)).await {
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
        return answer(&cx, status, &typed, &invalid, sent);
    };
    let (name, planned) = (upload.file_name, planned.clone());
    cx.write(move |desk, member| {
        close_import(desk, member, import, ReceivedFile { name: &name, new_batch: Some(&planned) })
    })
    .await?;
    match imports::checked(&cx, import, &upload.text).await? {
        Ok(answer) => Ok(answer),
        Err(why) => {
            let sent = Sent { text: upload.text, why: Some(why), is_of_file: false };
            answer(&cx, StatusCode::UNPROCESSABLE_ENTITY, &typed, &InvalidBatch::default(), sent)
        }
    }
}

fn answer(
    cx: &MerchantRequest,
    status: StatusCode,
    typed: &TypedBatch,
    invalid: &InvalidBatch,
    sent: Sent,
) -> Result<HttpResponse, Error> {
    let view = vouchers::new_batch(cx.frame("New batch"), &cx.member, typed, invalid, sent);
    Ok(html(status, view.render()?))
}
