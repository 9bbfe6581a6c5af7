//! Adding vouchers as a view: the forms, and what was wrong with them.

use super::{batches::FormOutcome, sentence};
use crate::{
    app::{
        Member,
        receive_import::{InvalidBatch, TypedBatch},
    },
    domain::{Invalid, ids::BatchId},
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

/// What was sent, as far as it is shown again.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    pub text: String,
    /// Why nothing of it could be taken.
    pub why: Option<String>,
    /// Whether that is about the file.
    pub is_of_file: bool,
}

impl Sent {
    /// The form that posts to `action`, with it.
    pub fn form(self, action: String) -> Form {
        let Self { text, why, is_of_file } = self;
        Form { action, codes: text, error: why, is_of_file }
    }
}

/// The form, with what was wrong with it.
pub fn form(member: &Member, batch: BatchId, told: &FormOutcome) -> Form {
    let sent =
        if let FormOutcome::VouchersUnfit(sent) = told { sent.clone() } else { Sent::default() };
    sent.form(words::batch_address(member, batch, "/vouchers"))
}

/// What just happened, in short, with the way to the whole of it.
pub fn flash(form: &Form) -> Option<Toast> {
    form.error.as_ref()?;
    let link = Link { label: "See why".to_owned(), href: "#add-vouchers".to_owned() };
    Some(Toast { links: vec![link], ..super::flash::plain(Tone::Bad, "No code was added", "") })
}

/// The form of a new batch, with what was wrong with it.
pub fn new_batch(
    frame: Frame,
    member: &Member,
    typed: &TypedBatch,
    unfit: &InvalidBatch,
    sent: Sent,
) -> New {
    let here = format!("/m/{}/batches", member.merchant.slug);
    let field = |name, label, value: &str, is_day, unfit: &Option<Invalid>| Field {
        name,
        label,
        value: value.to_owned(),
        is_day,
        error: unfit.as_ref().map(|why| sentence(&why.0)),
    };
    let is_day =
        |text: &str| text.is_empty() || chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok();
    New {
        frame,
        back_href: here.clone(),
        fields: vec![
            field("name", "Name", &typed.name, false, &unfit.name),
            field("valid_from", "First day", &typed.from, is_day(&typed.from), &unfit.from),
            field("valid_until", "Last day", &typed.until, is_day(&typed.until), &unfit.until),
            field(
                "uses",
                "Uses per code",
                if typed.uses.is_empty() { "1" } else { &typed.uses },
                false,
                &unfit.uses,
            ),
        ],
        case_sensitive: typed.case_sensitive,
        zone: member.merchant.zone.name().to_owned(),
        form: sent.form(here),
    }
}
