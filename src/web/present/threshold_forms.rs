//! The forms on a batch's stock as views.

use super::{batches::FormOutcome, flash, grouped, plural, sentence, when};
use crate::{
    app::{Member, set_thresholds::InvalidThresholds, show_batches::BatchFile},
    domain::Invalid,
    web::{
        views::{
            threshold_forms::{NumberField, ThresholdsForm, Withdraw},
            ui::{Status, Toast, Tone},
        },
        words,
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
        _ => (own(), InvalidThresholds::default()),
    };
    ThresholdsForm {
        action: words::batch_address(member, batch.id, "/lines"),
        threshold: NumberField { value: threshold, error: error(wrong.threshold.as_ref()) },
        reserve: NumberField { value: reserve, error: error(wrong.reserve.as_ref()) },
        of_merchant: grouped(member.merchant.stock_rules.threshold),
    }
}

/// Withdrawing what is in stock, and what became of it before.
pub fn withdraw(member: &Member, file: &BatchFile, told: &FormOutcome) -> Withdraw {
    let stock = &file.row.stock;
    let left = stock.usable + stock.set_aside().left();
    let (reason, wrong) = match told {
        FormOutcome::WithdrawalInvalid { reason, why } => (reason.clone(), Some(sentence(why))),
        _ => (String::new(), None),
    };
    let (past, at_work): (Vec<_>, Vec<_>) =
        file.withdrawals.iter().partition(|withdrawal| withdrawal.ended_at.is_some());
    Withdraw {
        action: words::batch_address(member, file.row.batch.id, "/withdrawals"),
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
