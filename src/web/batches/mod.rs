//! Voucher batches: the list, and one batch.

pub mod alerts;
pub mod batch_codes;
pub mod new_batch;
pub mod pages;
pub mod picture;
pub mod stock_summary;
pub mod threshold_forms;
pub mod validity;
pub mod vouchers;

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::batches::show_batches::{self, BatchFile},
    domain::ids::{AuditId, BatchId},
    web::{
        batches::{
            batch_codes::CodeListRequest,
            pages::{BatchPage, FormOutcome},
        },
        shared::{
            answers::html,
            context::{MerchantRequest, PathId},
            errors::Error,
            request,
            ui::Toast,
        },
    },
};

#[derive(Deserialize)]
pub struct BatchesQuery {
    before: Option<String>,
}

#[derive(Deserialize)]
pub struct ShowQuery {
    /// What just happened: the number of its audit record.
    done: Option<String>,
    /// Which of its codes, from where on, or one of them.
    codes: Option<String>,
    after: Option<String>,
    q: Option<String>,
}

/// `GET /m/{merchant}/batches`
pub async fn index(
    cx: MerchantRequest,
    query: web::Query<BatchesQuery>,
) -> Result<HttpResponse, Error> {
    let before = query.before.as_deref().and_then(request::number).map(BatchId);
    let page =
        cx.read(move |desk, member| show_batches::list_batches(desk, member, before)).await?;
    let view = pages::index(cx.frame("Voucher batches"), &cx.member, &page, before.is_some());
    Ok(html(StatusCode::OK, view.render()?))
}

/// `GET /m/{merchant}/batches/{id}`
pub async fn show(
    cx: MerchantRequest,
    PathId(id): PathId<BatchId>,
    query: web::Query<ShowQuery>,
) -> Result<HttpResponse, Error> {
    let file = load(&cx, id).await?;
    let asked =
        batch_codes::asked(query.codes.as_deref(), query.after.as_deref(), query.q.as_deref());
    let mut page = view(&cx, &file, &asked, &FormOutcome::Nothing).await?;
    if let Some(done) = query.done.as_deref() {
        page.frame.flash = after(&cx, &file, done).await?;
    }
    Ok(html(StatusCode::OK, page.render()?))
}

/// The page that answers a form on it.
pub async fn page(
    cx: &MerchantRequest,
    id: BatchId,
    told: &FormOutcome,
) -> Result<BatchPage, Error> {
    let file = load(cx, id).await?;
    let mut page = view(cx, &file, &batch_codes::asked(None, None, None), told).await?;
    page.frame.flash = page.vouchers.as_ref().and_then(vouchers::flash);
    Ok(page)
}

async fn load(cx: &MerchantRequest, id: BatchId) -> Result<BatchFile, Error> {
    Ok(cx.read(move |desk, member| show_batches::show_batch(desk, member, id)).await?)
}

async fn view(
    cx: &MerchantRequest,
    file: &BatchFile,
    asked: &CodeListRequest,
    told: &FormOutcome,
) -> Result<BatchPage, Error> {
    let page = batch_codes::load(cx, &file.row.batch, asked).await?;
    let codes = batch_codes::list(&cx.member, &file.row.batch, asked, &page);
    Ok(pages::show(cx.frame(&file.row.batch.name), &cx.member, file, codes, told))
}

/// The address names an audit record of this member at most; what is said of it is read from there.
async fn after(cx: &MerchantRequest, file: &BatchFile, done: &str) -> Result<Option<Toast>, Error> {
    let batch = &file.row.batch;
    if done == "unchanged" {
        return Ok(Some(pages::unchanged(&cx.member, batch)));
    }
    if done == "unchanged-lines" {
        return Ok(Some(pages::unchanged_lines()));
    }
    if done == "withdrawn-before" {
        return Ok(threshold_forms::withdrawn_before(file));
    }
    let Some(record) = request::number(done).map(AuditId) else { return Ok(None) };
    let acted_on = batch.clone();
    let record =
        cx.read(move |desk, member| show_batches::own_act(desk, member, &acted_on, record)).await?;
    Ok(record.and_then(|record| pages::after(&cx.member, batch, &record)))
}
