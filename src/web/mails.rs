//! One mail as the customer sees it, and sending the fulfilment e-mail again.
//! Must not know how mail is sent.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use askama::Template;

use super::{errors::Error, frame, headers, present, request, views};
use crate::{
    app::{Desk, Member, show_customer},
    domain::{
        customer::Customer,
        ids::{CustomerNo, MailId},
        mail::{Letter, MailSummary},
    },
};

type Path = web::Path<(String, String, String)>;

/// `GET /m/{merchant}/customers/{id}/mails/{mail}`
pub async fn show(request: HttpRequest, desk: web::Data<Desk>, member: web::ReqData<Member>, path: Path) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let (customer, mail, letter) = load(&desk, &member, &path).await?;
    let page = views::mails::Show {
        frame: frame::in_merchant(&request, &member, "E-mail"),
        back_href: format!("/m/{}/customers/{}", member.merchant.slug, customer.no),
        back_label: customer.display_name(),
        subject: letter.subject.clone(),
        headers: present::mails::headers(&mail, &letter),
        steps: present::mails::steps(&member, &mail),
        html_src: (!letter.html.is_empty())
            .then(|| format!("/m/{}/customers/{}/mails/{}/html", member.merchant.slug, customer.no, mail.id)),
        text: letter.text,
        resend_action: present::mails::may_resend(&member, &mail).then(|| present::mails::resend_address(&member, customer.no, &mail)),
    };
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_SECURITY_POLICY, headers::WITH_MAIL_FRAME))
        .content_type("text/html; charset=utf-8")
        .body(page.render()?))
}

/// `GET /m/{merchant}/customers/{id}/mails/{mail}/html`: the stored HTML under a policy of its own, for the sandboxed frame.
pub async fn html(desk: web::Data<Desk>, member: web::ReqData<Member>, path: Path) -> Result<HttpResponse, Error> {
    let (_, _, letter) = load(&desk, &member.into_inner(), &path).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_SECURITY_POLICY, headers::STORED_MAIL))
        .insert_header((header::X_FRAME_OPTIONS, "SAMEORIGIN"))
        .content_type("text/html; charset=utf-8")
        .body(letter.html))
}

async fn load(desk: &Desk, member: &Member, path: &Path) -> Result<(Customer, MailSummary, Letter), Error> {
    let customer = request::number(&path.1).map(CustomerNo).ok_or(Error::NotFound)?;
    let mail = request::number(&path.2).map(MailId).ok_or(Error::NotFound)?;
    let member = member.clone();
    Ok(desk.reading(move |desk| show_customer::show_mail(desk, &member, customer, mail)).await?)
}
