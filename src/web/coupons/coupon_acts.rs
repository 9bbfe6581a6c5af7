//! Barring a coupon, unbarring it and marking it as used: as a dialog with htmx, as pages without.
//! Decides nothing: the rules are asked in one place, inside the transaction.

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::{
        self, InvalidForm, Refusal,
        coupons::{
            bar_coupon::{bar_coupon, unbar_coupon},
            coupon_acts::{PreparedCouponAct, prepare_act},
            mark_used::{MarkUsed, mark_used},
            show_coupon::{self, ShownCoupon},
        },
        customers::show_customer::{self, Cursors},
    },
    domain::{
        coupon_acts::{ActRefusal, CouponAct},
        ids::{AuditId, CouponId},
    },
    web::{
        coupons::{self, act_forms},
        customers::{self, pages},
        rewards,
        shared::{
            act_words, addresses,
            answers::{self, html, see_other},
            context::{MerchantRequest, PathId},
            errors::Error,
            request::FormBody,
        },
    },
};

#[derive(Deserialize)]
pub struct CouponActQuery {
    /// "profile": where the link was, and where Cancel leads.
    from: Option<String>,
}

/// The fields of the forms; each form has some of them.
#[derive(Debug, Default, Clone)]
pub struct CouponActFields {
    pub from_profile: bool,
    pub reason: String,
    pub order: String,
    /// `None` before the form was ever sent.
    pub at: Option<String>,
    pub gone: Option<i64>,
}

impl CouponActFields {
    fn parse(body: &FormBody) -> Self {
        let mut fields = Self { at: Some(String::new()), ..Self::default() };
        for (name, value) in body.fields() {
            match name.as_ref() {
                "from" => fields.from_profile = value == "profile",
                "reason" => fields.reason = value.into_owned(),
                "order_id" => fields.order = value.into_owned(),
                "redeemed_at" => fields.at = Some(value.into_owned()),
                "uses_gone" => fields.gone = value.parse().ok(),
                _ => {}
            }
        }
        fields
    }
}

/// `GET /m/{merchant}/coupons/{id}/bar`, `…/unbar`, `…/use`
pub async fn new(
    cx: MerchantRequest,
    PathId(id): PathId<CouponId>,
    query: web::Query<CouponActQuery>,
) -> Result<HttpResponse, Error> {
    let act = act_of(&cx)?;
    let fields = CouponActFields {
        from_profile: query.from.as_deref() == Some("profile"),
        ..CouponActFields::default()
    };
    let (prepared, refusal) = prepare(&cx, id, act).await?;
    if let Some(refusal) = refusal {
        return refused(&cx, &prepared.shown, &refusal).await;
    }
    form(&cx, &prepared, &fields, &InvalidForm::default())
}

/// `POST /m/{merchant}/coupons/{id}/bar`, `…/unbar`, `…/use`
pub async fn create(
    cx: MerchantRequest,
    PathId(id): PathId<CouponId>,
    body: FormBody,
) -> Result<HttpResponse, Error> {
    let act = act_of(&cx)?;
    let fields = CouponActFields::parse(&body);
    let sent = fields.clone();
    let acted = cx
        .write(move |desk, member| match act {
            CouponAct::Bar => bar_coupon(desk, member, id, &sent.reason),
            CouponAct::Unbar => unbar_coupon(desk, member, id, &sent.reason),
            CouponAct::MarkUsed => {
                let at = sent.at.unwrap_or_default();
                mark_used(
                    desk,
                    member,
                    &MarkUsed { coupon: id, order: sent.order, at, gone: sent.gone },
                )
            }
        })
        .await;
    match acted {
        Ok(record) => {
            done(&cx, (id, record), fields.from_profile).await.map_err(Error::after_commit)
        }
        Err(app::Error::Refused(Refusal::Coupon(refusal))) => {
            let (prepared, _) = prepare(&cx, id, act).await?;
            refused(&cx, &prepared.shown, &refusal).await
        }
        Err(app::Error::Invalid(invalid)) => {
            let (prepared, _) = prepare(&cx, id, act).await?;
            form(&cx, &prepared, &fields, &invalid)
        }
        Err(error) => Err(error.into()),
    }
}

