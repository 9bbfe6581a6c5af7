//! A batch's codes as a list: their conditions in words, and who got which.

use super::{grouped, rewards, when_end};
use crate::{
    app::{Member, batch_codes::CodePage},
    domain::{
        batch::Batch,
        coupon::{Coupon, CouponState},
        coupon_list::{After, Condition, ListedCode},
        role::Permission,
    },
    web::{
        views::{
            batch_codes::{CodeItem, CodeListSection, Filter},
            ui::{Pager, Status, TextLink, Tone},
        },
        words,
    },
};

/// The conditions with their word in addresses and their label.
pub const CONDITIONS: [(Condition, &str, &str); 8] = [
    (Condition::All, "all", "All"),
    (Condition::InStock, "in-stock", "In stock"),
    (Condition::Allocated, "with-customers", "With customers"),
    (Condition::Redeemed, "redeemed", "Redeemed"),
    (Condition::Expired, "expired", "Expired"),
    (Condition::Barred, "barred", "Barred"),
    (Condition::Replaced, "replaced", "Replaced"),
    (Condition::Withdrawn, "withdrawn", "Withdrawn"),
];

/// What a list was asked for.
#[derive(Debug, Clone)]
pub struct CodeListRequest {
    pub condition: Condition,
    pub after: Option<After>,
    pub query: String,
}

/// The word of a condition in addresses.
pub fn word_of(condition: Condition) -> &'static str {
    CONDITIONS.iter().find(|(known, ..)| *known == condition).map_or("all", |(_, word, _)| word)
}

/// The list.
pub fn list(
    member: &Member,
    batch: &Batch,
    asked: &CodeListRequest,
    page: &CodePage,
) -> CodeListSection {
    let here = words::batch_address(member, batch.id, "");
    let word = word_of(asked.condition);
    let of = |word: &str| {
        if word == "all" {
            format!("{here}#all-codes")
        } else {
            format!("{here}?codes={word}#all-codes")
        }
    };
    let next = page.next.map(|after| {
        format!(
            "{here}?codes={word}&after={}.{}#all-codes",
            after.end.timestamp_micros(),
            after.coupon
        )
    });
    let searched = !asked.query.is_empty();
    CodeListSection {
        action: here.clone(),
        query: asked.query.clone(),
        filters: CONDITIONS
            .iter()
            .map(|(condition, word, label)| Filter {
                label,
                href: of(word),
                current: !searched && *condition == asked.condition,
            })
            .collect(),
        condition: word,
        rows: page.rows.iter().map(|listed| row(member, listed, page.now)).collect(),
        empty: match (searched, asked.condition) {
            (true, _) => "This code isn't in this batch. Search for the full code, or check it in \
                          all batches."
                .to_owned(),
            (false, Condition::All) => {
                "This batch has no codes yet. Add vouchers to fill it.".to_owned()
            }
            (false, _) => "No codes in this batch have this status.".to_owned(),
        },
        pager: Pager { first_href: asked.after.map(|_| of(word)), older_href: next },
        // An export is of a condition, not of a search.
        export: (!searched && member.role.may(Permission::ManageBatches))
            .then(|| words::batch_address(member, batch.id, "/export")),
        next_steps: next_steps(member, &here, asked),
    }
}

/// Where to go from an empty list.
fn next_steps(member: &Member, here: &str, asked: &CodeListRequest) -> Vec<TextLink> {
    let link = |label: &str, href: String| TextLink { label: label.to_owned(), href };
    let may = |permission, link| member.role.may(permission).then_some(link);
    let all = link("Show all codes", format!("{here}#all-codes"));
    match (asked.query.is_empty(), asked.condition) {
        (false, _) => {
            let check = link("Check a code", format!("/m/{}/check", member.merchant.slug));
            std::iter::once(all).chain(may(Permission::CheckCodes, check)).collect()
        }
        (true, Condition::All) => {
            may(Permission::ManageBatches, link("Add vouchers", "#add-vouchers".to_owned()))
                .into_iter()
                .collect()
        }
        (true, _) => vec![all],
    }
}

fn row(member: &Member, listed: &ListedCode, now: chrono::DateTime<chrono::Utc>) -> CodeItem {
    let coupon = &listed.coupon;
    let profile = |no| format!("/m/{}/customers/{no}", member.merchant.slug);
    CodeItem {
        href: words::coupon_address(member, coupon.id),
        code: coupon.code.to_string(),
        status: status(member, coupon, now),
        uses: format!(
            "{} of {} left",
            grouped(coupon.max_redemptions - coupon.redemptions),
            grouped(coupon.max_redemptions)
        ),
        until: coupon.window.until.map(|at| when_end(member, at)),
        holder: listed.holder.as_ref().map(|holder| TextLink {
            label: holder
                .customer_name
                .clone()
                .unwrap_or_else(|| format!("Customer {}", holder.customer)),
            href: format!("{}#reward-{}", profile(holder.customer), holder.reward),
        }),
        reward: listed
            .holder
            .as_ref()
            .map(|holder| format!("{} ({})", holder.title, holder.reward_id))
            .unwrap_or_default(),
    }
}

/// Where it is in its life, and what keeps it from being used.
fn status(member: &Member, coupon: &Coupon, now: chrono::DateTime<chrono::Utc>) -> Vec<Status> {
    let say = |tone, text: &str| Status { tone, text: text.to_owned(), when: None };
    let problems = rewards::coupon_status(member, coupon, now)
        .into_iter()
        .filter(|line| line.tone != Tone::Good);
    let life = match coupon.state {
        CouponState::Available if coupon.problems(now).is_empty() && coupon.redemptions == 0 => {
            say(Tone::Good, "In stock")
        }
        CouponState::Available => say(Tone::Quiet, "In stock"),
        CouponState::Allocated => say(Tone::Quiet, "With its customer"),
        CouponState::Replaced => say(Tone::Quiet, "Replaced"),
        CouponState::Withdrawn => say(Tone::Quiet, "Withdrawn"),
    };
    std::iter::once(life).chain(problems).collect()
}
