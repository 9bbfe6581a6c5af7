//! Voucher batches as views: what is left, and until when.
//! Must not know how stock is counted.

use super::{capped, grouped, left, plural, when, when_end};
use crate::{
    app::{
        Member,
        show_batches::{BatchFile, BatchPage, BatchRow},
    },
    domain::{
        batch::{Batch, CappedCount, StockLeft, Window},
        zone,
    },
    web::{
        views::{
            batches::{Count, Index, Row, Show},
            frame::Frame,
            ui::{Badge, Fact, Pager, Stock, Tone},
        },
        words,
    },
};

/// The list.
pub fn index(frame: Frame, member: &Member, page: &BatchPage, later: bool) -> Index {
    let here = format!("/m/{}/batches", member.merchant.slug);
    Index {
        frame,
        actions: vec![],
        rows: page
            .rows
            .iter()
            .map(|row| Row {
                href: words::batch_address(member, row.batch.id, ""),
                name: row.batch.name.clone(),
                badges: badges(row, page.now),
                validity: validity(member, row.batch.window),
                uses: uses(&row.batch),
                left: left(&row.left),
                stock: bar(row),
            })
            .collect(),
        pager: Pager { first_href: later.then(|| here.clone()), older_href: page.older.map(|id| format!("{here}?before={id}")) },
    }
}

/// One batch.
pub fn show(frame: Frame, member: &Member, file: &BatchFile) -> Show {
    let batch = &file.row.batch;
    let aside = &file.set_aside;
    let usable = usable(&file.row.left);
    let handed_out = file.row.imported - usable.count - aside.left();
    let count = |tone, label: &str, n: i64| Count { tone, label: label.to_owned(), number: grouped(n) };
    let fact = |label: &str, text: String| Fact { label: label.to_owned(), text, when: None };
    Show {
        frame,
        back_href: format!("/m/{}/batches", member.merchant.slug),
        name: batch.name.clone(),
        badges: badges(&file.row, file.now),
        actions: vec![],
        who_can: String::new(),
        left: left(&file.row.left),
        left_note: words::why_unusable(member, aside).unwrap_or_default(),
        stock: bar(&file.row),
        counts: vec![
            count(Tone::Good, "Usable", usable.count),
            count(Tone::Quiet, "Expired", aside.expired.count),
            count(Tone::Bad, "Barred", aside.barred.count),
            count(Tone::Notice, "Not started", aside.not_started.count),
            count(Tone::Quiet, "Redeemed in stock", aside.redeemed.count),
            count(Tone::Quiet, "Handed out", handed_out.max(0)),
        ],
        facts: vec![
            fact("Validity", validity(member, batch.window)),
            fact("Uses per code", uses(batch)),
            fact("Upper and lower case", if batch.case_sensitive { "Told apart".to_owned() } else { "Not told apart".to_owned() }),
            fact("Imported", plural(file.row.imported, "code")),
            Fact { label: "Added".to_owned(), text: String::new(), when: Some(when(member, batch.created_at)) },
        ],
    }
}

fn usable(stock: &StockLeft) -> CappedCount {
    match stock {
        StockLeft::Usable(count) => *count,
        StockLeft::Short(_) => CappedCount { count: 0, capped: false },
    }
}

fn uses(batch: &Batch) -> String {
    format!("{} per code", plural(batch.uses_per_code, "use"))
}

fn validity(member: &Member, window: Window) -> String {
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
    let badge = |tone, text: &str| Badge { tone, text: text.to_owned() };
    let mut badges = Vec::new();
    if row.batch.window.has_expired(now) {
        badges.push(badge(Tone::Bad, "Expired"));
    } else if !row.batch.window.has_started(now) {
        badges.push(badge(Tone::Notice, "Not started"));
    }
    match row.left {
        StockLeft::Short(_) => badges.push(badge(Tone::Bad, "Run out")),
        StockLeft::Usable(count) if count.count < 10 => badges.push(badge(Tone::Notice, "Low")),
        StockLeft::Usable(_) => {}
    }
    badges
}

fn bar(row: &BatchRow) -> Stock {
    let left = usable(&row.left);
    let number = |n: i64| u64::try_from(n).unwrap_or_default();
    let title = format!("Stock of {}: {} left of {}", row.batch.name, capped(left), grouped(row.imported));
    // Where counting stopped, the bar shows what is certain.
    Stock::new(title, &[(Tone::Good, number(left.count)), (Tone::Quiet, number(row.imported - left.count))])
}
