//! What a batch's stock means, in words and badges: one place for the list, the page and the
//! alerts.

use chrono::NaiveDate;

use crate::{
    app::{Member, batches::show_batches::BatchOverview},
    domain::{
        batch::Shortage,
        stock_forecast::{Outlook, Phase, StockLevel},
    },
    web::shared::{
        format::{grouped, plural, when_end},
        ui::{Badge, Status, StockBar, Tone},
    },
};

/// Said of a batch without a single code, such as one whose first import was cancelled.
pub const NEVER_FILLED: &str = "Nothing has been added yet";

/// The stock and the time, side by side. Out of its time no stock is called healthy, and one that
/// was never filled has not run out.
pub fn badges(row: &BatchOverview) -> Vec<Badge> {
    let outlook = &row.outlook;
    let badge = |tone, text: &str| Badge { tone, text: text.to_owned() };
    let level = match outlook.level {
        _ if row.imported == 0 => Some(badge(Tone::Notice, "Never filled")),
        StockLevel::Healthy if !matches!(outlook.phase, Phase::Running | Phase::Expiring) => None,
        StockLevel::Healthy => Some(badge(Tone::Good, "Healthy")),
        StockLevel::Critical => Some(badge(Tone::Notice, "Critical")),
        StockLevel::RunOut => Some(badge(Tone::Bad, "Run out")),
    };
    let phase = match outlook.phase {
        Phase::Running => None,
        Phase::NotStarted => Some(badge(Tone::Notice, "Not started")),
        Phase::Expiring => Some(badge(Tone::Notice, "Expiring")),
        Phase::Expired => Some(badge(Tone::Bad, "Expired")),
    };
    level.into_iter().chain(phase).collect()
}

/// "3 Oct 2026".
pub fn day(day: NaiveDate) -> String {
    day.format("%-d %b %Y").to_string()
}

/// "About 41 days", "Less than a day".
pub fn cover(outlook: &Outlook) -> String {
    match outlook.cover {
        None => String::new(),
        Some(0) => "Less than a day".to_owned(),
        Some(days @ 1..=730) => format!("About {}", plural(days, "day")),
        Some(_) => "More than two years".to_owned(),
    }
}

/// "30 a week lately", "None handed out lately".
pub fn pace(outlook: &Outlook) -> String {
    match (outlook.pace.handed_out, outlook.pace.codes_for(7)) {
        (0, _) => "None handed out recently".to_owned(),
        (n, _) if outlook.pace.days < 7 => {
            format!("{} handed out in {}", grouped(n), plural(outlook.pace.days, "day"))
        }
        (n, 1) => format!("{} handed out in {}", grouped(n), plural(outlook.pace.days, "day")),
        (_, week) => format!("{} a week recently", grouped(week)),
    }
}

/// "Last safe day 3 Sep 2026", while it lies ahead or has just passed.
pub fn safe_day(outlook: &Outlook) -> String {
    match (outlook.phase, outlook.last_safe_day) {
        (Phase::Running | Phase::NotStarted, Some(last)) => {
            format!("Last day to hand out: {}", day(last))
        }
        (Phase::Expiring, Some(last)) => format!("Last day to hand out was {}", day(last)),
        _ => String::new(),
    }
}

/// "120 expired, 3 barred": what is left but can't be used.
pub fn unusable(aside: &Shortage) -> String {
    let parts = [
        (aside.expired, "expired"),
        (aside.barred, "barred"),
        (aside.redeemed, "already redeemed"),
        (aside.not_started, "not started yet"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{} {what}", grouped(*n)))
        .collect();
    parts.join(", ")
}

/// What deserves a look before a customer meets it.
pub fn notes(member: &Member, row: &BatchOverview) -> Vec<Status> {
    let outlook = &row.outlook;
    let note = |tone, text: String| Status { tone, text, when: None };
    let mut notes = Vec::new();
    if let (Phase::Expiring, Some(end)) = (outlook.phase, outlook.next_end) {
        let least = member.merchant.stock_rules.least_days;
        notes.push(Status {
            tone: Tone::Notice,
            text: format!(
                "A customer who gets a code now has less than {} to use it. It expires",
                plural(least, "day")
            ),
            when: Some(when_end(member, end)),
        });
    }
    if outlook.phase == Phase::Running || outlook.phase == Phase::Expiring {
        if outlook.below_reserve {
            let reserve = grouped(row.batch.reserve);
            notes.push(note(
                Tone::Notice,
                format!("Fewer usable codes than the {reserve} kept for reissues."),
            ));
        }
        if let Some(runs_out) =
            outlook.runs_out_on.filter(|_| outlook.cover.is_some_and(|days| days <= 30))
        {
            notes.push(note(
                Tone::Notice,
                format!("At the recent rate the codes run out on {}.", day(runs_out)),
            ));
        }
        if outlook.lost > 0 {
            notes.push(note(Tone::Notice, lost(outlook)));
        }
    }
    notes
}

/// "At the recent pace 4,900 codes end before their turn."
pub fn lost(outlook: &Outlook) -> String {
    let end = if outlook.lost == 1 { "ends" } else { "end" };
    format!(
        "At the recent rate {} {end} before they can be handed out.",
        plural(outlook.lost, "code")
    )
}

/// The bar: usable, left but unusable, gone.
pub fn bar(row: &BatchOverview) -> StockBar {
    let number = |n: i64| u64::try_from(n).unwrap_or_default();
    let (stock, aside) = (&row.stock, row.stock.set_aside().left());
    let unusable =
        if aside > 0 { format!(", {} that can't be used", grouped(aside)) } else { String::new() };
    let title = format!(
        "Stock of {}: {} left{unusable}, of {}",
        row.batch.name,
        grouped(stock.usable),
        grouped(row.imported)
    );
    StockBar::of(
        number(row.imported),
        title,
        &[
            (Tone::Good, number(stock.usable)),
            (Tone::Notice, number(aside)),
            (Tone::Quiet, number(stock.handed_out() + stock.withdrawn)),
        ],
    )
}
