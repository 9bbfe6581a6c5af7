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

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use self::{
    batch_codes::CodeListRequest,
    pages::{BatchPage, FormOutcome},
};
use crate::{
    app::{
        Desk, Member,
        batches::show_batches::{self, BatchFile},
    },
    domain::ids::{AuditId, BatchId},
    web::shared::{errors::Error, frame, request, ui::Toast},
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
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    query: web::Query<BatchesQuery>,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let before = query.before.as_deref().and_then(request::number).map(BatchId);
    let asker = member.clone();
    let page = desk.reading(move |desk| show_batches::list_batches(desk, &asker, before)).await?;
    let view = pages::index(
        frame::in_merchant(&request, &member, "Voucher batches"),
        &member,
        &page,
        before.is_some(),
    );
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(view.render()?))
}

/// `GET /m/{merchant}/batches/{id}`
pub async fn show(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    path: web::Path<(String, String)>,
    query: web::Query<ShowQuery>,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let id = request::number(&path.1).map(BatchId).ok_or(Error::NotFound)?;
    let file = load(&desk, &member, id).await?;
    let asked =
        batch_codes::asked(query.codes.as_deref(), query.after.as_deref(), query.q.as_deref());
    let mut page = view(&request, &desk, &member, &file, &asked, &FormOutcome::Nothing).await?;
    if let Some(done) = query.done.as_deref() {
        page.frame.flash = after(&desk, &member, &file, done).await?;
    }
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page.render()?))
}

/// The page that answers a form on it.
pub async fn page(
    request: &HttpRequest,
    desk: &Desk,
    member: &Member,
    id: BatchId,
    told: &FormOutcome,
) -> Result<BatchPage, Error> {
    let file = load(desk, member, id).await?;
    let mut page =
        view(request, desk, member, &file, &batch_codes::asked(None, None, None), told).await?;
    page.frame.flash = page.vouchers.as_ref().and_then(vouchers::flash);
    Ok(page)
}

async fn load(desk: &Desk, member: &Member, id: BatchId) -> Result<BatchFile, Error> {
    let asker = member.clone();
    Ok(desk.reading(move |desk| show_batches::show_batch(desk, &asker, id)).await?)
}

async fn view(
    request: &HttpRequest,
    desk: &Desk,
    member: &Member,
    file: &BatchFile,
    asked: &CodeListRequest,
    told: &FormOutcome,
) -> Result<BatchPage, Error> {
    let page = batch_codes::load(desk, member, &file.row.batch, asked).await?;
    let codes = batch_codes::list(member, &file.row.batch, asked, &page);
    Ok(pages::show(
        frame::in_merchant(request, member, &file.row.batch.name),
        member,
        file,
        codes,
        told,
    ))
}

/// The address names an audit record of this member at most; what is said of it is read from there.
async fn after(
    desk: &Desk,
    member: &Member,
    file: &BatchFile,
    done: &str,
) -> Result<Option<Toast>, Error> {
    let batch = &file.row.batch;
    if done == "unchanged" {
        return Ok(Some(pages::unchanged(member, batch)));
    }
    if done == "unchanged-lines" {
        return Ok(Some(pages::unchanged_lines()));
    }
    if done == "withdrawn-before" {
        return Ok(threshold_forms::withdrawn_before(file));
    }
    let Some(record) = request::number(done).map(AuditId) else { return Ok(None) };
    let (asker, acted_on) = (member.clone(), batch.clone());
    let record =
        desk.reading(move |desk| show_batches::own_act(desk, &asker, &acted_on, record)).await?;
    Ok(record.and_then(|record| pages::after(member, batch, &record)))
}
