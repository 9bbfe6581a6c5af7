//! What the shop and the desk disagree on, kept until the last row is judged and then noted in the
//! file's order.

use super::{
    ImportError,
    code_rows::SOME,
    job::Job,
    records::FileRecord,
    rows::FileRow,
    sorted_spool::{SortedSpool, SpooledRow},
    spool::{Tally, take_some},
};
use crate::{
    db::{
        self, WriteTx,
        redemption_findings::{self, NewFinding},
    },
    domain::{coupon_list::Disagreement, ids::CouponId},
};

/// The rows with a disagreement, by line.
#[derive(Default)]
pub struct Disagreements(SortedSpool);

impl Disagreements {
    pub fn add(
        &mut self,
        record: &FileRecord,
        kind: Disagreement,
        coupon: Option<CouponId>,
    ) -> Result<(), ImportError> {
        let note = coupon.map_or_else(String::new, |coupon| format!("{} {coupon}", kind.as_str()));
        self.0.push(b"", &note, record).map_err(ImportError::Staging)
    }

    /// Notes all of them, each once.
    pub fn note(
        self,
        job: &Job<'_, '_>,
        tx: &mut WriteTx<'_>,
        tally: &Tally,
    ) -> Result<(), ImportError> {
        let mut rows = self.0.sorted().map_err(ImportError::Staging)?;
        loop {
            let some = take_some(&mut rows, SOME)?;
            if some.is_empty() {
                return Ok(());
            }
            let new: Vec<NewFinding> =
                some.iter().map(|entry| finding(job, tally, entry)).collect::<Result<_, _>>()?;
            redemption_findings::note(tx, job.scope, &new, job.desk.clock.now())?;
        }
    }
}

fn finding(
    job: &Job<'_, '_>,
    tally: &Tally,
    entry: &SpooledRow,
) -> Result<NewFinding, ImportError> {
    let row = FileRow { layout: &tally.layout, record: &entry.record, zone: job.merchant.zone }
        .redemption()?;
    let (kind, coupon) = read(&entry.note)
        .ok_or_else(|| db::Error::unreadable("a temporary file holds something else"))?;
    Ok(NewFinding { kind, code: row.code, coupon, redeemed_at: row.redeemed_at, order: row.order })
}

/// What [`Disagreements::add`] has written.
fn read(note: &str) -> Option<(Disagreement, Option<CouponId>)> {
    if note.is_empty() {
        return Some((Disagreement::Unknown, None));
    }
    let (kind, coupon) = note.split_once(' ')?;
    let kind = Disagreement::ALL.into_iter().find(|one| one.as_str() == kind)?;
    Some((kind, Some(CouponId(coupon.parse().ok()?))))
}
