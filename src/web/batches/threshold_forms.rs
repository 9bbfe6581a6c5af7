//! Acts on a batch's stock: setting its thresholds, withdrawing what is left.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;

use crate::{
    app::{
        self, InvalidForm, Member,
        batches::{
            set_thresholds::{SetThresholds, set_thresholds},
            show_batches::{self, BatchFile},
            withdraw_vouchers::{Withdrawn, withdraw_vouchers},
        },
    },
    domain::{Invalid, ids::BatchId},
    web::{
        batches::{self, pages::FormOutcome},
        shared::{
            addresses::{self, BatchForm},
            answers::{html, see_other},
            context::{MerchantRequest, PathId},
            errors::Error,
            flash,
            format::{grouped, plural, sentence, when},
            request::FormBody,
            ui::{Status, Toast, Tone},
        },
    },
};

fn error(why: Option<&Invalid>) -> Option<String> {
    why.map(|why| sentence(&why.0))
}

/// The thresholds: the batch's own, or what was typed and what is wrong with it.
pub fn lines(member: &Member, file: &BatchFile, told: &FormOutcome) -> ThresholdsForm {
    let batch = &file.row.batch;
    let own =
        || (batch.threshold.map(|n| n.to_string()).unwrap_or_default(), batch.reserve.to_string());
    let ((threshold, reserve), wrong) = match told {
        FormOutcome::ThresholdsInvalid { command, why } => {
            ((command.threshold.clone(), command.reserve.clone()), why.clone())
        }
        _ => (own(), InvalidForm::default()),
    };
    ThresholdsForm {
        action: addresses::batch_form(&member.merchant, batch.id, BatchForm::Thresholds),
        threshold: NumberField { value: threshold, error: error(wrong.get("threshold")) },
        reserve: NumberField { value: reserve, error: error(wrong.get("reserve")) },
        of_merchant: grouped(member.merchant.stock_rules.threshold),
    }
}

/// Withdrawing what is in stock, and what became of it before.
pub fn withdraw_form(member: &Member, file: &BatchFile, told: &FormOutcome) -> Withdraw {
    let stock = &file.row.stock;
    let left = stock.usable + stock.set_aside().left();
    let (reason, wrong) = match told {
        FormOutcome::WithdrawalInvalid { reason, why } => (reason.clone(), Some(sentence(why))),
        _ => (String::new(), None),
    };
    let (past, at_work): (Vec<_>, Vec<_>) =
        file.withdrawals.iter().partition(|withdrawal| withdrawal.ended_at.is_some());
    Withdraw {
        action: addresses::batch_form(&member.merchant, file.row.batch.id, BatchForm::Withdrawal),
        number: left,
        left: if left == 0 { String::new() } else { plural(left, "code") },
        reason: NumberField { value: reason, error: wrong },
        at_work: at_work.first().map(|one| at_work_words(&one.by, &one.reason, one.withdrawn)),
        past: past
            .into_iter()
            .map(|one| Status {
                tone: Tone::Quiet,
                text: withdrawn_words(&one.by, &one.reason, one.withdrawn),
                when: Some(when(member, one.asked_at)),
            })
            .collect(),
    }
}

fn at_work_words(by: &str, reason: &str, codes: i64) -> String {
    format!(
        "Requested by {by}: {reason}. {} so far; it continues by itself.",
        plural(codes, "code")
    )
}

fn withdrawn_words(by: &str, reason: &str, codes: i64) -> String {
    format!("{} withdrawn by {by}: {reason}", plural(codes, "code"))
}

/// What is said when the withdrawal that was asked for was there already.
pub fn withdrawn_before(file: &BatchFile) -> Option<Toast> {
    let last = file.withdrawals.first()?;
    let said = |title, words: &str| flash::plain(Tone::Good, title, words);
    Some(if last.ended_at.is_some() {
        said(
            "Vouchers withdrawn",
            &format!(
                "{}. Nothing more was done.",
                withdrawn_words(&last.by, &last.reason, last.withdrawn)
            ),
        )
    } else {
        said("Vouchers are being withdrawn", &at_work_words(&last.by, &last.reason, last.withdrawn))
    })
}

