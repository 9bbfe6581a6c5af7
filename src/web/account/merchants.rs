//! The choice between several merchants, and the answer to one that offers a role.
//! Owns the choice between several merchants, and what others offer.

use actix_web::{HttpResponse, http::StatusCode, web::Path};
use askama::Template;

use crate::{
    app::users::offers,
    web::{
        account,
        shared::{
            addresses,
            answers::{html, see_other},
            context::UserRequest,
            errors::Error,
            frame::Frame,
        },
    },
};

/// `GET /`. What others offer holds nobody up who has a merchant to go to: it is on their account
/// page, too.
pub async fn index(cx: UserRequest) -> Result<HttpResponse, Error> {
    if let [only] = cx.visitor.merchants.as_ref() {
        return Ok(to(addresses::customers(&only.merchant)));
    }
    let session = cx.visitor.session.clone();
    let offers = cx.desk.reading(move |desk| offers::list_offers(desk, &session)).await?;
    let merchants = cx
        .visitor
        .merchants
        .iter()
        .map(|m| MerchantChoice {
            href: addresses::customers(&m.merchant),
            name: m.merchant.name.clone(),
            role: m.role.label().to_owned(),
        })
        .collect();
    let offers = offers.iter().map(account::offer).collect();
    let page = MerchantListPage { frame: cx.frame("Merchants"), merchants, offers };
    Ok(html(StatusCode::OK, page.render()?))
}

/// `POST /offers/{merchant}/acceptance`
pub async fn accept(cx: UserRequest, slug: Path<String>) -> Result<HttpResponse, Error> {
    answer(&cx, slug.into_inner(), true).await
}

/// `POST /offers/{merchant}/refusal`
pub async fn decline(cx: UserRequest, slug: Path<String>) -> Result<HttpResponse, Error> {
    answer(&cx, slug.into_inner(), false).await
}

async fn answer(cx: &UserRequest, slug: String, is_accepted: bool) -> Result<HttpResponse, Error> {
    let (session, request_id) = (cx.visitor.session.clone(), cx.request_id());
    cx.desk
        .writing(move |desk| offers::answer_offer(desk, &session, &slug, is_accepted, &request_id))
        .await?;
    // A user with a merchant sees on the account page what became of the offer; the others go on to
    // the first, or back to the choice.
    Ok(match (cx.visitor.merchants.is_empty(), is_accepted) {
        (true, _) => to("/".to_owned()),
        (false, true) => account::back("accepted"),
        (false, false) => account::back("declined"),
    })
}

fn to(target: String) -> HttpResponse {
    see_other(target)
}

/// `GET /` for a user with several merchants, or none.
#[derive(Debug, Template)]
#[template(path = "merchants/index.html")]
pub struct MerchantListPage {
    /// Frame without a merchant.
    pub frame: Frame,
    /// In order of name.
    pub merchants: Vec<MerchantChoice>,
    /// Merchants that offer a role, in order of name.
    pub offers: Vec<Offer>,
}

/// A role that a merchant offers.
#[derive(Clone, Debug)]
pub struct Offer {
    /// As people know the merchant.
    pub name: String,
    /// The role in words.
    pub role: String,
    pub accept_action: String,
    pub decline_action: String,
}

/// One merchant to choose.
#[derive(Clone, Debug)]
pub struct MerchantChoice {
    /// Where its customers are.
    pub href: String,
    /// As people know it.
    pub name: String,
    /// The user's role there, in words.
    pub role: String,
}
