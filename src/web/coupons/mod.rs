//! One coupon's page: its state, its facts, and where it belongs.

pub mod act_forms;
pub mod code_check_page;
pub mod code_checks;
pub mod coupon_acts;
pub mod redemptions;

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::{
        Member,
        coupons::{
            coupon_history::own_act,
            show_coupon::{ReissuePart, ShownCoupon, show_coupon},
        },
    },
    domain::{
        audit::AuditRecord,
        coupon::{self, Coupon, CouponState},
        coupon_acts::acts_on,
        ids::{AuditId, CouponId},
        redemption::is_before_hand_out,
        reissue::EarlierReissue,
        role::Permission,
    },
    web::{
        audit::records::Event,
        rewards,
        shared::{
            act_words, addresses,
            answers::html,
            context::{MerchantRequest, PathId},
            errors::Error,
            format::{grouped, when, when_end},
            frame::Frame,
            request,
            ui::{Fact, Status, TextLink, Tone, When},
        },
    },
};

#[derive(Deserialize)]
pub struct CouponQuery {
    /// What just happened: the number of its audit record.
    done: Option<String>,
}

/// `GET /m/{merchant}/coupons/{id}`
pub async fn show(
    cx: MerchantRequest,
    PathId(id): PathId<CouponId>,
    query: web::Query<CouponQuery>,
) -> Result<HttpResponse, Error> {
    let shown = cx.read(move |desk, member| show_coupon(desk, member, id)).await?;
    let mut page = page(&cx, &shown);
    if let Some(record) = query.done.as_deref().and_then(request::number).map(AuditId) {
        let record = cx.read(move |desk, member| own_act(desk, member, id, record)).await?;
        page.frame.flash = record.as_ref().and_then(act_forms::told);
    }
    Ok(html(StatusCode::OK, page.render()?))
}

/// The coupon's page without a message in it. The code stays out of the title: titles are kept in
/// histories.
pub fn page(cx: &MerchantRequest, shown: &ShownCoupon) -> CouponPage {
    coupon_page(cx.frame("Coupon"), &cx.member, shown)
}

/// A coupon's page.
pub fn coupon_page(frame: Frame, member: &Member, shown: &ShownCoupon) -> CouponPage {
    let coupon = &shown.file.coupon;
    let places = places(member, shown);
    let back = places.last().map_or_else(|| batch(member, shown), |place| place.link.clone());
    let redemptions = redemptions(member, shown);
    let listed = i64::try_from(redemptions.len()).unwrap_or(i64::MAX);
    CouponPage {
        frame,
        back,
        code: coupon.code.to_string(),
        status: status(member, shown),
        facts: facts(member, shown),
        places,
        reissue: shown.reissue.as_ref().map(|part| reissue(member, part)),
        redemptions,
        redemptions_note: match coupon.redemptions {
            0 => "This code has not been redeemed.".to_owned(),
            all if all > listed => format!(
                "{} in all. The order and date of the others aren't recorded here.",
                grouped(all)
            ),
            _ => String::new(),
        },
        actions: actions(member, coupon),
        history: shown.history.iter().map(|record| event(member, coupon, record)).collect(),
    }
}

/// The uses, newest first, then further reports of the same orders.
fn redemptions(member: &Member, shown: &ShownCoupon) -> Vec<RedemptionUse> {
    let handed_out = shown.file.coupon.handed_out_at;
    let note = |at| {
        if handed_out.is_some_and(|out| is_before_hand_out(at, out)) {
            "before it was handed out"
        } else {
            ""
        }
    };
    let uses = shown.redemptions.iter().map(|one| (one, note(one.at)));
    let repeats = shown.file.repeats.iter().map(|one| (one, "the same order, reported again"));
    let row = |(one, note): (&coupon::Redemption, _)| RedemptionUse {
        order: one.order_id.clone().unwrap_or_default(),
        when: when(member, one.at),
        note,
    };
    uses.chain(repeats).map(row).collect()
}

/// What may be done to it now, by those who may.
fn actions(member: &Member, coupon: &Coupon) -> Vec<TextLink> {
    if !member.role.may(Permission::BarCoupons) {
        return vec![];
    }
    let link = |act| TextLink {
        label: act_words::title(act).to_owned(),
        href: addresses::coupon_act(&member.merchant, coupon.id, act),
    };
    acts_on(coupon).into_iter().map(link).collect()
}

/// An event on this page, which need not name its own code again.
fn event(member: &Member, coupon: &Coupon, record: &AuditRecord) -> Event {
    let mut event = crate::web::audit::records::own_event(member, record);
    if event.codes == [coupon.code.as_str()] {
        event.codes.clear();
    }
    event
}

fn batch(member: &Member, shown: &ShownCoupon) -> TextLink {
    TextLink {
        label: shown.file.batch_name.clone(),
        href: addresses::batch(&member.merchant, shown.file.coupon.batch),
    }
}

/// Everything that holds: where it is in its life, and what keeps it from being used.
pub(crate) fn status(member: &Member, shown: &ShownCoupon) -> Vec<Status> {
    let coupon = &shown.file.coupon;
    let say = |tone, text: &str| Status { tone, text: text.to_owned(), when: None };
    let life = match (coupon.state, &shown.reissue) {
        (CouponState::Available, _) => say(Tone::Quiet, "In stock, not handed out"),
        (CouponState::Allocated, _) => say(Tone::Quiet, "Handed out"),
        (CouponState::Replaced, Some(ReissuePart::ReplacedBy(earlier, _))) => Status {
            when: Some(when(member, earlier.at)),
            ..say(Tone::Bad, &format!("Replaced by {}", who(member, earlier)))
        },
        (CouponState::Replaced, _) => say(Tone::Bad, "Replaced"),
        (CouponState::Withdrawn, _) => say(Tone::Bad, "Withdrawn from stock"),
    };
    let is_over = matches!(coupon.state, CouponState::Replaced | CouponState::Withdrawn);
    let rest = rewards::coupon_status(member, coupon, shown.now)
        .into_iter()
        .filter(|line| !(is_over && line.tone == Tone::Good));
    std::iter::once(life).chain(rest).collect()
}

