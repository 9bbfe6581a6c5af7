//! Adding vouchers to a batch: codes pasted, or a file; both become an import that is checked
//! first.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;

use crate::{
    app::{
        Member,
        batches::show_batches,
        imports::receive_import::{InvalidBatch, ReceivedFile, TypedBatch, close_import},
    },
    domain::{Invalid, ids::BatchId, import::ImportKind},
    web::{
        batches::{self, pages::FormOutcome, validity::DateField},
        imports::{
            self,
            upload::{self, Receiver, Upload, UploadRefusal},
        },
        shared::{
            addresses::{self, BatchForm},
            answers::html,
            context::{MerchantRequest, PathId},
            errors::Error,
            format::{self, sentence},
            frame::Frame,
            ui::{TextLink, Toast, Tone},
            words,
        },
    },
};

/// What was sent, as far as it is shown again.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    pub text: String,
    /// Why nothing of it could be taken.
    pub why: Option<String>,
    /// Whether that is about the file.
    pub is_of_file: bool,
}

impl Sent {
    /// The form that posts to `action`, with it.
    pub fn form(self, action: String) -> VouchersForm {
        let Self { text, why, is_of_file } = self;
        VouchersForm { action, codes: text, error: why, is_of_file }
    }
}

/// The form, with what was wrong with it.
pub fn form(member: &Member, batch: BatchId, told: &FormOutcome) -> VouchersForm {
    let sent =
        if let FormOutcome::VouchersInvalid(sent) = told { sent.clone() } else { Sent::default() };
    sent.form(addresses::batch_form(&member.merchant, batch, BatchForm::Vouchers))
}

/// What just happened, in short, with the way to the whole of it.
pub fn flash(form: &VouchersForm) -> Option<Toast> {
    form.error.as_ref()?;
    let link = TextLink { label: "See why".to_owned(), href: "#add-vouchers".to_owned() };
    Some(Toast {
        links: vec![link],
        ..crate::web::shared::flash::plain(Tone::Bad, "No codes were added", "")
    })
}

/// The form of a new batch, with what was wrong with it.
pub fn new_batch(
    frame: Frame,
    member: &Member,
    typed: &TypedBatch,
    invalid: &InvalidBatch,
    sent: Sent,
) -> NewBatchPage {
    let here = addresses::batches(&member.merchant);
    let field = |name, label, value: &str, is_day, invalid: &Option<Invalid>| DateField {
        name,
        label,
        value: value.to_owned(),
        is_day,
        error: invalid.as_ref().map(|why| sentence(&why.0)),
    };
    let is_day =
        |text: &str| text.is_empty() || chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok();
    NewBatchPage {
        frame,
        back_href: here.clone(),
        fields: vec![
            field("name", "Name", &typed.name, false, &invalid.name),
            field("valid_from", "First day", &typed.from, is_day(&typed.from), &invalid.from),
            field("valid_until", "Last day", &typed.until, is_day(&typed.until), &invalid.until),
            field(
                "uses",
                "Uses per code",
                if typed.uses.is_empty() { "1" } else { &typed.uses },
                false,
                &invalid.uses,
            ),
        ],
        case_sensitive: typed.case_sensitive,
        zone: member.merchant.zone.name().to_owned(),
        form: sent.form(here),
    }
}

/// "Add vouchers": lines and a file.
#[derive(Clone, Debug)]
pub struct VouchersForm {
    /// Where it posts to.
    pub action: String,
    /// What was pasted, kept when something was wrong with it.
    pub codes: String,
    /// Why nothing of it could be taken; said at the field.
    pub error: Option<String>,
    /// Whether it is the file's field.
    pub is_of_file: bool,
}

impl VouchersForm {
    /// What was wrong, if it was wrong in this field.
    pub fn error_at(&self, field: &str) -> Option<&str> {
        self.error.as_deref().filter(|_| self.is_of_file == (field == "file"))
    }
}

/// `GET /m/{merchant}/batches/new`.
#[derive(Debug, Template)]
#[template(path = "batches/new.html")]
pub struct NewBatchPage {
    /// Frame.
    pub frame: Frame,
    /// Back to the list.
    pub back_href: String,
    /// Name, first day, last day, uses per code.
    pub fields: Vec<DateField>,
    /// Whether "Tell upper and lower case apart" is ticked.
    pub case_sensitive: bool,
    /// "Europe/London".
    pub zone: String,
    /// The codes.
    pub form: VouchersForm,
}

/// `POST /m/{merchant}/batches/{id}/vouchers`
pub async fn create(
    cx: MerchantRequest,
    PathId(id): PathId<BatchId>,
    form: upload::UploadForm,
) -> Result<HttpResponse, Error> {
    cx.read(move |desk, member| show_batches::has_batch(desk, member, id)).await?;
    let receiver = Receiver {
        desk: &cx.desk,
        member: &cx.member,
        kind: ImportKind::Vouchers,
        batch: Some(id),
    };
    let mut upload = receiver.read(form).await?;
    let import = if upload.wrong.is_none() { receiver.import(&mut upload).await? } else { None };
    let Some(import) = import else {
        let (status, sent) = refusal(upload);
        return invalid(&cx, id, status, sent).await;
    };
    let name = upload.file_name;
    cx.write(move |desk, member| {
        close_import(desk, member, import, ReceivedFile { name: &name, new_batch: None })
    })
    .await?;
    match imports::checked(&cx, import, &upload.text).await? {
        Ok(answer) => Ok(answer),
        Err(why) => {
            let sent = Sent { text: upload.text, why: Some(why), is_of_file: false };
            invalid(&cx, id, StatusCode::UNPROCESSABLE_ENTITY, sent).await
        }
    }
}

/// The batch's page again, with what was pasted and why nothing of it was taken.
async fn invalid(
    cx: &MerchantRequest,
    id: BatchId,
    status: StatusCode,
    sent: Sent,
) -> Result<HttpResponse, Error> {
    let page = batches::page(cx, id, &FormOutcome::VouchersInvalid(sent)).await?;
    Ok(html(status, page.render()?))
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
        Some(UploadRefusal::Refused(why)) => format::sentence(&why.0),
        Some(UploadRefusal::Nothing) | None => {
            "Paste at least one code, or choose a file.".to_owned()
        }
    };
    let is_of_file =
        matches!(upload.wrong, Some(UploadRefusal::EmptyFile | UploadRefusal::FileTooLarge));
    (status, Sent { text: upload.text, why: Some(why), is_of_file })
}
