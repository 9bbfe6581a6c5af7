//! Adjusting a batch's validity.

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::{
        self, Member,
        batches::{
            adjust_validity::{AdjustValidity, adjust_validity},
            show_batches,
        },
    },
    domain::{
        batch::Batch,
        ids::BatchId,
        zone::{self, Bound},
    },
    web::{
        batches::{self, pages::FormOutcome},
        shared::{
            addresses::{self, BatchForm},
            answers::{html, see_other},
            context::{MerchantRequest, PathId},
            errors::Error,
            format::sentence,
        },
    },
};

/// The form: the batch's own validity, or what was typed and what is wrong with it.
pub fn form(member: &Member, batch: &Batch, told: &FormOutcome) -> ValidityForm {
    let own = |at: Option<_>, bound| {
        at.map(|at| zone::editable(at, member.merchant.zone, bound)).unwrap_or_default()
    };
    let ((from, until), wrong) = match told {
        FormOutcome::ValidityInvalid { command, why } => {
            ((command.from.clone(), command.until.clone()), Some(why))
        }
        _ => ((own(batch.window.from, Bound::Start), own(batch.window.until, Bound::End)), None),
    };
    let error = |name| wrong.and_then(|wrong| wrong.get(name)).map(|why| sentence(&why.0));
    ValidityForm {
        action: addresses::batch_form(&member.merchant, batch.id, BatchForm::Validity),
        fields: vec![
            field("valid_from", "First day", from, error("valid_from")),
            field("valid_until", "Last day", until, error("valid_until")),
        ],
        zone: member.merchant.zone.name().to_owned(),
    }
}

fn field(
    name: &'static str,
    label: &'static str,
    value: String,
    error: Option<String>,
) -> DateField {
    let is_day = value.is_empty()
        || chrono::NaiveDate::parse_from_str(&value, "%Y-%m-%d").is_ok_and(|_| value.len() == 10);
    DateField { name, label, value, is_day, error }
}

#[derive(Deserialize)]
pub struct ValidityFields {
    valid_from: Option<String>,
    valid_until: Option<String>,
}

/// `POST /m/{merchant}/batches/{id}/validity`
pub async fn update(
    cx: MerchantRequest,
    PathId(id): PathId<BatchId>,
    form: web::Form<ValidityFields>,
) -> Result<HttpResponse, Error> {
    // Another merchant's batch does not exist, whatever the form.
    cx.read(move |desk, member| show_batches::has_batch(desk, member, id)).await?;
    // An empty field opens that end; a missing one is not this page's form.
    let ValidityFields { valid_from: Some(from), valid_until: Some(until) } = form.into_inner()
    else {
        return Err(Error::Malformed);
    };
    let command = AdjustValidity { batch: id, from, until };
    let asked = command.clone();
    let done = match cx.write(move |desk, member| adjust_validity(desk, member, &asked)).await {
        Ok(Some(record)) => record.to_string(),
        Ok(None) => "unchanged".to_owned(),
        Err(app::Error::Invalid(why)) => {
            let page =
                batches::page(&cx, id, &FormOutcome::ValidityInvalid { command, why }).await?;
            return Ok(html(StatusCode::UNPROCESSABLE_ENTITY, page.render()?));
        }
        Err(error) => return Err(error.into()),
    };
    let target = format!("{}?done={done}#message", addresses::batch(&cx.member.merchant, id));
    Ok(see_other(target))
}

/// "Adjust validity".
#[derive(Clone, Debug)]
pub struct ValidityForm {
    /// Where it posts to.
    pub action: String,
    /// The first and the last day.
    pub fields: Vec<DateField>,
    /// "Europe/London".
    pub zone: String,
}

/// A date, or a time with offset.
#[derive(Clone, Debug)]
pub struct DateField {
    /// Its name in the form.
    pub name: &'static str,
    /// Its label.
    pub label: &'static str,
    /// As it stands in the form; empty is open.
    pub value: String,
    /// Whether the browser's own date field can show it.
    pub is_day: bool,
    /// What is wrong with it; said at the field.
    pub error: Option<String>,
}
