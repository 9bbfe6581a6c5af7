//! The form for a file of redemptions, or of codes to bar. Each becomes an import that is checked
//! first.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;

use crate::{
    app::{
        Member,
        imports::receive_import::{ReceivedFile, close_import},
    },
    domain::{import::ImportKind, merchant::Merchant},
    web::{
        batches::vouchers::{self, Sent, VouchersForm},
        imports::{
            self,
            upload::{self, Receiver},
        },
        shared::{addresses, answers::html, context::MerchantRequest, errors::Error, frame::Frame},
    },
};

/// `GET /m/{merchant}/redemptions/new`
pub async fn new_redemptions(cx: MerchantRequest) -> Result<HttpResponse, Error> {
    form(&cx, ImportKind::Redemptions, StatusCode::OK, Sent::default())
}

/// `POST /m/{merchant}/redemptions`
pub async fn create_redemptions(
    cx: MerchantRequest,
    sent: upload::UploadForm,
) -> Result<HttpResponse, Error> {
    create(&cx, ImportKind::Redemptions, sent).await
}

/// `GET /m/{merchant}/bars/new`
pub async fn new_bars(cx: MerchantRequest) -> Result<HttpResponse, Error> {
    form(&cx, ImportKind::Bars, StatusCode::OK, Sent::default())
}

/// `POST /m/{merchant}/bars`
pub async fn create_bars(
    cx: MerchantRequest,
    sent: upload::UploadForm,
) -> Result<HttpResponse, Error> {
    create(&cx, ImportKind::Bars, sent).await
}

async fn create(
    cx: &MerchantRequest,
    kind: ImportKind,
    sent: upload::UploadForm,
) -> Result<HttpResponse, Error> {
    let receiver = Receiver { desk: &cx.desk, member: &cx.member, kind, batch: None };
    let mut upload = receiver.read(sent).await?;
    let import = if upload.wrong.is_none() { receiver.import(&mut upload).await? } else { None };
    let Some(import) = import else {
        let (status, sent) = vouchers::refusal(upload);
        return form(cx, kind, status, sent);
    };
    let name = upload.file_name;
    cx.write(move |desk, member| {
        close_import(desk, member, import, ReceivedFile { name: &name, new_batch: None })
    })
    .await?;
    match imports::checked(cx, import, &upload.text).await? {
        Ok(answer) => Ok(answer),
        Err(why) => {
            let sent = Sent { text: upload.text, why: Some(why), is_of_file: false };
            form(cx, kind, StatusCode::UNPROCESSABLE_ENTITY, sent)
        }
    }
}

fn form(
    cx: &MerchantRequest,
    kind: ImportKind,
    status: StatusCode,
    sent: Sent,
) -> Result<HttpResponse, Error> {
    let frame = cx.frame(title(kind));
    let view = new(frame, &cx.member, kind, sent);
    Ok(html(status, view.render()?))
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
pub fn addresses_of(merchant: &Merchant, kind: ImportKind) -> Option<(String, String)> {
    Some(match kind {
        ImportKind::Vouchers => (addresses::new_batch(merchant), addresses::batches(merchant)),
        ImportKind::Redemptions => {
            (addresses::new_redemptions(merchant), addresses::redemptions(merchant))
        }
        ImportKind::Bars => (addresses::new_bars(merchant), addresses::bars(merchant)),
        ImportKind::Customers | ImportKind::Rewards | ImportKind::Purges => return None,
    })
}

/// The form, with what was wrong with it.
pub fn new(frame: Frame, member: &Member, kind: ImportKind, sent: Sent) -> NewImportPage {
    let action = addresses_of(&member.merchant, kind).map(|(_, action)| action).unwrap_or_default();
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
        back_href: addresses::batches(&member.merchant),
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
