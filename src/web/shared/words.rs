//! The words for every refusal, made in this one place for the menu, the dialog, the row and the
//! toast.

use chrono::{DateTime, Utc};

use crate::{
    app::Member,
    domain::{
        batch::{Batch, Shortage},
        coupon::{Capacity, Coupon},
        coupon_acts::CouponAct,
        merchant::TicketFacts,
        reissue::{EarlierReissue, Refusal, RewardFile},
        reward::RewardProvider,
        role::Permission,
        zone,
    },
    web::shared::{
        addresses,
        format::{grouped, plural},
    },
};

/// A refusal in words: what it is called, the facts, and what to do instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalWords {
    pub label: &'static str,
    pub facts: Vec<String>,
    pub next_steps: Vec<NextStep>,
}

/// Something to do instead; without an address it is words only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextStep {
    pub label: String,
    pub href: Option<String>,
    /// Whether it opens in the dialog where there is one.
    pub dialog: bool,
}

fn step(label: impl Into<String>, href: impl Into<String>) -> NextStep {
    NextStep { label: label.into(), href: Some(href.into()), dialog: false }
}

fn say(label: impl Into<String>) -> NextStep {
    NextStep { label: label.into(), href: None, dialog: false }
}

/// The words of `refusal` for this member. `who_can` names users who may add vouchers, for those
/// who may not.
pub fn of_refusal(
    member: &Member,
    refusal: &Refusal,
    file: &RewardFile,
    who_can: &[String],
    now: DateTime<Utc>,
) -> RefusalWords {
    let zone = member.merchant.zone;
    match refusal {
        Refusal::CustomerPurged { at } => RefusalWords {
            label: "Customer purged",
            facts: vec![format!(
                "This customer's data was purged on {}. Their rewards are kept only for the record.",
                zone::show(*at, zone)
            )],
            next_steps: vec![say("Nothing can be sent to a purged customer.")],
        },
        Refusal::CustomerBlocked(blocked) => {
            let by = blocked.by.as_ref().map(|name| format!(" by {name}")).unwrap_or_default();
            let reason =
                blocked.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            RefusalWords {
                label: "Customer blocked",
                facts: vec![format!("Blocked on {}{by}{reason}.", zone::show(blocked.at, zone))],
                next_steps: vec![say("A supervisor can unblock the customer.")],
            }
        }
        Refusal::NonBatchReward(provider) => non_batch(member, *provider),
        Refusal::AlreadyReissued(earlier) => already_reissued(member, earlier, file, now),
        Refusal::NoCouponYet => RefusalWords {
            label: "No coupon yet",
            facts: vec!["This reward has no code yet, so there is nothing to replace.".to_owned()],
            next_steps: vec![say(
                "Wait until it is fulfilled, or import the reward with its code.",
            )],
        },
        Refusal::StillHasCapacity(capacity) => still_has_capacity(member, capacity, file),
        Refusal::BatchEmpty(shortage) => batch_empty(member, shortage, file, who_can),
        Refusal::EmailsOff => RefusalWords {
            label: "Emails are off",
            facts: vec![
                "This customer's emails are turned off, so no email can be sent. Nothing was done."
                    .to_owned(),
            ],
            next_steps: vec![say("Reissue without the email and pass on the code another way.")],
        },
    }
}

fn non_batch(member: &Member, provider: RewardProvider) -> RefusalWords {
    let next = match &member.merchant.account_manager {
        Some(contact) => step(
            format!(
                "Contact {}, account manager",
                contact.name.as_deref().unwrap_or(contact.address.as_str())
            ),
            format!("mailto:{}", contact.address),
        ),
        None => {
            say("No account manager is set for this merchant. Ask an administrator who to contact.")
        }
    };
    RefusalWords {
        label: "Non-batch reward",
        facts: vec![format!(
            "This reward is fulfilled by {}, so its code can't be reissued here.",
            provider.label()
        )],
        next_steps: vec![next],
    }
}

fn already_reissued(
    member: &Member,
    earlier: &EarlierReissue,
    file: &RewardFile,
    now: DateTime<Utc>,
) -> RefusalWords {
    let by = if earlier.by == member.user { "you" } else { &earlier.by_name };
    let next = match &member.merchant.ticket_url {
        Some(url) => {
            let facts = TicketFacts {
                reward_id: &file.reward.reward_id,
                customer_id: file.customer.customer_id.as_deref().unwrap_or_default(),
                reissue_id: &earlier.id.to_string(),
            };
            step("Open a support ticket", url.fill(&facts))
        }
        None => say("Open a support ticket: no ticket address is set for this merchant. Ask an \
                     administrator."),
    };
    RefusalWords {
        label: "Already reissued once",
        facts: vec![
            format!(
                "Reissued {} by {by}, on {}.",
                zone::show_age(now - earlier.at),
                zone::show(earlier.at, member.merchant.zone)
            ),
            format!("{} was replaced by {}.", earlier.old_code, earlier.new_code),
        ],
        next_steps: vec![next],
    }
}

