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
            ui::{TextLink, Toast, Tone},
            validity::DateField,
            vouchers::{NewBatchPage, VouchersForm},
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
    pub fn form(self, action: String) -> VouchersForm {
        let Self { text, why, is_of_file } = self;
        VouchersForm { action, codes: text, error: why, is_of_file }
    }
}

/// The form, with what was wrong with it.
pub fn form(member: &Member, batch: BatchId, told: &FormOutcome) -> VouchersForm {
    let sent =
        if let FormOutcome::VouchersInvalid(sent) = told { sent.clone() } else { Sent::default() };
    sent.form(words::batch_address(member, batch, "/vouchers"))
}

/// What just happened, in short, with the way to the whole of it.
pub fn flash(form: &VouchersForm) -> Option<Toast> {
    form.error.as_ref()?;
    let link = TextLink { label: "See why".to_owned(), href: "#add-vouchers".to_owned() };
    Some(Toast { links: vec![link], ..super::flash::plain(Tone::Bad, "No codes were added", "") })
}

/// The form of a new batch, with what was wrong with it.
pub fn new_batch(
    frame: Frame,
    member: &Member,
    typed: &TypedBatch,
    invalid: &InvalidBatch,
    sent: Sent,
) -> NewBatchPage {
    let here = format!("/m/{}/batches", member.merchant.slug);
    let field = |name, label, value: &str, is_day, invalid: &Option<Invalid>| DateField {
        name,
        label,
        value: value.to_owned(),
        is_day,
        error: invalid.as_ref().map(|why| sentence(&why.0)),
    };
    let is_day =
        |text: &str| text.is_empty() || chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok();
    NewBatchPage {
        frame,
        back_href: here.clone(),
        fields: vec![
            field("name", "Name", &typed.name, false, &invalid.name),
            field("valid_from", "First day", &typed.from, is_day(&typed.from), &invalid.from),
            field("valid_until", "Last day", &typed.until, is_day(&typed.until), &invalid.until),
            field(
                "uses",
                "Uses per code",
                if typed.uses.is_empty() { "1" } else { &typed.uses },
                false,
                &invalid.uses,
            ),
        ],
        case_sensitive: typed.case_sensitive,
        zone: member.merchant.zone.name().to_owned(),
        form: sent.form(here),
    }
}
