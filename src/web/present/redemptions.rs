//! What the shop and the desk disagree on, as a view.

use super::when;
use crate::{
    app::{Member, show_findings::FindingPage},
    domain::{
        coupon::CouponState,
        coupon_list::{Disagreement, RedemptionFinding},
        role::Permission,
    },
    web::{
        views::{
            batch_codes::Filter,
            frame::Frame,
            redemptions::{RedemptionItem, RedemptionListPage},
            ui::{Pager, Status, TextLink, Tone},
        },
        words,
    },
};

/// The page.
pub fn index(
    frame: Frame,
    member: &Member,
    kind: Disagreement,
    page: &FindingPage,
    later: bool,
) -> RedemptionListPage {
    let here = format!("/m/{}/redemptions", member.merchant.slug);
    let of = |kind: Disagreement| format!("{here}?kind={}", kind.as_str());
    RedemptionListPage {
        frame,
        back_href: format!("/m/{}/batches", member.merchant.slug),
        import_href: member.role.may(Permission::ManageBatches).then(|| format!("{here}/new")),
        filters: Disagreement::ALL
            .into_iter()
            .map(|other| Filter { label: label(other), href: of(other), current: other == kind })
            .collect(),
        meaning: meaning(kind),
        rows: page.rows.iter().map(|found| row(member, found)).collect(),
        pager: Pager {
            first_href: later.then(|| of(kind)),
            older_href: page.older.map(|id| format!("{}&before={id}", of(kind))),
        },
    }
}

fn label(kind: Disagreement) -> &'static str {
    match kind {
        Disagreement::Unknown => "Unknown codes",
        Disagreement::NotIssued => "Not handed out at the time",
        Disagreement::Replaced => "Already replaced",
    }
}

fn meaning(kind: Disagreement) -> &'static str {
    match kind {
        Disagreement::Unknown => {
            "The shop accepted codes that aren't in any batch of this merchant. Import the \
             vouchers they belong to, or ask the shop where they come from."
        }
        Disagreement::NotIssued => {
            "The shop accepted codes that were still in stock at the time, so nobody should have \
             had them. Codes still in stock are set aside and not handed out. If a customer has \
             the code now, someone else used it first, or the reward is missing here, or its date \
             is wrong."
        }
        Disagreement::Replaced => {
            "The shop accepted codes after they had been replaced, so their customers had two \
             working codes. Switch the old codes off in the shop as well."
        }
    }
}

fn row(member: &Member, found: &RedemptionFinding) -> RedemptionItem {
    let say = |tone, text: &str| Status { tone, text: text.to_owned(), when: None };
    RedemptionItem {
        code: TextLink {
            label: found.code.clone(),
            href: found
                .coupon
                .map(|coupon| words::coupon_address(member, coupon))
                .unwrap_or_default(),
        },
        redeemed: when(member, found.redeemed_at),
        order: found.order_id.clone().unwrap_or_default(),
        now: match found.state {
            None => say(Tone::Bad, "Not in any batch"),
            Some(CouponState::Available) => say(Tone::Notice, "In stock, set aside"),
            Some(CouponState::Allocated) => say(Tone::Quiet, "With a customer now"),
            Some(CouponState::Replaced) => say(Tone::Notice, "Replaced"),
            Some(CouponState::Withdrawn) => say(Tone::Quiet, "Withdrawn"),
        },
        found: when(member, found.found_at),
    }
}