fn still_has_capacity(member: &Member, capacity: &Capacity, file: &RewardFile) -> RefusalWords {
    let end = match capacity.expires_at {
        Some(at) => format!("expires {}", zone::show_end(at, member.merchant.zone)),
        None => "no expiry".to_owned(),
    };
    let mut facts = vec![format!(
        "{} of {} uses left, {end}.",
        grouped(capacity.uses_left),
        grouped(capacity.uses_allowed)
    )];
    if let Some(at) = capacity.starts_at {
        facts.push(format!("It can be used from {}.", zone::show(at, member.merchant.zone)));
    }
    let mut next_steps: Vec<NextStep> = file
        .coupon
        .iter()
        .map(|coupon| step("View the coupon", addresses::coupon(&member.merchant, coupon.id)))
        .collect();
    if member.role.may(Permission::BarCoupons) {
        let bar = |coupon: &Coupon| {
            addresses::coupon_act_from_row(&member.merchant, coupon.id, CouponAct::Bar)
        };
        next_steps.extend(
            file.coupon
                .iter()
                .map(|coupon| NextStep { dialog: true, ..step("Bar this coupon", bar(coupon)) }),
        );
    }
    RefusalWords { label: "Coupon still has capacity", facts, next_steps }
}

fn batch_empty(
    member: &Member,
    shortage: &Shortage,
    file: &RewardFile,
    who_can: &[String],
) -> RefusalWords {
    let batch = file.batch.as_ref().map(|(batch, _)| batch);
    let name = batch.map_or("the batch", |batch| batch.name.as_str());
    let mut facts = vec![format!("0 left in {name}: no usable code.")];
    if let Some(why) = why_unusable(member, shortage) {
        facts.push(why);
    }
    let next_steps = match batch {
        Some(batch) if member.role.may(Permission::ManageBatches) => {
            refill(member, batch, shortage)
        }
        _ if who_can.is_empty() => {
            vec![say("A user with the role Marketing or Administrator can add vouchers.")]
        }
        _ => vec![say(format!("{} can add vouchers.", who_can.join(", ")))],
    };
    RefusalWords { label: "Voucher batch empty", facts, next_steps }
}

fn refill(member: &Member, batch: &Batch, shortage: &Shortage) -> Vec<NextStep> {
    let mut steps = vec![step("Add vouchers", addresses::add_vouchers(&member.merchant, batch.id))];
    if shortage.expired > 0 || shortage.not_started > 0 {
        steps.push(step("Adjust validity", addresses::adjust_validity(&member.merchant, batch.id)));
    }
    steps
}

/// What is said of a file larger than [`crate::web::imports::upload::FILE_LIMIT`].
pub const FILE_TOO_LARGE: &str = "This file is larger than 512 MiB, so nothing was uploaded. Split \
                                  it, or import it on the server with rewarddesk import vouchers, \
                                  which accepts files of any size.";

/// What is said of a text longer than [`crate::web::imports::upload::TEXT_LIMIT`].
pub const TEXT_TOO_LONG: &str =
    "This is more than 256 KiB of text, so nothing was uploaded. Send it as a file instead.";

/// "Codes left: 120, all expired, the last on 3 Oct 2026, 23:59 BST."; `None` when nothing is left
/// at all.
pub fn why_unusable(member: &Member, shortage: &Shortage) -> Option<String> {
    if shortage.left() == 0 {
        return None;
    }
    let ended = shortage.last_expired_at.map(|at| zone::show_end(at, member.merchant.zone));
    if shortage.expired == shortage.left() {
        let on = ended.map(|at| format!(" on {at}")).unwrap_or_default();
        return Some(format!("Codes left: {}, all expired{on}.", grouped(shortage.expired)));
    }
    let last = ended.map(|at| format!(" (the last on {at})")).unwrap_or_default();
    let parts = [
        (shortage.expired, format!("expired{last}")),
        (shortage.barred, "barred".to_owned()),
        (shortage.redeemed, "already redeemed".to_owned()),
        (shortage.not_started, "not started yet".to_owned()),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{} {what}", grouped(*n)))
        .collect();
    Some(format!(
        "{} left that can't be used: {}.",
        plural(shortage.left(), "code"),
        parts.join(", ")
    ))
}
