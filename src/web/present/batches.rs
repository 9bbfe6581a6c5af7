//! Voucher batches as views: what is left, and until when.
//! Must not know how stock is counted.

use super::{flash, grouped, left, plural, validity, vouchers, when, when_end};
use crate::{
    app::{
        Member,
        adjust_validity::{AdjustValidity, UnfitValidity},
        show_batches::{BatchFile, BatchPage, BatchRow},
    },
    domain::{
        audit::{Action, AuditRecord},
        batch::{Batch, StockLeft, Window},
        role::Permission,
        zone,
    },
    web::{
        views::{
            batches::{Count, Index, Row, Show},
            frame::Frame,
            ui::{Badge, Fact, Link, Pager, Stock, Toast, Tone},
        },
        words,
    },
};

/// What a form on the page has just brought, for the page that answers it.
#[derive(Debug)]
pub enum Told {
    Nothing,
    /// Nothing of the vouchers could be taken.
    VouchersUnfit {
        text: String,
        why: String,
    },
    /// The validity cannot be what was typed.
    ValidityUnfit {
        command: AdjustValidity,
        why: UnfitValidity,
    },
}

/// The list.
pub fn index(frame: Frame, member: &Member, page: &BatchPage, later: bool) -> Index {
    let here = format!("/m/{}/batches", member.merchant.slug);
    Index {
        frame,
        actions: actions(member),
        rows: page
            .rows
            .iter()
            .map(|row| Row {
                href: words::batch_address(member, row.batch.id, ""),
                name: row.batch.name.clone(),
                badges: badges(row, page.now),
                validity: validity_words(member, row.batch.window),
                uses: uses(&row.batch),
                left: left(&row.stock.left()),
                stock: bar(row),
            })
            .collect(),
        pager: Pager { first_href: later.then(|| here.clone()), older_href: page.older.map(|id| format!("{here}?before={id}")) },
    }
}

fn actions(member: &Member) -> Vec<Link> {
    let link = |label: &str, rest: &str| Link { label: label.to_owned(), href: format!("/m/{}/{rest}", member.merchant.slug) };
    if member.role.may(Permission::ManageBatches) { vec![link("Imports", "imports"), link("New batch", "batches/new")] } else { vec![] }
}

/// One batch.
pub fn show(frame: Frame, member: &Member, file: &BatchFile, told: &Told) -> Show {
    let batch = &file.row.batch;
    let stock = &file.row.stock;
    let aside = stock.set_aside();
    let manages = member.role.may(Permission::ManageBatches);
    let count = |tone, label: &str, n: i64| Count { tone, label: label.to_owned(), number: grouped(n) };
    let fact = |label: &str, text: String| Fact { label: label.to_owned(), text, when: None };
    Show {
        frame,
        back_href: format!("/m/{}/batches", member.merchant.slug),
        name: batch.name.clone(),
        badges: badges(&file.row, file.now),
        vouchers: manages.then(|| vouchers::form(member, batch.id, told)),
        validity: manages.then(|| validity::form(member, batch, told)),
        who_can: if manages { String::new() } else { who_can(&file.who_can) },
        left: left(&file.row.stock.left()),
        left_note: words::why_unusable(member, &aside).unwrap_or_default(),
        stock: bar(&file.row),
        counts: vec![
            count(Tone::Good, "Usable", stock.usable),
            count(Tone::Quiet, "Expired", aside.expired),
            count(Tone::Bad, "Barred", aside.barred),
            count(Tone::Notice, "Not started", aside.not_started),
            count(Tone::Quiet, "Redeemed in stock", aside.redeemed),
            count(Tone::Quiet, "Handed out", stock.handed_out()),
        ],
        facts: vec![
            fact("Validity", validity_words(member, batch.window)),
            fact("Uses per code", uses(batch)),
            fact("Upper and lower case", if batch.case_sensitive { "Told apart".to_owned() } else { "Not told apart".to_owned() }),
            fact("Imported", plural(file.row.imported, "code")),
            Fact { label: "Added".to_owned(), text: String::new(), when: Some(when(member, batch.created_at)) },
        ],
    }
}

fn who_can(names: &[String]) -> String {
    if names.is_empty() {
        return "A user with the role Marketing or Administrator can add vouchers and adjust the validity.".to_owned();
    }
    format!("{} can add vouchers and adjust the validity.", names.join(", "))
}

/// What is said after an act of this member on this batch, which stands in `record`.
pub fn after(member: &Member, batch: &Batch, record: &AuditRecord) -> Option<Toast> {
    let said = |title: &str, text: &str| Some(flash::plain(Tone::Good, title, text));
    if record.action == Action::BatchValidityAdjusted.as_str() {
        return said("Validity adjusted", &format!("Now: {}.", validity_words(member, batch.window)));
    }
    None
}

/// What is said when the validity was sent as it was.
pub fn unchanged(member: &Member, batch: &Batch) -> Toast {
    flash::plain(Tone::Quiet, "Validity as it was", &format!("{}. Nothing was changed.", validity_words(member, batch.window)))
}

fn uses(batch: &Batch) -> String {
    format!("{} per code", plural(batch.uses_per_code, "use"))
}

/// "1 Mar 2026 to 3 Oct 2026, 23:59 BST", "No end".
pub fn validity_words(member: &Member, window: Window) -> String {
    let zone = member.merchant.zone;
    let until = window.until.map(|at| when_end(member, at).text);
    match (window.from, until) {
        (Some(from), Some(until)) => format!("{} to {until}", zone::show_day(from, zone)),
        (Some(from), None) => format!("From {}, no end", zone::show_day(from, zone)),
        (None, Some(until)) => format!("Until {until}"),
        (None, None) => "No end".to_owned(),
    }
}

fn badges(row: &BatchRow, now: chrono::DateTime<chrono::Utc>) -> Vec<Badge> {
    let badge = |tone, text: &str| Some(Badge { tone, text: text.to_owned() });
    let time = if row.batch.window.has_expired(now) {
        badge(Tone::Bad, "Expired")
    } else if row.batch.window.has_started(now) {
        None
    } else {
        badge(Tone::Notice, "Not started")
    };
    let stock = match row.stock.left() {
        StockLeft::Short(shortage) if shortage.left() == 0 => badge(Tone::Bad, "Run out"),
        // The time says why none can be used.
        StockLeft::Short(_) if time.is_some() => None,
        StockLeft::Short(_) => badge(Tone::Bad, "No usable code"),
        StockLeft::Usable(count) if count < 10 => badge(Tone::Notice, "Low"),
        StockLeft::Usable(_) => None,
    };
    [time, stock].into_iter().flatten().collect()
}

fn bar(row: &BatchRow) -> Stock {
    let left = row.stock.usable;
    let number = |n: i64| u64::try_from(n).unwrap_or_default();
    let title = format!("Stock of {}: {} left of {}", row.batch.name, grouped(left), grouped(row.imported));
    Stock::new(title, &[(Tone::Good, number(left)), (Tone::Quiet, number(row.imported - left))])
}
