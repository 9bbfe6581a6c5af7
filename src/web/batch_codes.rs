//! A batch's codes: what of them a page shows, and all of them as a file.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use chrono::{DateTime, Utc};
use futures_util::stream;

use super::{
    errors::Error,
    present::batch_codes::{CONDITIONS, CodeListRequest, word_of},
    request::{self, FormBody},
};
use crate::{
    app::{
        Desk, Member,
        batch_codes::{self, CodePage},
    },
    domain::{
        batch::Batch,
        coupon_list::{After, Condition},
        ids::{BatchId, CouponId},
    },
};

/// The longest text that is looked for; a longer one is no code.
const MAX_FILTER_CHARS: usize = 300;

/// What the page's address asks for; anything that makes no sense is left out.
pub fn asked(codes: Option<&str>, after: Option<&str>, query: Option<&str>) -> CodeListRequest {
    let after = after.and_then(|text| text.split_once('.')).and_then(|(end, coupon)| {
        let end = end.parse().ok().and_then(DateTime::<Utc>::from_timestamp_micros)?;
        Some(After { end, coupon: request::number(coupon).map(CouponId)? })
    });
    let query = query
        .unwrap_or_default()
        .trim()
        .chars()
        .filter(|c| *c != '\0')
        .take(MAX_FILTER_CHARS)
        .collect();
    CodeListRequest { condition: condition(codes.unwrap_or_default()), after, query }
}

fn condition(word: &str) -> Condition {
    CONDITIONS
        .iter()
        .find(|(_, known, _)| *known == word)
        .map_or(Condition::All, |(condition, ..)| *condition)
}

/// Reads what was asked for.
pub async fn load(
    desk: &Desk,
    member: &Member,
    batch: &Batch,
    asked: &CodeListRequest,
) -> Result<CodePage, Error> {
    let (member, batch, asked) = (member.clone(), batch.clone(), asked.clone());
    let work = move |desk: &Desk| match asked.query.as_str() {
        "" => batch_codes::list_codes(desk, &member, &batch, asked.condition, asked.after),
        query => batch_codes::find_code(desk, &member, &batch, query),
    };
    Ok(desk.reading(work).await?)
}

/// `POST /m/{merchant}/batches/{id}/export`: streams as fast as it is taken.
pub async fn export(
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    path: web::Path<(String, String)>,
    _request: HttpRequest,
    form: FormBody,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let id = request::number(&path.1).map(BatchId).ok_or(Error::NotFound)?;
    let wanted = form.field("codes").map_or(Condition::All, |word| condition(&word));
    let asker = member.clone();
    let export = desk
        .writing(move |desk| batch_codes::begin_export(desk, &asker, id, wanted, word_of(wanted)))
        .await?;
    let name = file_name(&export.batch.name, word_of(wanted));
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
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .streaming(Box::pin(pieces)))
}

/// "welcome-2026-in-stock.csv": plain letters only, whatever the batch is called.
fn file_name(batch: &str, word: &str) -> String {
    let plain: String = batch
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(60)
        .collect();
    let plain = plain.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    format!("{}{word}.csv", if plain.is_empty() { String::new() } else { format!("{plain}-") })
}
