//! The audit log's page, and its export as a file.

pub mod log;
pub mod records;

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use chrono::{DateTime, Utc};
use futures_util::stream;

use crate::{
    app::audit::{
        audit_download::{Begun, Format, begin_export},
        audit_filters::{FilterField, SubmittedFilters, plain},
        show_audit_log::show_audit_log,
    },
    domain::{audit_filter::RecordPlace, ids::AuditId},
    web::shared::{
        answers::{download, html},
        context::MerchantRequest,
        errors::Error,
        request::{self, FormBody},
    },
};

type Pairs = web::Query<Vec<(String, String)>>;

/// `GET /m/{merchant}/audit`
pub async fn index(cx: MerchantRequest, query: Pairs) -> Result<HttpResponse, Error> {
    let first =
        |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let before = first("before").and_then(|text| place(&text));
    page(&cx, typed(first), before, StatusCode::OK).await
}

/// `POST /m/{merchant}/audit/export`: streams as fast as it is taken.
pub async fn export(cx: MerchantRequest, form: FormBody) -> Result<HttpResponse, Error> {
    let wanted = typed(|name| form.field(name));
    let word = form.field("format").unwrap_or_default();
    let Some(format) = Format::ALL.into_iter().find(|format| format.as_str() == word) else {
        return Err(Error::Unprocessable(
            "Nothing was exported. Choose JSON Lines or CSV.".to_owned(),
        ));
    };
    let asked = wanted.clone();
    let begun = cx.write(move |desk, member| begin_export(desk, member, &asked, format)).await?;
    let Begun::Done(export) = begun else {
        return page(&cx, wanted, None, StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    // The log tells of the export already.
    let export = cx
        .desk
        .reading(move |desk| export.settle(desk))
        .await
        .map_err(|error| Error::from(error).after_commit())?;
    let name = format!("{}-audit-log.{word}", cx.member.merchant.slug);
    let (desk, member) = (cx.desk.clone(), cx.member.clone());
    let pieces = stream::try_unfold(Some(export), move |rest| {
        let (desk, member) = (desk.clone(), member.clone());
        async move {
            let Some(export) = rest else { return Ok(None) };
            let piece =
                desk.reading(move |desk| export.next(desk, &member)).await.map_err(|error| {
                    // Too late for an answer: the file stops short, and the browser says that the
                    // download failed.
                    tracing::error!(%error, "an export broke off");
                    Error::Internal
                })?;
            Ok::<_, Error>(piece.map(|(bytes, rest)| (web::Bytes::from(bytes), Some(rest))))
        }
    });
    let kind = match format {
        Format::JsonLines => "application/jsonl; charset=utf-8",
        Format::Csv => "text/csv; charset=utf-8",
    };
    Ok(download(kind, &name, pieces))
}

async fn page(
    cx: &MerchantRequest,
    typed: SubmittedFilters,
    before: Option<RecordPlace>,
    status: StatusCode,
) -> Result<HttpResponse, Error> {
    let asked = typed.clone();
    let log = cx.read(move |desk, member| show_audit_log(desk, member, &asked, before)).await?;
    let frame = cx.frame("Audit log");
    Ok(html(status, log::page(frame, &cx.member, &typed, before, &log).render()?))
}

fn typed(value: impl Fn(&str) -> Option<String>) -> SubmittedFilters {
    let of = |field: FilterField| value(field.name()).map(|text| plain(&text)).unwrap_or_default();
    SubmittedFilters {
        who: of(FilterField::Who),
        customer: of(FilterField::Customer),
        action: of(FilterField::Action),
        code: of(FilterField::Code),
        from: of(FilterField::From),
        to: of(FilterField::To),
    }
}

/// "microseconds.number", as the pager writes it.
fn place(text: &str) -> Option<RecordPlace> {
    let (at, id) = text.split_once('.')?;
    let at = at.parse().ok().and_then(DateTime::<Utc>::from_timestamp_micros)?;
    Some(RecordPlace { at, id: request::number(id).map(AuditId)? })
}
