//! The dialog "Reissue coupon" and the act: as a fragment with htmx, as pages without.
//! Decides nothing: the rule is asked in one place, inside the transaction.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use askama::Template;

use super::{
    answer::html,
    customers,
    errors::Error,
    frame, present,
    request::{self, FormBody},
    views,
};
use crate::{
    app::{
        self, Desk, Member,
        reissue_coupon::{self, ReissueCoupon, Reissued},
        show_customer::{self, Cursors, RewardWithMail},
    },
    domain::{
        ids::{CustomerNo, RewardNo},
        reissue::Refusal,
    },
};

type RewardPath = web::Path<(String, String, String)>;

/// The fields of the form. A box that is there is ticked, whatever its value.
#[derive(Debug, Default)]
struct ReissueFields {
    send_notification_email: bool,
    idempotency_token: String,
}

impl ReissueFields {
    fn parse(body: &FormBody) -> Self {
        let mut fields = Self::default();
        for (name, value) in body.fields() {
            match name.as_ref() {
                "send_notification_email" => fields.send_notification_email = true,
                "idempotency_token" => fields.idempotency_token = value.into_owned(),
                _ => {}
            }
        }
        fields
    }
}

/// `GET /m/{merchant}/customers/{id}/rewards/{reward}/reissue`
pub async fn new(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    path: RewardPath,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let (customer, reward) = numbers(&path)?;
    let asker = member.clone();
    let prepared = match desk
        .reading(move |desk| reissue_coupon::prepare_reissue(desk, &asker, customer, reward))
        .await
    {
        Ok(prepared) => prepared,
        Err(app::Error::Refused(refusal)) => {
            return refused(&request, &desk, &member, customer, reward, &refusal).await;
        }
        Err(error) => return Err(error.into()),
    };
    let form = present::reissues::form(&member, &prepared, desk.clock.now());
    let body = if request::is_fragment(request.headers()) {
        views::reissues::ReissueDialog { form }.render()?
    } else {
        views::reissues::ReissuePage {
            frame: frame::in_merchant(&request, &member, "Reissue coupon"),
            form,
        }
        .render()?
    };
    Ok(html(StatusCode::OK, body))
}

/// `POST /m/{merchant}/customers/{id}/rewards/{reward}/reissue`
pub async fn create(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    path: RewardPath,
    body: FormBody,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let (customer, reward) = numbers(&path)?;
    let fields = ReissueFields::parse(&body);
    let command = ReissueCoupon {
        customer,
        reward,
        email_requested: fields.send_notification_email,
        token: fields.idempotency_token,
    };
    let asker = member.clone();
    match desk.writing(move |desk| reissue_coupon::reissue_coupon(desk, &asker, &command)).await {
        Ok(reissued) => done(&request, &desk, &member, customer, reward, &reissued)
            .await
            .map_err(Error::after_commit),
        Err(app::Error::Refused(refusal)) => {
            refused(&request, &desk, &member, customer, reward, &refusal).await
        }
        Err(app::Error::Invalid(invalid)) if request::is_fragment(request.headers()) => {
            again(&desk, &member, customer, reward, fields.send_notification_email, &invalid.0)
                .await
        }
        Err(error) => Err(error.into()),
    }
}

/// The fresh row and a toast; without htmx, back to the profile with a message.
async fn done(
    request: &HttpRequest,
    desk: &Desk,
    member: &Member,
    customer: CustomerNo,
    reward: RewardNo,
    reissued: &Reissued,
) -> Result<HttpResponse, Error> {
    if !request::is_fragment(request.headers()) {
        let target = format!(
            "/m/{}/customers/{customer}?done=reissued-{reward}#reward-{reward}",
            member.merchant.slug
        );
        return Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, target)).finish());
    }
    let profile = customers::load(desk, member, customer, Cursors::default()).await?;
    let row = match profile.rewards.iter().find(|row| row.file.reward.no == reward) {
        Some(row) => row.clone(),
        // Not among the newest.
        None => fresh_row(desk, member, customer, reward).await?.0,
    };
    let view = views::reissues::ReissueDone {
        row: views::rewards::RewardItem {
            fresh: true,
            ..present::rewards::row(member, &row, &profile.who_can, profile.now)
        },
        toast: present::flash::reissued(member, reissued),
        emails: Some(present::mails::items(member, &profile)),
        activity: present::customers::activity(member, &profile),
        facts: present::customers::facts(member, &profile),
    };
    Ok(html(StatusCode::OK, view.render()?))
}