fn who(member: &Member, earlier: &EarlierReissue) -> String {
    if earlier.by == member.user { "you".to_owned() } else { earlier.by_name.clone() }
}

pub(crate) fn facts(member: &Member, shown: &ShownCoupon) -> Vec<Fact> {
    let coupon = &shown.file.coupon;
    let fact = |label: &str, text: String| Fact { label: label.to_owned(), text, when: None };
    let bound = |label: &str, at: Option<_>, open: &str| match at {
        Some(when) => Fact { when: Some(when), ..fact(label, String::new()) },
        None => fact(label, open.to_owned()),
    };
    let mut facts = vec![
        bound("Valid from", coupon.window.from.map(|at| when(member, at)), "No start"),
        bound("Valid until", coupon.window.until.map(|at| when_end(member, at)), "No end"),
        fact("Uses", uses(coupon)),
        Fact {
            when: Some(when(member, shown.file.imported_at)),
            ..fact("Imported", String::new())
        },
    ];
    if let Some(barred) = &coupon.barred {
        let by = barred.by.clone().unwrap_or_else(|| "the import".to_owned());
        facts.push(Fact {
            when: Some(when(member, barred.at)),
            ..fact("Barred", format!("By {by}: {}.", barred.reason.trim_end_matches('.')))
        });
    }
    facts
}

fn uses(coupon: &Coupon) -> String {
    let left = coupon.max_redemptions - coupon.redemptions;
    format!(
        "{} of {} left",
        grouped(left),
        crate::web::shared::format::plural(coupon.max_redemptions, "use")
    )
}

/// The way to its page, from elsewhere.
pub(crate) fn itself(member: &Member, shown: &ShownCoupon) -> LabelledLink {
    let coupon = &shown.file.coupon;
    LabelledLink {
        label: "Coupon".to_owned(),
        link: TextLink {
            label: "View coupon".to_owned(),
            href: addresses::coupon(&member.merchant, coupon.id),
        },
    }
}

pub(crate) fn places(member: &Member, shown: &ShownCoupon) -> Vec<LabelledLink> {
    let place = |label: &str, link| LabelledLink { label: label.to_owned(), link };
    let mut places = Vec::new();
    if member.role.may(Permission::LookAtBatches) {
        places.push(place("Voucher batch", batch(member, shown)));
    }
    if let (Some(reward), Some(customer)) = (&shown.file.reward, &shown.customer) {
        let profile = addresses::customer(&member.merchant, customer.no);
        let title = format!("{} ({})", reward.title, reward.reward_id);
        places.push(place(
            "Reward",
            TextLink {
                label: title,
                href: addresses::reward_row(&member.merchant, customer.no, reward.no),
            },
        ));
        places.push(place("Customer", TextLink { label: customer.display_name(), href: profile }));
    }
    places
}

pub(crate) fn reissue(member: &Member, part: &ReissuePart) -> Reissue {
    let make = |label: &str, code: String, other: CouponId, earlier: &EarlierReissue| Reissue {
        label: label.to_owned(),
        code,
        href: addresses::coupon(&member.merchant, other),
        who: who(member, earlier),
        when: when(member, earlier.at),
    };
    match part {
        ReissuePart::ReplacedBy(earlier, new) => {
            make("Replaced by", earlier.new_code.to_string(), *new, earlier)
        }
        ReissuePart::Replaces(earlier, old) => {
            make("Replaces", earlier.old_code.to_string(), *old, earlier)
        }
    }
}

/// `GET /m/{merchant}/coupons/{id}`.
#[derive(Debug, Template)]
#[template(path = "coupons/show.html")]
pub struct CouponPage {
    /// Frame.
    pub frame: Frame,
    /// Back to where the coupon belongs: the customer, else the batch.
    pub back: TextLink,
    /// The code.
    pub code: String,
    /// State in words; all that holds.
    pub status: Vec<Status>,
    /// Validity, uses, and so on.
    pub facts: Vec<Fact>,
    /// Batch, reward, customer: where it belongs.
    pub places: Vec<LabelledLink>,
    /// The other coupon of a reissue.
    pub reissue: Option<Reissue>,
    /// Redemptions, newest first.
    pub redemptions: Vec<RedemptionUse>,
    /// What the list of redemptions leaves out, or why it is empty.
    pub redemptions_note: String,
    /// What this user may do to it.
    pub actions: Vec<TextLink>,
    /// What was done to it, newest first.
    pub history: Vec<Event>,
}

/// A label and a link.
#[derive(Clone, Debug)]
pub struct LabelledLink {
    /// "Voucher batch".
    pub label: String,
    /// What it is called, and where it is.
    pub link: TextLink,
}

/// What replaced this coupon, or what it replaced.
#[derive(Clone, Debug)]
pub struct Reissue {
    /// "Replaced by", "Takes the place of".
    pub label: String,
    /// The other code.
    pub code: String,
    /// Its page.
    pub href: String,
    /// Who did it.
    pub who: String,
    /// When.
    pub when: When,
}

/// One use in the shop.
#[derive(Clone, Debug)]
pub struct RedemptionUse {
    /// The order, where known.
    pub order: String,
    /// When.
    pub when: When,
    /// What is odd about it, or empty.
    pub note: &'static str,
}
