//! One mail as the customer sees it, and sending the fulfilment e-mail again.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use askama::Template;
use serde::Deserialize;

use super::{customers, errors::Error, frame, headers, present, request, views};
use crate::{
    app::{
        self, Desk, Member,
        resend_email::{Resent, resend_email},
        show_customer::{self, Cursors},
    },
    domain::{
        customer::Customer,
        ids::{CustomerNo, MailId, RewardNo},
        mail::{Letter, MailSummary},
        reissue::Refusal,
    },
};

type MailPath = web::Path<(String, String, String)>;

/// `GET /m/{merchant}/customers/{id}/mails/{mail}`
pub async fn show(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    path: MailPath,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let (customer, mail, letter) = load(&desk, &member, &path).await?;
    let page = views::mails::MailPage {
        frame: frame::in_merchant(&request, &member, "Email"),
        back_href: format!("/m/{}/customers/{}", member.merchant.slug, customer.no),
        back_label: customer.display_name(),
        subject: present::mails::subject(&mail),
        headers: present::mails::headers(&mail, &letter),
        steps: present::mails::steps(&member, &mail),
        html_src: (!letter.html.is_empty()).then(|| {
            format!("/m/{}/customers/{}/mails/{}/html", member.merchant.slug, customer.no, mail.id)
        }),
        text: letter.text,
        resend_action: present::mails::may_resend(&member, &mail)
            .then(|| present::mails::resend_address(&member, customer.no, &mail)),
    };
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_SECURITY_POLICY, headers::WITH_MAIL_FRAME))
        .content_type("text/html; charset=utf-8")
        .body(page.render()?))
}

/// `GET /m/{merchant}/customers/{id}/mails/{mail}/html`: the stored HTML under a policy of its own,
/// for the sandboxed frame.
pub async fn html(
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    path: MailPath,
) -> Result<HttpResponse, Error> {
    let (_, _, letter) = load(&desk, &member.into_inner(), &path).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_SECURITY_POLICY, headers::STORED_MAIL))
        .insert_header((header::X_FRAME_OPTIONS, "SAMEORIGIN"))
        .content_type("text/html; charset=utf-8")
        .body(letter.html))
}

#[derive(Deserialize)]
pub struct MailQuery {
    asked: Option<String>,
}

/// `GET /m/{merchant}/customers/{id}/rewards/{reward}/mail`: how far the reward's newest mail is,
/// for its row.
pub async fn state(
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    path: MailPath,
    query: web::Query<MailQuery>,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let customer = request::number(&path.1).map(CustomerNo).ok_or(Error::NotFound)?;
    let reward = request::number(&path.2).map(RewardNo).ok_or(Error::NotFound)?;
    let asker = member.clone();
    let (row, _) = desk
        .reading(move |desk| show_customer::show_reward(desk, &asker, customer, reward))
        .await?;
    let asked = query.asked.as_deref().and_then(request::number).unwrap_or_default();
    let mail = row
        .mail
        .as_ref()
        .map(|mail| present::mails::state(&member, &row.file, mail, asked))
        .ok_or(Error::NotFound)?;
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(views::rewards::MailFragment { mail }.render()?))
}

/// `POST /m/{merchant}/customers/{id}/rewards/{reward}/resend`
pub async fn create(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    path: MailPath,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let customer = request::number(&path.1).map(CustomerNo).ok_or(Error::NotFound)?;
    let reward = request::number(&path.2).map(RewardNo).ok_or(Error::NotFound)?;
    let asker = member.clone();
    match desk.writing(move |desk| resend_email(desk, &asker, customer, reward)).await {
        Ok(resent) => queued(&request, &desk, &member, (customer, reward), &resent)
            .await
            .map_err(Error::after_commit),
        Err(app::Error::Refused(refusal)) => {
            refused(&request, &desk, &member, (customer, reward), &refusal).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn queued(
    request: &HttpRequest,
    desk: &Desk,
    member: &Member,
    (customer, reward): (CustomerNo, RewardNo),
    resent: &Resent,
) -> Result<HttpResponse, Error> {
    if !request::is_fragment(request.headers()) {
        let target = format!(
            "/m/{}/customers/{customer}?done=resent-{reward}#reward-{reward}",
            member.merchant.slug
        );
        return Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, target)).finish());
    }
    let profile = customers::load(desk, member, customer, Cursors::default()).await?;
    let row = profile.rewards.iter().find(|row| row.file.reward.no == reward);
    let view = views::mails::Resend {
        row: row.map(|row| views::rewards::RewardItem {
            fresh: true,
            ..present::rewards::row(member, row, &profile.who_can, profile.now)
        }),
        emails: present::mails::items(member, &profile),
        toast: present::flash::resent(&resent.mail.recipient),
    };
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(view.render()?))
}

/// 409: as a toast, or the whole profile with the reason on top.
async fn refused(
    request: &HttpRequest,
    desk: &Desk,
    member: &Member,
    (customer, reward): (CustomerNo, RewardNo),
    refusal: &Refusal,
) -> Result<HttpResponse, Error> {
    let profile = customers::load(desk, member, customer, Cursors::default()).await?;
    let toast = present::flash::not_resent(member, refusal, profile.now);
    let body = if request::is_fragment(request.headers()) {
        views::errors::ErrorToast { toast }.render()?
    } else {
        let mut page = customers::page(request, member, &profile, Cursors::default());
        if let (Some(row), Some(found)) = (
            page.rewards.iter_mut().find(|row| row.n == reward.0),
            profile.rewards.iter().find(|r| r.file.reward.no == reward),
        ) {
            row.refusal =
                present::rewards::refusal_lines(member, refusal, &found.file, profile.now);
        }
        page.frame.flash = Some(toast);
        page.render()?
    };
    Ok(HttpResponse::Conflict().content_type("text/html; charset=utf-8").body(body))
}

async fn load(
    desk: &Desk,
    member: &Member,
    path: &MailPath,
) -> Result<(Customer, MailSummary, Letter), Error> {
    let customer = request::number(&path.1).map(CustomerNo).ok_or(Error::NotFound)?;
    let mail = request::number(&path.2).map(MailId).ok_or(Error::NotFound)?;
    let member = member.clone();
    Ok(desk.reading(move |desk| show_customer::show_mail(desk, &member, customer, mail)).await?)
}
