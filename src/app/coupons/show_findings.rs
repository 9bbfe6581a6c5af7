//! What the shop and the desk disagree on.

use crate::{
    app::{Desk, Error, Member},
    db::{coupons, redemption_findings},
    domain::coupon_list::{Disagreement, RedemptionFinding},
};

const PAGE_ROWS: usize = 50;

/// A page of findings of one kind, newest first.
#[derive(Debug, Clone)]
pub struct FindingPage {
    pub rows: Vec<RedemptionFinding>,
    pub older: Option<i64>,
}

/// The findings below `before`.
pub fn show_findings(
    desk: &Desk,
    member: &Member,
    kind: Disagreement,
    before: Option<i64>,
) -> Result<FindingPage, Error> {
    desk.db.read(|conn| {
        let mut rows = redemption_findings::list(
            conn,
            member.scope,
            kind,
            before,
            i64::try_from(PAGE_ROWS + 1).unwrap_or(i64::MAX),
        )?;
        let more = rows.len() > PAGE_ROWS;
        rows.truncate(PAGE_ROWS);
        // A code that was unknown then may have come in since.
        for found in rows.iter_mut().filter(|found| found.coupon.is_none()) {
            if let Some(coupon) = coupons::find_by_code(conn, member.scope, &found.code)? {
                (found.coupon, found.state) = (Some(coupon.id), Some(coupon.state));
            }
        }
        Ok(FindingPage { older: rows.last().filter(|_| more).map(|row| row.id), rows })
    })
}
