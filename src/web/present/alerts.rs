//! Stock alerts as views.

use super::{grouped, sentence, when};
use crate::{
    app::{
        Member,
        choose_alerts::{AlertPage, InvalidAlertRules},
    },
    domain::{
        role::Permission,
        stock_alert::{AlertKind, AlertMode},
    },
    web::{
        views::{
            alerts::{AlertItem, AlertListPage, AlertRulesForm, ModeChoice},
            frame::Frame,
            threshold_forms::NumberField,
            ui::{Pager, Status, TextLink, Tone},
        },
        words,
    },
};

/// The thresholds as they were typed, and what is wrong with them.
#[derive(Debug, Clone)]
pub struct SubmittedRules {
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
    typed: Option<&SubmittedRules>,
) -> AlertListPage {
    let here = format!("/m/{}/alerts", member.merchant.slug);
    AlertListPage {
        frame,
        back_href: format!("/m/{}/batches", member.merchant.slug),
        choose_action: here.clone(),
        choices: AlertMode::ALL.into_iter().map(|mode| choice(mode, page.mode)).collect(),
        address: member.user_email.clone(),
        rules: member.role.may(Permission::ManageBatches).then(|| rules(&here, page, typed)),
        rows: page
            .alerts
            .iter()
            .map(|alert| AlertItem {
                what: Status {
                    tone: tone(alert.kind),
                    text: name(alert.kind).to_owned(),
                    when: None,
                },
                batch: TextLink {
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

fn choice(mode: AlertMode, chosen: AlertMode) -> ModeChoice {
    let (label, hint) = match mode {
        AlertMode::None => ("No emails", "Alerts are shown on this page only."),
        AlertMode::Each => ("An email for each alert", "Sent as soon as a threshold is crossed."),
        AlertMode::Daily => ("One email a day", "Sent in the morning if there was an alert."),
    };
    ModeChoice { word: mode.as_str(), label, hint: hint.to_owned(), chosen: mode == chosen }
}

fn rules(here: &str, page: &AlertPage, typed: Option<&SubmittedRules>) -> AlertRulesForm {
    let error = |why: Option<&crate::domain::Invalid>| why.map(|why| sentence(&why.0));
    let field = |value: String, error| NumberField { value, error };
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
    AlertRulesForm { action: format!("{here}/rules"), threshold, least_days }
}

/// What an alert is called.
pub fn name(kind: AlertKind) -> &'static str {
    match kind {
        AlertKind::Threshold => "At the threshold",
        AlertKind::Half => "At half the threshold",
        AlertKind::Tenth => "At a tenth of the threshold",
        AlertKind::RunOut => "Run out",
        AlertKind::Reserve => "Below the reserve",
        AlertKind::Expiring => "Expiring",
        AlertKind::Expired => "Expired",
    }
}

fn tone(kind: AlertKind) -> Tone {
    match kind {
        AlertKind::RunOut | AlertKind::Expired => Tone::Bad,
        _ => Tone::Notice,
    }
}
