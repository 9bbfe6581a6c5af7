//! One coupon's page.
//! Must not know what makes a coupon usable.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::{errors::Error, frame, present, request};
use crate::{
    app::{Desk, Member, show_coupon::show_coupon},
    domain::ids::CouponId,
};

/// `GET /m/{merchant}/coupons/{id}`
pub async fn show(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let id = request::number(&path.1).map(CouponId).ok_or(Error::NotFound)?;
    let asker = member.clone();
    let shown = desk.reading(move |desk| show_coupon(desk, &asker, id)).await?;
    // The code stays out of the title: titles are kept in histories.
    let page = present::coupons::show(frame::in_merchant(&request, &member, "Coupon"), &member, &shown);
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page.render()?))
}
