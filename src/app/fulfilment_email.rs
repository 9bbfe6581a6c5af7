//! stub
//! stub
use super::{Desk, Error};
use crate::{
    db::{Scope, WriteTx},
    domain::{
        code::CouponCode,
        customer::Customer,
        ids::{CouponId, ReissueId, UserId},
        mail::MailOrigin,
        merchant::Merchant,
        reward::Reward,
    },
};
use chrono::{DateTime, Utc};
pub struct Fulfilment<'a> {
    pub merchant: &'a Merchant,
    pub customer: &'a Customer,
    pub reward: &'a Reward,
    pub coupon: CouponId,
    pub code: &'a CouponCode,
    pub pin: Option<&'a str>,
    pub expires_at: Option<DateTime<Utc>>,
    pub reissue: Option<ReissueId>,
    pub origin: MailOrigin,
    pub asked_by: UserId,
}
pub fn enqueue(_: &mut WriteTx<'_>, _: &Desk, _: Scope, f: &Fulfilment<'_>, _: DateTime<Utc>) -> Result<String, Error> {
    Ok(f.customer.email.as_ref().map(ToString::to_string).unwrap_or_default())
}
