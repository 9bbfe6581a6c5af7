//! The choice between several merchants, and the answer to one that offers a role.
//! Must not know what is inside one.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Path, ReqData},
};
use askama::Template;

use super::{errors::Error, frame, gate::Visitor, request, views};
use crate::app::{Desk, offers};

/// `GET /`
pub async fn index(request: HttpRequest, desk: Data<Desk>, visitor: ReqData<Visitor>) -> Result<HttpResponse, Error> {
    let session = visitor.session.clone();
    let offers = desk.reading(move |desk| offers::list_offers(desk, &session)).await?;
    if let ([only], true) = (visitor.merchants.as_ref(), offers.is_empty()) {
        let target = format!("/m/{}/customers", only.merchant.slug);
        return Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, target)).finish());
    }
    let merchants = visitor
        .merchants
        .iter()
        .map(|m| views::merchants::Choice {
            href: format!("/m/{}/customers", m.merchant.slug),
            name: m.merchant.name.clone(),
            role: m.role.label().to_owned(),
        })
        .collect();
    let offers = offers
        .iter()
        .map(|offer| views::merchants::Offer {
            name: offer.merchant.name.clone(),
            role: offer.role.label().to_owned(),
            accept_action: format!("/offers/{}/acceptance", offer.merchant.slug),
            decline_action: format!("/offers/{}/refusal", offer.merchant.slug),
        })
        .collect();
    let page = views::merchants::Index { frame: frame::for_visitor(&request, "Merchants"), merchants, offers };
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page.render()?))
}

/// `POST /offers/{merchant}/acceptance`
pub async fn accept(request: HttpRequest, desk: Data<Desk>, visitor: ReqData<Visitor>, slug: Path<String>) -> Result<HttpResponse, Error> {
    answer(&request, &desk, &visitor, slug.into_inner(), true).await
}

/// `POST /offers/{merchant}/refusal`
pub async fn decline(request: HttpRequest, desk: Data<Desk>, visitor: ReqData<Visitor>, slug: Path<String>) -> Result<HttpResponse, Error> {
    answer(&request, &desk, &visitor, slug.into_inner(), false).await
}

async fn answer(request: &HttpRequest, desk: &Desk, visitor: &Visitor, slug: String, is_accepted: bool) -> Result<HttpResponse, Error> {
    let (session, request_id) = (visitor.session.clone(), request::request_id(request));
    desk.writing(move |desk| offers::answer_offer(desk, &session, &slug, is_accepted, &request_id)).await?;
    Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, "/")).finish())
}
