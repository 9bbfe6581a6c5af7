//! Barring a coupon, unbarring it and marking it as used: as a dialog with htmx, as pages without.
//! Decides nothing: the rules are asked in one place, inside the transaction.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use askama::Template;
use serde::Deserialize;

use super::act_forms;
use crate::{
    app::{
        self, Desk, InvalidForm, Member, Refusal,
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
        coupons,
        customers::{self, pages},
        rewards,
        shared::{
            act_words,
            answer::html,
            errors::{self, Error},
            frame,
            request::{self, FormBody},
        },
    },
};

type CouponPath = web::Path<(String, String)>;

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
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    path: CouponPath,
    query: web::Query<CouponActQuery>,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let (id, act) = named(&request, &path)?;
    let fields = CouponActFields {
        from_profile: query.from.as_deref() == Some("profile"),
        ..CouponActFields::default()
    };
    let (prepared, refusal) = prepare(&desk, &member, id, act).await?;
    if let Some(refusal) = refusal {
        return refused(&request, &desk, &member, &prepared.shown, &refusal).await;
    }
    form(&request, &member, &prepared, &fields, &InvalidForm::default())
}

/// `POST /m/{merchant}/coupons/{id}/bar`, `…/unbar`, `…/use`
pub async fn create(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    path: CouponPath,
    body: FormBody,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let (id, act) = named(&request, &path)?;
    let fields = CouponActFields::parse(&body);
    let (asker, sent) = (member.clone(), fields.clone());
    let acted = desk
        .writing(move |desk| match act {
            CouponAct::Bar => bar_coupon(desk, &asker, id, &sent.reason),
            CouponAct::Unbar => unbar_coupon(desk, &asker, id, &sent.reason),
            CouponAct::MarkUsed => {
                let at = sent.at.unwrap_or_default();
                mark_used(
                    desk,
                    &asker,
                    &MarkUsed { coupon: id, order: sent.order, at, gone: sent.gone },
                )
            }
        })
        .await;
    match acted {
        Ok(record) => done(&request, &desk, &member, (id, record), fields.from_profile)
            .await
            .map_err(Error::after_commit),
        Err(app::Error::Refused(Refusal::Coupon(refusal))) => {
            let (prepared, _) = prepare(&desk, &member, id, act).await?;
            refused(&request, &desk, &member, &prepared.shown, &refusal).await
        }
        Err(app::Error::Invalid(invalid)) => {
            let (prepared, _) = prepare(&desk, &member, id, act).await?;
            form(&request, &member, &prepared, &fields, &invalid)
        }
        Err(error) => Err(error.into()),
    }
}

/// The dialog, or the page; 422 when it comes back with what is wrong in it.
fn form(
    request: &HttpRequest,
    member: &Member,
    prepared: &PreparedCouponAct,
    fields: &CouponActFields,
    invalid: &InvalidForm,
) -> Result<HttpResponse, Error> {
    let form = act_forms::form(member, prepared, fields, invalid);
    let again = !invalid.is_empty();
    let body = match (request::is_fragment(request.headers()), again) {
        (true, false) => act_forms::CouponActDialog { form }.render()?,
        (true, true) => act_forms::CouponActAgain { form }.render()?,
        (false, _) => act_forms::CouponActPage {
            frame: frame::in_merchant(request, member, act_words::title(prepared.act)),
            form,
        }
        .render()?,
    };
    Ok(html(if again { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, body))
}

/// The fresh row and a toast; without htmx, back to where the link was with a message.
async fn done(
    request: &HttpRequest,
    desk: &Desk,
    member: &Member,
    (id, record): (CouponId, AuditId),
    from_profile: bool,
) -> Result<HttpResponse, Error> {
    let shown = load(desk, member, id).await?;
    let fragment = request::is_fragment(request.headers());
    let handed_to = shown.file.reward.as_ref().filter(|_| from_profile);
    let Some(handed_to) = handed_to else {
        let target = format!(
            "{}?done={record}#message",
            crate::web::shared::words::coupon_address(member, id)
        );
        return Ok(if fragment {
            HttpResponse::Ok().insert_header(("HX-Redirect", target)).finish()
        } else {
            HttpResponse::SeeOther().insert_header((header::LOCATION, target)).finish()
        });
    };
    let (customer, reward) = (handed_to.customer, handed_to.no);
    if !fragment {
        let target = format!(
            "/m/{}/customers/{customer}?done=coupon-{record}#reward-{reward}",
            member.merchant.slug
        );
        return Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, target)).finish());
    }
    let profile = customers::load(desk, member, customer, Cursors::default()).await?;
    let asker = member.clone();
    let (row, now) = desk
        .reading(move |desk| show_customer::show_reward(desk, &asker, customer, reward))
        .await?;
    let event = profile.events.iter().find(|event| event.id == record);
    let view = act_forms::CouponActDone {
        row: rewards::RewardItem {
            fresh: true,
            ..rewards::row(member, &row, &profile.who_can, now)
        },
        toast: event.and_then(act_forms::told).unwrap_or_else(act_forms::just_done),
        activity: pages::activity(member, &profile.events),
        facts: pages::facts(member, &profile.customer, &profile.counts),
    };
    Ok(html(StatusCode::OK, view.render()?))
}

/// 409: the fresh row with the reason and a toast, or the coupon's page with the reason on top.
async fn refused(
    request: &HttpRequest,
    desk: &Desk,
    member: &Member,
    shown: &ShownCoupon,
    refusal: &ActRefusal,
) -> Result<HttpResponse, Error> {
    let toast = act_forms::refused(member, shown, refusal);
    let body = match (&shown.file.reward, request::is_fragment(request.headers())) {
        (_, false) => {
            let mut page = coupons::page(request, member, shown);
            page.frame.flash = Some(toast);
            page.render()?
        }
        (None, true) => errors::ErrorToast { toast }.render()?,
        (Some(handed_to), true) => {
            let (asker, customer, reward) = (member.clone(), handed_to.customer, handed_to.no);
            let (row, now) = desk
                .reading(move |desk| show_customer::show_reward(desk, &asker, customer, reward))
                .await?;
            let mut row = rewards::row(member, &row, &[], now);
            row.fresh = true;
            row.refusal = act_forms::refusal_lines(member, shown, refusal);
            act_forms::CouponActRefused { row, toast }.render()?
        }
    };
    Ok(html(StatusCode::CONFLICT, body))
}

async fn prepare(
    desk: &Desk,
    member: &Member,
    id: CouponId,
    act: CouponAct,
) -> Result<(PreparedCouponAct, Option<ActRefusal>), Error> {
    let asker = member.clone();
    Ok(desk.reading(move |desk| prepare_act(desk, &asker, id, act)).await?)
}

async fn load(desk: &Desk, member: &Member, id: CouponId) -> Result<ShownCoupon, Error> {
    let asker = member.clone();
    Ok(desk.reading(move |desk| show_coupon::show_coupon(desk, &asker, id)).await?)
}

fn named(request: &HttpRequest, path: &CouponPath) -> Result<(CouponId, CouponAct), Error> {
    let id = request::number(&path.1).map(CouponId).ok_or(Error::NotFound)?;
    Ok((id, act_words::act_of(request.path()).ok_or(Error::NotFound)?))
}
