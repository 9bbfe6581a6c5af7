//! Adjusting a batch's validity as a view.

use super::{batches::FormOutcome, sentence};
use crate::{
    app::Member,
    domain::{
        Invalid,
        batch::Batch,
        zone::{self, Bound},
    },
    web::{
        views::validity::{DateField, ValidityForm},
        words,
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
    let error = |invalid: Option<&Option<Invalid>>| {
        invalid.and_then(Option::as_ref).map(|why| sentence(&why.0))
    };
    ValidityForm {
        action: words::batch_address(member, batch.id, "/validity"),
        fields: vec![
            field("valid_from", "First day", from, error(wrong.map(|wrong| &wrong.from))),
            field("valid_until", "Last day", until, error(wrong.map(|wrong| &wrong.until))),
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