/// Another merchant's batch does not exist, whatever the form.
async fn batch_of(cx: &MerchantRequest, id: BatchId) -> Result<BatchId, Error> {
    cx.read(move |desk, member| show_batches::has_batch(desk, member, id)).await?;
    Ok(id)
}

fn back(member: &Member, id: BatchId, done: &str) -> HttpResponse {
    let target = format!("{}?done={done}#message", addresses::batch(&member.merchant, id));
    see_other(target)
}

/// `POST /m/{merchant}/batches/{id}/lines`
pub async fn draw(
    cx: MerchantRequest,
    PathId(id): PathId<BatchId>,
    form: FormBody,
) -> Result<HttpResponse, Error> {
    let id = batch_of(&cx, id).await?;
    let (Some(threshold), Some(reserve)) = (form.field("threshold"), form.field("reserve")) else {
        return Err(Error::Malformed);
    };
    let command = SetThresholds { batch: id, threshold, reserve };
    let asked = command.clone();
    match cx.write(move |desk, member| set_thresholds(desk, member, &asked)).await {
        Ok(Some(record)) => Ok(back(&cx.member, id, &record.to_string())),
        Ok(None) => Ok(back(&cx.member, id, "unchanged-lines")),
        Err(app::Error::Invalid(why)) => {
            let page =
                batches::page(&cx, id, &FormOutcome::ThresholdsInvalid { command, why }).await?;
            Ok(html(StatusCode::UNPROCESSABLE_ENTITY, page.render()?))
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /m/{merchant}/batches/{id}/withdrawals`
pub async fn withdraw(
    cx: MerchantRequest,
    PathId(id): PathId<BatchId>,
    form: FormBody,
) -> Result<HttpResponse, Error> {
    let id = batch_of(&cx, id).await?;
    let reason = form.field("reason").ok_or(Error::Malformed)?;
    let shown: i64 =
        form.field("codes").and_then(|text| text.parse().ok()).ok_or(Error::Malformed)?;
    let why = reason.clone();
    // It draws many short transactions, and clicks go in between: so it holds a reader's place, not
    // the one place of a writer.
    match cx.read(move |desk, member| withdraw_vouchers(desk, member, id, shown, &why)).await {
        Ok(Withdrawn::Now(record)) => Ok(back(&cx.member, id, &record.to_string())),
        Ok(Withdrawn::Before) => Ok(back(&cx.member, id, "withdrawn-before")),
        Err(app::Error::Invalid(why)) => {
            let page = batches::page(
                &cx,
                id,
                &FormOutcome::WithdrawalInvalid { reason, why: why.to_string() },
            )
            .await?;
            Ok(html(StatusCode::UNPROCESSABLE_ENTITY, page.render()?))
        }
        Err(error) => Err(error.into()),
    }
}

/// "Stock lines".
#[derive(Clone, Debug)]
pub struct ThresholdsForm {
    /// Where it posts to.
    pub action: String,
    pub threshold: NumberField,
    pub reserve: NumberField,
    /// What an empty threshold means: "100, the merchant's".
    pub of_merchant: String,
}

/// A number as it was typed.
#[derive(Clone, Debug, Default)]
pub struct NumberField {
    pub value: String,
    /// What is wrong with it; said at the field.
    pub error: Option<String>,
}

/// "Withdraw vouchers".
#[derive(Clone, Debug)]
pub struct Withdraw {
    /// Where it posts to.
    pub action: String,
    /// "1,762 codes"; empty when there is nothing to withdraw.
    pub left: String,
    /// The same as a plain number: what the page says is what is withdrawn.
    pub number: i64,
    pub reason: NumberField,
    /// One that is at work: "Withdrawing: 12,000 so far."
    pub at_work: Option<String>,
    /// Earlier ones.
    pub past: Vec<Status>,
}
