//! The choice between several merchants, and the answer to one that offers a role.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Path, ReqData},
};
use askama::Template;

use super::{account, errors::Error, frame, gate::Visitor, present, request, views};
use crate::app::{Desk, offers};

/// `GET /`. What others offer holds nobody up who has a merchant to go to: it is on their account
/// page, too.
pub async fn index(
    request: HttpRequest,
    desk: Data<Desk>,
    visitor: ReqData<Visitor>,
) -> Result<HttpResponse, Error> {
    if let [only] = visitor.merchants.as_ref() {
        return Ok(to(format!("/m/{}/customers", only.merchant.slug)));
    }
    let session = visitor.session.clone();
    let offers = desk.reading(move |desk| offers::list_offers(desk, &session)).await?;
    let merchants = visitor
        .merchants
        .iter()
        .map(|m| views::merchants::MerchantChoice {
            href: format!("/m/{}/customers", m.merchant.slug),
            name: m.merchant.name.clone(),
            role: m.role.label().to_owned(),
        })
        .collect();
    let offers = offers.iter().map(present::account::offer).collect();
    let page = views::merchants::MerchantListPage {
        frame: frame::for_visitor(&request, "Merchants"),
        merchants,
        offers,
    };
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page.render()?))
}

/// `POST /offers/{merchant}/acceptance`
pub async fn accept(
    request: HttpRequest,
    desk: Data<Desk>,
    visitor: ReqData<Visitor>,
    slug: Path<String>,
) -> Result<HttpResponse, Error> {
    answer(&request, &desk, &visitor, slug.into_inner(), true).await
}

/// `POST /offers/{merchant}/refusal`
pub async fn decline(
    request: HttpRequest,
    desk: Data<Desk>,
    visitor: ReqData<Visitor>,
    slug: Path<String>,
) -> Result<HttpResponse, Error> {
    answer(&request, &desk, &visitor, slug.into_inner(), false).await
}

async fn answer(
    request: &HttpRequest,
    desk: &Desk,
    visitor: &Visitor,
    slug: String,
    is_accepted: bool,
) -> Result<HttpResponse, Error> {
    let (session, request_id) = (visitor.session.clone(), request::request_id(request));
    desk.writing(move |desk| offers::answer_offer(desk, &session, &slug, is_accepted, &request_id))
        .await?;
    // A user with a merchant sees on the account page what became of the offer; the others go on to
    // the first, or back to the choice.
    Ok(match (visitor.merchants.is_empty(), is_accepted) {
        (true, _) => to("/".to_owned()),
        (false, true) => account::back("accepted"),
        (false, false) => account::back("declined"),
    })
}

fn to(target: String) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, target)).finish()
}
