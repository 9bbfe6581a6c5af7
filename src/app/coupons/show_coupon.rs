//! One coupon: everything the desk knows of it.

use chrono::{DateTime, Utc};

use super::coupon_history;
use crate::{
    app::{Desk, Error, Member},
    db::{
        DbConn,
        coupon_files::{self, CouponFile},
        coupons, customers, reissues,
    },
    domain::{
        audit::AuditRecord, coupon::Redemption, customer::Customer, ids::CouponId,
        reissue::EarlierReissue,
    },
};

const MAX_REDEMPTIONS: i64 = 50;

/// Everything on a coupon's page.
#[derive(Debug, Clone)]
pub struct ShownCoupon {
    pub file: CouponFile,
    /// Newest first; the coupon's own count may be higher.
    pub redemptions: Vec<Redemption>,
    /// Who has the reward that it was handed to.
    pub customer: Option<Customer>,
    /// The reissue of that reward, where this coupon is the old one or the new one.
    pub reissue: Option<ReissuePart>,
    /// What the audit log says of it, newest first.
    pub history: Vec<AuditRecord>,
    pub now: DateTime<Utc>,
}

/// The coupon's part in a reissue, and the other coupon of it.
#[derive(Debug, Clone)]
pub enum ReissuePart {
    ReplacedBy(EarlierReissue, CouponId),
    Replaces(EarlierReissue, CouponId),
}

/// The coupon with that number.
pub fn show_coupon(desk: &Desk, member: &Member, id: CouponId) -> Result<ShownCoupon, Error> {
    let now = desk.clock.now();
    desk.db.read(|conn| load(conn, desk, member, id, now)?.ok_or(Error::NotFound))
}

/// Everything the desk knows of the coupon at `now`.
pub(in crate::app) fn load(
    conn: &mut DbConn,
    desk: &Desk,
    member: &Member,
    id: CouponId,
    now: DateTime<Utc>,
) -> Result<Option<ShownCoupon>, Error> {
    let scope = member.scope;
    let Some(file) = coupon_files::find(conn, scope, id)? else { return Ok(None) };
    let redemptions = coupon_files::list_redemptions(conn, scope, id, MAX_REDEMPTIONS)?;
    let (mut customer, mut reissue) = (None, None);
    if let Some(reward) = &file.reward {
        customer = customers::find(conn, scope, reward.customer)?;
        if let Some((_, earlier)) = reissues::list_of_rewards(conn, scope, &[reward.no.0])?.pop() {
            let is_old = earlier.old_code == file.coupon.code;
            let other = if is_old { &earlier.new_code } else { &earlier.old_code };
            let other = coupons::find_by_code(conn, scope, other.as_str())?.map(|found| found.id);
            reissue = other.map(|other| {
                if is_old {
                    ReissuePart::ReplacedBy(earlier, other)
                } else {
                    ReissuePart::Replaces(earlier, other)
                }
            });
        }
    }
    let history = coupon_history::list(conn, desk, member, &file)?;
    Ok(Some(ShownCoupon { file, redemptions, customer, reissue, history, now }))
}
