//! Imports: the list, one in each of its states, its rejects, and somebody's word on it.

pub mod files;
pub mod notes;
pub mod pages;
pub mod screens;
pub mod upload;

use std::time::Duration;

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{self, Bytes},
};
use askama::Template;
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use crate::{
    app::{
        self, Member,
        imports::{
            decide_import::{cancel_import, confirm_import},
            show_imports::{self, ImportFile},
        },
    },
    domain::{
        cell::BYTE_ORDER_MARK,
        ids::ImportId,
        import::{Import, ImportState},
    },
    web::shared::{
        addresses,
        answers::{download, html, see_other},
        context::{MerchantRequest, PathId},
        errors::Error,
        flash, format, request,
        ui::Tone,
    },
};

/// How long an answer waits for work that is mostly done in a moment.
const MAX_ANSWER_WAIT: Duration = Duration::from_millis(1500);
const PROGRESS_POLL_INTERVAL: Duration = Duration::from_millis(40);

#[derive(Deserialize)]
pub struct ImportsQuery {
    before: Option<String>,
}

/// `GET /m/{merchant}/imports`
pub async fn index(
    cx: MerchantRequest,
    query: web::Query<ImportsQuery>,
) -> Result<HttpResponse, Error> {
    let before = query.before.as_deref().and_then(request::number).map(ImportId);
    let page =
        cx.read(move |desk, member| show_imports::list_imports(desk, member, before)).await?;
    let view = pages::index(cx.frame("Imports"), &cx.member, &page, before.is_some());
    Ok(html(StatusCode::OK, view.render()?))
}

/// `GET /m/{merchant}/imports/{id}`
pub async fn show(
    cx: MerchantRequest,
    PathId(id): PathId<ImportId>,
) -> Result<HttpResponse, Error> {
    let file = load(&cx, id).await?;
    Ok(html(StatusCode::OK, page(&cx, &file).render()?))
}

#[derive(Deserialize)]
pub struct Was {
    was: Option<String>,
}

/// `GET /m/{merchant}/imports/{id}/progress`: how far it is; and, when it has come further than the
/// page knows, all of it.
pub async fn progress(
    cx: MerchantRequest,
    PathId(id): PathId<ImportId>,
    query: web::Query<Was>,
) -> Result<HttpResponse, Error> {
    let file = load(&cx, id).await?;
    let screen = pages::screen(&cx.member, &file);
    let is_news = query.was.as_deref() != Some(screen.state.as_str());
    Ok(html(StatusCode::OK, screens::ImportProgressFragment { screen, is_news }.render()?))
}

/// `POST /m/{merchant}/imports/{id}/confirm`
pub async fn confirm(
    cx: MerchantRequest,
    PathId(id): PathId<ImportId>,
) -> Result<HttpResponse, Error> {
    match cx.write(move |desk, member| confirm_import(desk, member, id)).await {
        Ok(()) => Ok(settled(&cx, id).await),
        Err(app::Error::Invalid(why)) => {
            let file = load(&cx, id).await?;
            let mut page = page(&cx, &file);
            page.frame.flash = Some(flash::plain(
                Tone::Bad,
                "Nothing was added",
                &format::sentence(&why.to_string()),
            ));
            Ok(html(StatusCode::CONFLICT, page.render()?))
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /m/{merchant}/imports/{id}/cancel`
pub async fn cancel(
    cx: MerchantRequest,
    PathId(id): PathId<ImportId>,
) -> Result<HttpResponse, Error> {
    cx.write(move |desk, member| cancel_import(desk, member, id)).await?;
    Ok(settled(&cx, id).await)
}

/// Waits a moment for the check of what was sent, then leads to the import's page. When nothing at
/// all of what was `pasted` can be taken, the words for that: the form is shown again with the text
/// in it, which an import keeps no longer than it needs it.
pub async fn checked(
    cx: &MerchantRequest,
    id: ImportId,
    pasted: &str,
) -> Result<Result<HttpResponse, String>, Error> {
    rest(cx, id).await;
    if !pasted.is_empty() {
        match load(cx, id).await {
            Ok(ImportFile {
                import: Import { state: ImportState::Failed, failure: Some(why), .. },
                ..
            }) => {
                return Ok(Err(format::sentence(&why)));
            }
            // The import is there, and its page says how it stands. An error here would have it
            // sent a second time.
            Ok(_) | Err(Error::Busy | Error::Unavailable) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Ok(to_page(&cx.member, id)))
}

/// Waits a moment for the import worker, then leads to the import's page.
async fn settled(cx: &MerchantRequest, id: ImportId) -> HttpResponse {
    rest(cx, id).await;
    to_page(&cx.member, id)
}

async fn rest(cx: &MerchantRequest, id: ImportId) {
    let begun = Instant::now();
    while begun.elapsed() < MAX_ANSWER_WAIT {
        // The page says how it stands; here nothing depends on it.
        match cx.read(move |desk, member| show_imports::import_state(desk, member, id)).await {
            Ok(state) if state.is_at_work() => sleep(PROGRESS_POLL_INTERVAL).await,
            _ => break,
        }
    }
}

fn to_page(member: &Member, id: ImportId) -> HttpResponse {
    see_other(addresses::import(&member.merchant, id))
}

/// `GET /m/{merchant}/imports/{id}/rejects`: the rows that could not be taken, as CSV.
pub async fn rejects(
    cx: MerchantRequest,
    PathId(id): PathId<ImportId>,
) -> Result<HttpResponse, Error> {
    let file = load(&cx, id).await?;
    // Those of a check that goes on, or of an import, are not all there yet.
    if !file.has_rejects || !matches!(file.import.state, ImportState::Checked | ImportState::Done) {
        return Err(Error::NotFound);
    }
    let name = pages::rejects_name(&file.import);
    let (desk, member) = (cx.desk.clone(), cx.member.clone());
    let pieces = stream::try_unfold((desk, member, 0), move |(desk, member, seq)| async move {
        let asker = member.clone();
        let piece = desk
            .reading(move |desk| show_imports::rejects_piece(desk, &asker, id, seq))
            .await
            .map_err(Error::from)?;
        Ok::<_, Error>(piece.map(|piece| (Bytes::from(piece), (desk, member, seq + 1))))
    });
    // What is stored is as the command writes it; what is downloaded is opened with a spreadsheet.
    let marked = stream::iter([Ok(Bytes::from_static(BYTE_ORDER_MARK.as_bytes()))]).chain(pieces);
    Ok(download("text/csv; charset=utf-8", &name, marked))
}

async fn load(cx: &MerchantRequest, id: ImportId) -> Result<ImportFile, Error> {
    Ok(cx.read(move |desk, member| show_imports::show_import(desk, member, id)).await?)
}

fn page(cx: &MerchantRequest, file: &ImportFile) -> screens::ImportPage {
    let title = format!("Import: {}", pages::title(&file.import));
    pages::show(cx.frame(&title), &cx.member, file)
}