/// 409: the fresh row with its reason and a toast; without htmx, the whole profile with the reason
/// at the row.
async fn refused(
    request: &HttpRequest,
    desk: &Desk,
    member: &Member,
    customer: CustomerNo,
    reward: RewardNo,
    refusal: &Refusal,
) -> Result<HttpResponse, Error> {
    let body = if request::is_fragment(request.headers()) {
        let (found, now) = fresh_row(desk, member, customer, reward).await?;
        let mut row = present::rewards::row(member, &found, &[], now);
        row.fresh = true;
        row.refusal = present::rewards::refusal_lines(member, refusal, &found.file, now);
        views::reissues::ReissueRefused {
            row,
            toast: present::flash::refused(member, refusal, now),
        }
        .render()?
    } else {
        let mut profile = customers::load(desk, member, customer, Cursors::default()).await?;
        if !profile.rewards.iter().any(|row| row.file.reward.no == reward) {
            // Not among the newest: the page begins with it.
            profile = customers::load(
                desk,
                member,
                customer,
                Cursors { rewards: Some(RewardNo(reward.0 + 1)), ..Cursors::default() },
            )
            .await?;
        }
        let mut page = customers::page(request, member, &profile, Cursors::default());
        if let (Some(row), Some(found)) = (
            page.rewards.iter_mut().find(|row| row.n == reward.0),
            profile.rewards.iter().find(|r| r.file.reward.no == reward),
        ) {
            row.refusal =
                present::rewards::refusal_lines(member, refusal, &found.file, profile.now);
        }
        page.frame.flash = Some(present::flash::refused(member, refusal, profile.now));
        page.render()?
    };
    Ok(html(StatusCode::CONFLICT, body))
}

/// 422 as a fragment: a fresh dialog with a fresh token, which says why the old form was not taken.
async fn again(
    desk: &Desk,
    member: &Member,
    customer: CustomerNo,
    reward: RewardNo,
    send_email: bool,
    why: &str,
) -> Result<HttpResponse, Error> {
    let asker = member.clone();
    let prepared = desk
        .reading(move |desk| reissue_coupon::prepare_reissue(desk, &asker, customer, reward))
        .await
        .map_err(|_| Error::Unprocessable(why.to_owned()))?;
    let mut form = present::reissues::form(member, &prepared, desk.clock.now());
    form.send_email = send_email && form.email_off.is_none();
    form.message =
        Some(present::flash::plain(views::ui::Tone::Bad, "This form wasn't accepted", why));
    Ok(html(StatusCode::UNPROCESSABLE_ENTITY, views::reissues::ReissueAgain { form }.render()?))
}

async fn fresh_row(
    desk: &Desk,
    member: &Member,
    customer: CustomerNo,
    reward: RewardNo,
) -> Result<(RewardWithMail, chrono::DateTime<chrono::Utc>), Error> {
    let asker = member.clone();
    Ok(desk.reading(move |desk| show_customer::show_reward(desk, &asker, customer, reward)).await?)
}

fn numbers(path: &RewardPath) -> Result<(CustomerNo, RewardNo), Error> {
    let customer = request::number(&path.1).ok_or(Error::NotFound)?;
    let reward = request::number(&path.2).ok_or(Error::NotFound)?;
    Ok((CustomerNo(customer), RewardNo(reward)))
}
