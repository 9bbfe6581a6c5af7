//! Imports: the list, one in each of its states, its rejects, and somebody's word on it.

pub mod files;
pub mod notes;
pub mod pages;
pub mod screens;
pub mod upload;

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{self, Bytes},
};
use askama::Template;
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use crate::{
    app::{
        self, Desk, Member,
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
    web::shared::{answer::html, errors::Error, flash, format, frame, request, ui::Tone, words},
};

/// How long an answer waits for work that is mostly done in a moment.
const MAX_ANSWER_WAIT: Duration = Duration::from_millis(1500);
const PROGRESS_POLL_INTERVAL: Duration = Duration::from_millis(40);

type ImportPath = web::Path<(String, String)>;

#[derive(Deserialize)]
pub struct ImportsQuery {
    before: Option<String>,
}

/// `GET /m/{merchant}/imports`
pub async fn index(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    query: web::Query<ImportsQuery>,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let before = query.before.as_deref().and_then(request::number).map(ImportId);
    let asker = member.clone();
    let page = desk.reading(move |desk| show_imports::list_imports(desk, &asker, before)).await?;
    let view = pages::index(
        frame::in_merchant(&request, &member, "Imports"),
        &member,
        &page,
        before.is_some(),
    );
    Ok(html(StatusCode::OK, view.render()?))
}

/// `GET /m/{merchant}/imports/{id}`
pub async fn show(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    path: ImportPath,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let file = load(&desk, &member, number(&path)?).await?;
    Ok(html(StatusCode::OK, page(&request, &member, &file).render()?))
}

#[derive(Deserialize)]
pub struct Was {
    was: Option<String>,
}

/// `GET /m/{merchant}/imports/{id}/progress`: how far it is; and, when it has come further than the
/// page knows, all of it.
pub async fn progress(
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    path: ImportPath,
    query: web::Query<Was>,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let file = load(&desk, &member, number(&path)?).await?;
    let screen = pages::screen(&member, &file);
    let is_news = query.was.as_deref() != Some(screen.state.as_str());
    Ok(html(StatusCode::OK, screens::ImportProgressFragment { screen, is_news }.render()?))
}

/// `POST /m/{merchant}/imports/{id}/confirm`
pub async fn confirm(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    path: ImportPath,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let id = number(&path)?;
    let asker = member.clone();
    match desk.writing(move |desk| confirm_import(desk, &asker, id)).await {
        Ok(()) => Ok(settled(&desk, &member, id).await),
        Err(app::Error::Invalid(why)) => {
            let file = load(&desk, &member, id).await?;
            let mut page = page(&request, &member, &file);
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
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    path: ImportPath,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let id = number(&path)?;
    let asker = member.clone();
    desk.writing(move |desk| cancel_import(desk, &asker, id)).await?;
    Ok(settled(&desk, &member, id).await)
}

/// Waits a moment for the check of what was sent, then leads to the import's page. When nothing at
/// all of what was `pasted` can be taken, the words for that: the form is shown again with the text
/// in it, which an import keeps no longer than it needs it.
pub async fn checked(
    desk: &Desk,
    member: &Member,
    id: ImportId,
    pasted: &str,
) -> Result<Result<HttpResponse, String>, Error> {
    rest(desk, member, id).await;
    if !pasted.is_empty() {
        match load(desk, member, id).await {
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
    Ok(Ok(to_page(member, id)))
}

/// Waits a moment for the import worker, then leads to the import's page.
async fn settled(desk: &Desk, member: &Member, id: ImportId) -> HttpResponse {
    rest(desk, member, id).await;
    to_page(member, id)
}

async fn rest(desk: &Desk, member: &Member, id: ImportId) {
    let begun = Instant::now();
    while begun.elapsed() < MAX_ANSWER_WAIT {
        let asker = member.clone();
        // The page says how it stands; here nothing depends on it.
        match desk.reading(move |desk| show_imports::import_state(desk, &asker, id)).await {
            Ok(state) if state.is_at_work() => sleep(PROGRESS_POLL_INTERVAL).await,
            _ => break,
        }
    }
}

fn to_page(member: &Member, id: ImportId) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, words::import_address(member, id, "")))
        .finish()
}

/// `GET /m/{merchant}/imports/{id}/rejects`: the rows that could not be taken, as CSV.
pub async fn rejects(
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    path: ImportPath,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let id = number(&path)?;
    let file = load(&desk, &member, id).await?;
    // Those of a check that goes on, or of an import, are not all there yet.
    if !file.has_rejects || !matches!(file.import.state, ImportState::Checked | ImportState::Done) {
        return Err(Error::NotFound);
    }
    let name = pages::rejects_name(&file.import);
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
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .streaming(Box::pin(marked)))
}

fn number(path: &ImportPath) -> Result<ImportId, Error> {
    request::number(&path.1).map(ImportId).ok_or(Error::NotFound)
}

async fn load(desk: &Desk, member: &Member, id: ImportId) -> Result<ImportFile, Error> {
    let asker = member.clone();
    Ok(desk.reading(move |desk| show_imports::show_import(desk, &asker, id)).await?)
}

fn page(request: &HttpRequest, member: &Member, file: &ImportFile) -> screens::ImportPage {
    let title = format!("Import: {}", pages::title(&file.import));
    pages::show(frame::in_merchant(request, member, &title), member, file)
}
