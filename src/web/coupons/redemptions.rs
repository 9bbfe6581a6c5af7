//! The page that lists what the shop and the desk disagree on.

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::{
        Member,
        coupons::show_findings::{FindingPage, show_findings},
    },
    domain::{
        coupon::CouponState,
        coupon_list::{Disagreement, RedemptionFinding},
        role::Permission,
    },
    web::{
        batches::batch_codes::Filter,
        shared::{
            addresses,
            answers::html,
            context::MerchantRequest,
            errors::Error,
            format::when,
            frame::Frame,
            request,
            ui::{Pager, Status, TextLink, Tone, When},
        },
    },
};

/// The page.
pub fn redemptions_page(
    frame: Frame,
    member: &Member,
    kind: Disagreement,
    page: &FindingPage,
    later: bool,
) -> RedemptionListPage {
    let here = addresses::redemptions(&member.merchant);
    let of = |kind: Disagreement| format!("{here}?kind={}", kind.as_str());
    RedemptionListPage {
        frame,
        back_href: addresses::batches(&member.merchant),
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
                .map(|coupon| addresses::coupon(&member.merchant, coupon))
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

#[derive(Deserialize)]
pub struct RedemptionsQuery {
    kind: Option<String>,
    before: Option<String>,
}

/// `GET /m/{merchant}/redemptions`
pub async fn index(
    cx: MerchantRequest,
    query: web::Query<RedemptionsQuery>,
) -> Result<HttpResponse, Error> {
    let wanted = query.kind.as_deref().unwrap_or_default();
    let kind = Disagreement::ALL
        .into_iter()
        .find(|kind| kind.as_str() == wanted)
        .unwrap_or(Disagreement::Unknown);
    let before = query.before.as_deref().and_then(request::number);
    let page = cx.read(move |desk, member| show_findings(desk, member, kind, before)).await?;
    let view = redemptions_page(cx.frame("Redemptions"), &cx.member, kind, &page, before.is_some());
    Ok(html(StatusCode::OK, view.render()?))
}

/// `GET /m/{merchant}/redemptions`.
#[derive(Debug, Template)]
#[template(path = "redemptions/index.html")]
pub struct RedemptionListPage {
    pub frame: Frame,
    pub back_href: String,
    /// Where redemptions are imported, for those who may.
    pub import_href: Option<String>,
    /// "Unknown codes", "Not handed out at the time", "Replaced before".
    pub filters: Vec<Filter>,
    /// What the current kind means and what to do.
    pub meaning: &'static str,
    pub rows: Vec<RedemptionItem>,
    pub pager: Pager,
}

/// A redemption that does not fit.
#[derive(Clone, Debug)]
pub struct RedemptionItem {
    /// The coupon's page, or the code alone.
    pub code: TextLink,
    pub redeemed: When,
    pub order: String,
    /// Where the code is now.
    pub now: Status,
    pub found: When,
}
