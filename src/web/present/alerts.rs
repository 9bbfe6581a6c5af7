//! Stock alerts as views.

use super::{grouped, sentence, when};
use crate::{
    app::{
        Member,
        choose_alerts::{AlertPage, InvalidAlertRules},
    },
    domain::{
        role::Permission,
        stock_alert::{AlertMode, StockThreshold},
    },
    web::{
        views::{
            alerts::{Choice, Index, Row, Rules},
            frame::Frame,
            stock_forms::Field,
            ui::{Link, Pager, Status, Tone},
        },
        words,
    },
};

/// The lines as they were typed, and what is wrong with them.
#[derive(Debug, Clone)]
pub struct SubmittedThresholds {
    pub threshold: String,
    pub least_days: String,
    pub why: InvalidAlertRules,
}

/// The page.
pub fn index(
    frame: Frame,
    member: &Member,
    page: &AlertPage,
    later: bool,
    typed: Option<&SubmittedThresholds>,
) -> Index {
    let here = format!("/m/{}/alerts", member.merchant.slug);
    Index {
        frame,
        back_href: format!("/m/{}/batches", member.merchant.slug),
        choose_action: here.clone(),
        choices: AlertMode::ALL.into_iter().map(|mode| choice(mode, page.mode)).collect(),
        address: member.user_email.clone(),
        rules: member.role.may(Permission::ManageBatches).then(|| rules(&here, page, typed)),
        rows: page
            .alerts
            .iter()
            .map(|alert| Row {
                what: Status {
                    tone: tone(alert.line),
                    text: name(alert.line).to_owned(),
                    when: None,
                },
                batch: Link {
                    label: alert.batch_name.clone(),
                    href: words::batch_address(member, alert.batch, ""),
                },
                left: format!("{} left", grouped(alert.codes_left)),
                raised: when(member, alert.raised_at),
                cleared: alert.cleared_at.map(|at| when(member, at)),
            })
            .collect(),
        pager: Pager {
            first_href: later.then(|| here.clone()),
            older_href: page.older.map(|id| format!("{here}?before={id}")),
        },
    }
}

fn choice(mode: AlertMode, chosen: AlertMode) -> Choice {
    let (label, hint) = match mode {
        AlertMode::None => ("No mail", "Alerts are on this page only."),
        AlertMode::Each => ("A mail for each alert", "At once, when a line is crossed."),
        AlertMode::Daily => ("One mail a day", "In the morning, if there was an alert."),
    };
    Choice { word: mode.as_str(), label, hint: hint.to_owned(), chosen: mode == chosen }
}

fn rules(here: &str, page: &AlertPage, typed: Option<&SubmittedThresholds>) -> Rules {
    let error = |why: Option<&crate::domain::Invalid>| why.map(|why| sentence(&why.0));
    let field = |value: String, error| Field { value, error };
    let (threshold, least_days) = match typed {
        Some(typed) => (
            field(typed.threshold.clone(), error(typed.why.threshold.as_ref())),
            field(typed.least_days.clone(), error(typed.why.least_days.as_ref())),
        ),
        None => (
            field(page.rules.threshold.to_string(), None),
            field(page.rules.least_days.to_string(), None),
        ),
    };
    Rules { action: format!("{here}/rules"), threshold, least_days }
}

/// What an alert is called.
pub fn name(line: StockThreshold) -> &'static str {
    match line {
        StockThreshold::Threshold => "At the threshold",
        StockThreshold::Half => "At half the threshold",
        StockThreshold::Tenth => "At a tenth of the threshold",
        StockThreshold::RunOut => "Run out",
        StockThreshold::Reserve => "Below the reserve",
        StockThreshold::Expiring => "Expiring",
        StockThreshold::Expired => "Expired",
    }
}

fn tone(line: StockThreshold) -> Tone {
    match line {
        StockThreshold::RunOut | StockThreshold::Expired => Tone::Bad,
        _ => Tone::Notice,
    }
}
