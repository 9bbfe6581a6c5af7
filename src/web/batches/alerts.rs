//! Stock alerts: what was raised, how one is notified, and the thresholds for all batches.

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::{
        self, InvalidForm, Member,
        batches::choose_alerts::{self, AlertPage},
    },
    domain::{
        role::Permission,
        stock_alert::{AlertKind, AlertMode},
    },
    web::{
        batches::threshold_forms::NumberField,
        shared::{
            addresses,
            answers::{html, see_other},
            context::MerchantRequest,
            errors::Error,
            flash,
            format::{grouped, sentence, when},
            frame::Frame,
            request::{self, FormBody},
            ui::{Pager, Status, TextLink, Tone, When},
        },
    },
};

#[derive(Deserialize)]
pub struct AlertsQuery {
    before: Option<String>,
    /// What was just done: one of our own words.
    done: Option<String>,
}

/// `GET /m/{merchant}/alerts`
pub async fn index(
    cx: MerchantRequest,
    query: web::Query<AlertsQuery>,
) -> Result<HttpResponse, Error> {
    let before = query.before.as_deref().and_then(request::number);
    let body = page(&cx, before, None, query.done.as_deref()).await?;
    Ok(html(StatusCode::OK, body))
}

async fn page(
    cx: &MerchantRequest,
    before: Option<i64>,
    typed: Option<&SubmittedRules>,
    done: Option<&str>,
) -> Result<String, Error> {
    let found =
        cx.read(move |desk, member| choose_alerts::show_alerts(desk, member, before)).await?;
    let mut page =
        alerts_page(cx.frame("Stock alerts"), &cx.member, &found, before.is_some(), typed);
    page.frame.flash = match done {
        Some("chosen") => {
            Some(flash::plain(Tone::Good, "Saved", "This applies to alerts from now on."))
        }
        Some("drawn") => Some(flash::plain(
            Tone::Good,
            "Thresholds saved",
            "They apply to every batch without thresholds of its own.",
        )),
        _ => None,
    };
    Ok(page.render()?)
}

fn back(member: &Member, done: &str) -> HttpResponse {
    let target = format!("{}?done={done}#message", addresses::alerts(&member.merchant));
    see_other(target)
}

/// `POST /m/{merchant}/alerts`
pub async fn choose(cx: MerchantRequest, form: FormBody) -> Result<HttpResponse, Error> {
    let mode: AlertMode =
        form.field("mode").and_then(|word| word.parse().ok()).ok_or(Error::Malformed)?;
    cx.write(move |desk, member| choose_alerts::choose_alerts(desk, member, mode)).await?;
    Ok(back(&cx.member, "chosen"))
}

/// `POST /m/{merchant}/alerts/rules`
pub async fn draw(cx: MerchantRequest, form: FormBody) -> Result<HttpResponse, Error> {
    let (Some(threshold), Some(least_days)) = (form.field("threshold"), form.field("least_days"))
    else {
        return Err(Error::Malformed);
    };
    let typed = (threshold.clone(), least_days.clone());
    match cx
        .write(move |desk, member| {
            choose_alerts::draw_stock_rules(desk, member, &typed.0, &typed.1)
        })
        .await
    {
        Ok(()) => Ok(back(&cx.member, "drawn")),
        Err(app::Error::Invalid(why)) => {
            let typed = SubmittedRules { threshold, least_days, why };
            let body = page(&cx, None, Some(&typed), None).await?;
            Ok(html(StatusCode::UNPROCESSABLE_ENTITY, body))
        }
        Err(error) => Err(error.into()),
    }
}

/// The thresholds as they were typed, and what is wrong with them.
#[derive(Debug, Clone)]
pub struct SubmittedRules {
    pub threshold: String,
    pub least_days: String,
    pub why: InvalidForm,
}

/// The page.
pub fn alerts_page(
    frame: Frame,
    member: &Member,
    page: &AlertPage,
    later: bool,
    typed: Option<&SubmittedRules>,
) -> AlertListPage {
    let here = addresses::alerts(&member.merchant);
    AlertListPage {
        frame,
        back_href: addresses::batches(&member.merchant),
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
                    href: addresses::batch(&member.merchant, alert.batch),
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
            field(typed.threshold.clone(), error(typed.why.get("threshold"))),
            field(typed.least_days.clone(), error(typed.why.get("least_days"))),
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

/// `GET /m/{merchant}/alerts`.
#[derive(Debug, Template)]
#[template(path = "alerts/index.html")]
pub struct AlertListPage {
    pub frame: Frame,
    pub back_href: String,
    pub choose_action: String,
    pub choices: Vec<ModeChoice>,
    /// Where they are sent.
    pub address: String,
    /// The thresholds for all batches, for those who may.
    pub rules: Option<AlertRulesForm>,
    pub rows: Vec<AlertItem>,
    pub pager: Pager,
}

/// One way to hear of the stock.
#[derive(Clone, Debug)]
pub struct ModeChoice {
    pub word: &'static str,
    pub label: &'static str,
    pub hint: String,
    pub chosen: bool,
}

/// The thresholds for all batches.
#[derive(Clone, Debug)]
pub struct AlertRulesForm {
    pub action: String,
    pub threshold: NumberField,
    pub least_days: NumberField,
}

/// An alert.
#[derive(Clone, Debug)]
pub struct AlertItem {
    pub what: Status,
    pub batch: TextLink,
    pub left: String,
    pub raised: When,
    /// "Over since …"; none while it lasts.
    pub cleared: Option<When>,
}
