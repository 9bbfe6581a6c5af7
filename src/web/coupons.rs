//! One coupon's page.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::{errors::Error, frame, present, request, views::coupons::CouponPage};
use crate::{
    app::{
        Desk, Member,
        coupon_history::own_act,
        show_coupon::{ShownCoupon, show_coupon},
    },
    domain::ids::{AuditId, CouponId},
};

#[derive(Deserialize)]
pub struct CouponQuery {
    /// What just happened: the number of its audit record.
    done: Option<String>,
}

/// `GET /m/{merchant}/coupons/{id}`
pub async fn show(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    path: web::Path<(String, String)>,
    query: web::Query<CouponQuery>,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let id = request::number(&path.1).map(CouponId).ok_or(Error::NotFound)?;
    let asker = member.clone();
    let shown = desk.reading(move |desk| show_coupon(desk, &asker, id)).await?;
    let mut page = page(&request, &member, &shown);
    if let Some(record) = query.done.as_deref().and_then(request::number).map(AuditId) {
        let asker = member.clone();
        let record = desk.reading(move |desk| own_act(desk, &asker, id, record)).await?;
        page.frame.flash = record.as_ref().and_then(present::coupon_acts::told);
    }
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page.render()?))
}

/// The coupon's page without a message in it. The code stays out of the title: titles are kept in
/// histories.
pub fn page(request: &HttpRequest, member: &Member, shown: &ShownCoupon) -> CouponPage {
    present::coupons::show(frame::in_merchant(request, member, "Coupon"), member, shown)
}
