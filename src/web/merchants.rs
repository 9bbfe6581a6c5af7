//! The choice between several merchants.
//! Must not know what is inside one.

use actix_web::{HttpRequest, HttpResponse, http::header, web::ReqData};
use askama::Template;

use super::{errors::Error, frame, gate::Visitor, views};

/// `GET /`
pub async fn index(request: HttpRequest, visitor: ReqData<Visitor>) -> Result<HttpResponse, Error> {
    if let [only] = visitor.merchants.as_ref() {
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
    let page = views::merchants::Index { frame: frame::for_visitor(&request, "Merchants"), merchants };
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page.render()?))
}
