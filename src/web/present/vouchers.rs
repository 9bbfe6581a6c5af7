//! Adding vouchers as a view: the forms, and what was wrong with them.
//! Must not know how rows are judged.

use super::{batches::Told, sentence};
use crate::{
    app::{
        Member,
        receive_import::{TypedBatch, UnfitBatch},
    },
    domain::{Unfit, ids::BatchId},
    web::{
        views::{
            frame::Frame,
            ui::{Link, Toast, Tone},
            validity::Field,
            vouchers::{Form, New},
        },
        words,
    },
};

/// The form, with what was wrong with it.
pub fn form(member: &Member, batch: BatchId, told: &Told) -> Form {
    let empty = Form { action: words::batch_address(member, batch, "/vouchers"), codes: String::new(), error: None };
    match told {
        Told::VouchersUnfit { text, why } => Form { codes: text.clone(), error: Some(why.clone()), ..empty },
        _ => empty,
    }
}

/// What just happened, in short, with the way to the whole of it.
pub fn flash(form: &Form) -> Option<Toast> {
    form.error.as_ref()?;
    let link = Link { label: "See why".to_owned(), href: "#add-vouchers".to_owned() };
    Some(Toast { links: vec![link], ..super::flash::plain(Tone::Bad, "No code was added", "") })
}

/// The form of a new batch, with what was wrong with it.
pub fn new_batch(frame: Frame, member: &Member, typed: &TypedBatch, unfit: &UnfitBatch, (codes, error): (String, Option<String>)) -> New {
    let here = format!("/m/{}/batches", member.merchant.slug);
    let field = |name, label, value: &str, is_day, unfit: &Option<Unfit>| Field {
        name,
        label,
        value: value.to_owned(),
        is_day,
        error: unfit.as_ref().map(|why| sentence(&why.0)),
    };
    let is_day = |text: &str| text.is_empty() || chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok();
    New {
        frame,
        back_href: here.clone(),
        fields: vec![
            field("name", "Name", &typed.name, false, &unfit.name),
            field("valid_from", "First day", &typed.from, is_day(&typed.from), &unfit.from),
            field("valid_until", "Last day", &typed.until, is_day(&typed.until), &unfit.until),
            field("uses", "Uses per code", if typed.uses.is_empty() { "1" } else { &typed.uses }, false, &unfit.uses),
        ],
        case_sensitive: typed.case_sensitive,
        zone: member.merchant.zone.name().to_owned(),
        form: Form { action: here, codes, error },
    }
}
