//! Adding vouchers as a view: the form, and what became of the rows.
//! Must not know how rows are judged.

use super::{batches::Told, grouped, plural, sentence};
use crate::{
    app::{
        Member,
        add_vouchers::{Added, Reject},
    },
    domain::ids::BatchId,
    web::{
        views::{
            ui::{Link, Toast, Tone},
            vouchers::{self as view, Form, Report},
        },
        words,
    },
};

/// The longest part of a rejected cell that is shown.
const CELL: usize = 60;

/// The form, with what was wrong with it.
pub fn form(member: &Member, batch: BatchId, told: &Told) -> Form {
    let empty = Form { action: words::batch_address(member, batch, "/vouchers"), codes: String::new(), error: None, report: None };
    match told {
        Told::VouchersUnfit { text, why } => Form { codes: text.clone(), error: Some(why.clone()), ..empty },
        Told::VouchersAdded { text, added } => Form { codes: text.clone(), report: Some(report(added)), ..empty },
        _ => empty,
    }
}

fn report(added: &Added) -> Report {
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let (new, unchanged, rejected) = (count(added.report.new), count(added.report.unchanged), count(added.report.rejected));
    let unseen = rejected - i64::try_from(added.rejects.len()).unwrap_or(0);
    let mut text = match unchanged {
        0 => String::new(),
        1 => "1 was in this batch already. ".to_owned(),
        n => format!("{} were in this batch already. ", grouped(n)),
    };
    text += "Correct these lines and send them again; what is in already does no harm.";
    Report {
        tone: if new + unchanged == 0 { Tone::Bad } else { Tone::Notice },
        title: match new {
            0 => format!("No code added, {} rejected", plural(rejected, "line")),
            n => format!("{} added, {} rejected", plural(n, "code"), plural(rejected, "line")),
        },
        text,
        rejects: added.rejects.iter().map(reject).collect(),
        more: match unseen {
            ..=0 => String::new(),
            n => {
                format!("And {} more. Correct these first, or see all of them with rewarddesk import vouchers.", plural(n, "rejected line"))
            }
        },
    }
}

fn reject(found: &Reject) -> view::Reject {
    let mut cell: String = found.cell.chars().take(CELL).collect();
    if cell.len() < found.cell.len() {
        cell.push('…');
    }
    view::Reject { line: format!("Line {}", found.line), cell, reason: sentence(&found.reason) }
}

/// What just happened, in short, with the way to the whole of it.
pub fn flash(form: &Form) -> Option<Toast> {
    let (tone, title) = match (&form.error, &form.report) {
        (Some(_), _) => (Tone::Bad, "No code was added"),
        (None, Some(report)) => (report.tone, report.title.as_str()),
        (None, None) => return None,
    };
    let link = Link { label: "See why".to_owned(), href: "#add-vouchers".to_owned() };
    Some(Toast { links: vec![link], ..super::flash::plain(tone, title, "") })
}
