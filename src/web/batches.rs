//! Voucher batches: the list, and one batch.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::{
    batch_codes,
    errors::Error,
    frame,
    present::{self, batch_codes::CodeListRequest, batches::FormOutcome},
    request,
    views::{batches::BatchPage, ui::Toast},
};
use crate::{
    app::{
        Desk, Member,
        show_batches::{self, BatchFile},
    },
    domain::ids::{AuditId, BatchId},
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
    let view = present::batches::index(
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
    page.frame.flash = page.vouchers.as_ref().and_then(present::vouchers::flash);
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
    let codes = present::batch_codes::list(member, &file.row.batch, asked, &page);
    Ok(present::batches::show(
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
        return Ok(Some(present::batches::unchanged(member, batch)));
    }
    if done == "unchanged-lines" {
        return Ok(Some(present::batches::unchanged_lines()));
    }
    if done == "withdrawn-before" {
        return Ok(present::threshold_forms::withdrawn_before(file));
    }
    let Some(record) = request::number(done).map(AuditId) else { return Ok(None) };
    let (asker, acted_on) = (member.clone(), batch.clone());
    let record =
        desk.reading(move |desk| show_batches::own_act(desk, &asker, &acted_on, record)).await?;
    Ok(record.and_then(|record| present::batches::after(member, batch, &record)))
}