/// The dialog, or the page; 422 when it comes back with what is wrong in it.
fn form(
    cx: &MerchantRequest,
    prepared: &PreparedCouponAct,
    fields: &CouponActFields,
    invalid: &InvalidForm,
) -> Result<HttpResponse, Error> {
    let form = act_forms::form(&cx.member, prepared, fields, invalid);
    let again = !invalid.is_empty();
    let body = match (cx.is_fragment(), again) {
        (true, false) => act_forms::CouponActDialog { form }.render()?,
        (true, true) => act_forms::CouponActAgain { form }.render()?,
        (false, _) => {
            act_forms::CouponActPage { frame: cx.frame(act_words::title(prepared.act)), form }
                .render()?
        }
    };
    Ok(html(if again { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, body))
}

/// The fresh row and a toast; without htmx, back to where the link was with a message.
async fn done(
    cx: &MerchantRequest,
    (id, record): (CouponId, AuditId),
    from_profile: bool,
) -> Result<HttpResponse, Error> {
    let shown = load(cx, id).await?;
    let fragment = cx.is_fragment();
    let handed_to = shown.file.reward.as_ref().filter(|_| from_profile);
    let Some(handed_to) = handed_to else {
        let target =
            format!("{}?done={record}#message", addresses::coupon(&cx.member.merchant, id));
        return Ok(if fragment {
            HttpResponse::Ok().insert_header(("HX-Redirect", target)).finish()
        } else {
            see_other(target)
        });
    };
    let (customer, reward) = (handed_to.customer, handed_to.no);
    if !fragment {
        let target = addresses::reward_row_after(
            &cx.member.merchant,
            customer,
            reward,
            &format!("coupon-{record}"),
        );
        return Ok(see_other(target));
    }
    let profile = customers::load(cx, customer, Cursors::default()).await?;
    let (row, now) = cx
        .read(move |desk, member| show_customer::show_reward(desk, member, customer, reward))
        .await?;
    let event = profile.events.iter().find(|event| event.id == record);
    let view = act_forms::CouponActDone {
        row: rewards::RewardItem {
            fresh: true,
            ..rewards::row(&cx.member, &row, &profile.who_can, now)
        },
        toast: event.and_then(act_forms::told).unwrap_or_else(act_forms::just_done),
        activity: pages::activity(&cx.member, &profile.events),
        facts: pages::facts(&cx.member, &profile.customer, &profile.counts),
    };
    Ok(html(StatusCode::OK, view.render()?))
}

/// 409: the fresh row with the reason and a toast, or the coupon's page with the reason on top.
async fn refused(
    cx: &MerchantRequest,
    shown: &ShownCoupon,
    refusal: &ActRefusal,
) -> Result<HttpResponse, Error> {
    let toast = act_forms::refused(&cx.member, shown, refusal);
    let body = match (&shown.file.reward, cx.is_fragment()) {
        (_, false) => {
            let mut page = coupons::page(cx, shown);
            page.frame.flash = Some(toast);
            page.render()?
        }
        (None, true) => return answers::toast(StatusCode::CONFLICT, toast),
        (Some(handed_to), true) => {
            let (customer, reward) = (handed_to.customer, handed_to.no);
            let (row, now) = cx
                .read(move |desk, member| {
                    show_customer::show_reward(desk, member, customer, reward)
                })
                .await?;
            let mut row = rewards::row(&cx.member, &row, &[], now);
            row.fresh = true;
            row.refusal = act_forms::refusal_lines(&cx.member, shown, refusal);
            act_forms::CouponActRefused { row, toast }.render()?
        }
    };
    Ok(html(StatusCode::CONFLICT, body))
}

async fn prepare(
    cx: &MerchantRequest,
    id: CouponId,
    act: CouponAct,
) -> Result<(PreparedCouponAct, Option<ActRefusal>), Error> {
    Ok(cx.read(move |desk, member| prepare_act(desk, member, id, act)).await?)
}

async fn load(cx: &MerchantRequest, id: CouponId) -> Result<ShownCoupon, Error> {
    Ok(cx.read(move |desk, member| show_coupon::show_coupon(desk, member, id)).await?)
}

fn act_of(cx: &MerchantRequest) -> Result<CouponAct, Error> {
    addresses::coupon_act_of(cx.http.path()).ok_or(Error::NotFound)
}
