//! The form for a file of redemptions, or of codes to bar. Each becomes an import that is checked
//! first.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use crate::{
    app::{
        Desk, Member,
        imports::receive_import::{ReceivedFile, close_import},
    },
    domain::import::ImportKind,
    web::{
        batches::vouchers::{self, Sent, VouchersForm},
        imports::{
            self,
            upload::{self, Receiver},
        },
        shared::{
            errors::Error,
            frame::{self, Frame},
        },
    },
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
    desk.writing(move |desk| {
        close_import(desk, &asker, import, ReceivedFile { name: &name, new_batch: None })
    })
    .await?;
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
    let frame = frame::in_merchant(request, member, title(kind));
    let view = new(frame, member, kind, sent);
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(view.render()?))
}

/// The words of a kind of import, as they stand in its sentences.
#[derive(Debug, Clone, Copy)]
pub struct UploadCopy {
    pub one: &'static str,
    /// "Add 12 codes".
    pub act: &'static str,
    /// "Adding 12 codes".
    pub acting: &'static str,
    /// "12 codes added".
    pub acted: &'static str,
    /// What rows are called that bring something.
    pub new: &'static str,
    /// What rows are called that change nothing.
    pub already: &'static str,
    pub waits: &'static str,
    /// What the list calls a checked file of which nothing is new.
    pub nothing: &'static str,
}

/// What imports of this kind are called.
pub fn words(kind: ImportKind) -> UploadCopy {
    match kind {
        ImportKind::Customers | ImportKind::Rewards => UploadCopy {
            one: if kind == ImportKind::Customers { "customer" } else { "reward" },
            act: "Import",
            acting: "Importing",
            acted: "imported",
            new: "new",
            already: "already there",
            waits: "Not imported yet",
            nothing: "Nothing to import",
        },
        ImportKind::Purges => UploadCopy {
            one: "customer",
            act: "Purge",
            acting: "Purging",
            acted: "purged",
            new: "purged",
            already: "named more than once",
            waits: "Not purged yet",
            nothing: "Nobody to purge",
        },
        ImportKind::Vouchers => UploadCopy {
            one: "code",
            act: "Add",
            acting: "Adding",
            acted: "added",
            new: "new",
            already: "already in the batch",
            waits: "Not added yet",
            nothing: "Nothing to add",
        },
        ImportKind::Redemptions => UploadCopy {
            one: "redemption",
            act: "Record",
            acting: "Recording",
            acted: "recorded",
            new: "new",
            already: "already recorded",
            waits: "Not recorded yet",
            nothing: "Nothing to record",
        },
        ImportKind::Bars => UploadCopy {
            one: "code",
            act: "Bar",
            acting: "Barring",
            acted: "barred",
            new: "new",
            already: "already barred",
            waits: "Not barred yet",
            nothing: "Nothing to bar",
        },
    }
}

/// The page's title.
pub fn title(kind: ImportKind) -> &'static str {
    match kind {
        ImportKind::Vouchers => "Add vouchers",
        ImportKind::Redemptions => "Import redemptions",
        ImportKind::Bars => "Bar codes in bulk",
        ImportKind::Customers => "Import customers",
        ImportKind::Rewards => "Import rewards",
        ImportKind::Purges => "Purge customers",
    }
}

/// Where a form of this kind is, and where it posts to; nothing for a kind without a form.
pub fn addresses(member: &Member, kind: ImportKind) -> Option<(String, String)> {
    let here = match kind {
        ImportKind::Vouchers => "batches",
        ImportKind::Redemptions => "redemptions",
        ImportKind::Bars => "bars",
        ImportKind::Customers | ImportKind::Rewards | ImportKind::Purges => return None,
    };
    let here = format!("/m/{}/{here}", member.merchant.slug);
    Some((format!("{here}/new"), here))
}

/// The form, with what was wrong with it.
pub fn new(frame: Frame, member: &Member, kind: ImportKind, sent: Sent) -> NewImportPage {
    let action = addresses(member, kind).map(|(_, action)| action).unwrap_or_default();
    let (lead, example, button) = match kind {
        ImportKind::Redemptions => (
            "The shop's record of uses. You'll see what's in it first. Mismatches between the shop \
             and the desk are listed afterwards.",
            "SUMMER-7Q0O,2026-11-20,O-1001",
            "Check redemptions",
        ),
        _ => (
            "Codes that must not be used any more, each with a reason. You'll see what's in the \
             file first.",
            "SUMMER-7Q0O,leaked on a coupon site",
            "Check codes",
        ),
    };
    NewImportPage {
        frame,
        back_href: format!("/m/{}/batches", member.merchant.slug),
        back: "Voucher batches",
        title: title(kind),
        lead,
        columns: kind.rules().columns.iter().map(|column| column.name).collect(),
        example,
        button,
        form: sent.form(action),
    }
}

/// `GET /m/{merchant}/redemptions/new`, `GET /m/{merchant}/bars/new`.
#[derive(Debug, Template)]
#[template(path = "imports/new.html")]
pub struct NewImportPage {
    pub frame: Frame,
    pub back_href: String,
    pub back: &'static str,
    pub title: &'static str,
    /// What becomes of the lines.
    pub lead: &'static str,
    /// The columns in the file, required ones first.
    pub columns: Vec<&'static str>,
    /// A line as it should be.
    pub example: &'static str,
    pub button: &'static str,
    pub form: VouchersForm,
}
