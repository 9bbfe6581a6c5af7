//! Redemptions: recorded once each, and counted while the coupon has uses left.
//! Must not know where the shop's record came from.

use std::{collections::HashSet, io::Write};

use super::{
    ImportError, Report,
    findings::Cause,
    job::Job,
    pile::Entry,
    rows::{RedemptionRow, Row},
    stage::{Sheet, Staged, take_some},
};
use crate::{
    db::{
        WriteTx,
        imports::{
            codes::{self, Known},
            redemptions::{self as db, Use},
        },
        redemption_findings::{self, NewFinding},
    },
    domain::{Unfit, coupon::CouponState, coupon_list::Disagreement, ids::CouponId},
};

const CHUNK: usize = 1_000;

/// Compares the good rows, which come by line, with the merchant's coupons and what is recorded of them.
pub fn apply(job: &mut Job<'_, '_>, staged: Staged, out: &mut dyn Write) -> Result<Report, ImportError> {
    let (mut rows, sheet) = staged.open()?;
    job.in_one_transaction(sheet, out, |job, tx, sheet| {
        let (mut done, before) = (0, redemption_findings::latest(tx)?);
        loop {
            let entries = take_some(&mut rows, CHUNK)?;
            if entries.is_empty() {
                // A file of which nothing could be taken changes nothing; its rejects tell all there is to tell.
                if sheet.report.accepted() == 0 {
                    redemption_findings::take_back(tx, job.scope, before)?;
                }
                return Ok(());
            }
            done += entries.len() as u64;
            apply_some(job, tx, sheet, entries)?;
            job.tell(sheet.progress(done))?;
        }
    })
}

fn apply_some(job: &Job<'_, '_>, tx: &mut WriteTx<'_>, sheet: &mut Sheet, entries: Vec<Entry>) -> Result<(), ImportError> {
    let mut rows: Vec<(Entry, RedemptionRow)> = Vec::with_capacity(entries.len());
    for entry in entries {
        let row = Row { layout: &sheet.layout, record: &entry.record, zone: job.merchant.zone }.redemption()?;
        rows.push((entry, row));
    }
    let wanted: Vec<_> = rows.iter().map(|(_, row)| row.code.clone()).collect();
    let mut coupons = codes::lock_by_code(tx, job.scope, &wanted)?;
    let uses: Vec<Option<Use>> = rows.iter().map(|(_, row)| coupons.find(&row.code, None).map(|known| use_of(known, row))).collect();
    let mut recorded = db::find_recorded(tx, job.scope, &uses.iter().flatten().cloned().collect::<Vec<_>>())?;
    for ((entry, row), one) in rows.into_iter().zip(uses) {
        let known = one.as_ref().and_then(|one| coupons.get_mut(one.coupon));
        if !one.as_ref().is_some_and(|one| recorded.contains(one)) {
            compare(job, tx, &row, known.as_deref())?;
        }
        let (Some(one), Some(known)) = (one, known) else {
            sheet.reject(&entry.record, Cause::Conflict, &Unfit::because("no voucher of this merchant has this code"))?;
            continue;
        };
        match record(job, tx, &one, known, &recorded)? {
            Fate::New => {
                recorded.insert(one);
                sheet.report.new += 1;
            }
            Fate::Unchanged => sheet.report.unchanged += 1,
            Fate::Full => {
                let why = format!("the coupon is fully redeemed already ({} of {})", known.redemptions, known.max_redemptions);
                sheet.reject(&entry.record, Cause::Conflict, &Unfit::because(why))?;
            }
        }
    }
    Ok(())
}

/// Notes where the shop and the desk disagree.
fn compare(job: &Job<'_, '_>, tx: &mut WriteTx<'_>, row: &RedemptionRow, known: Option<&Known>) -> Result<(), ImportError> {
    let kind = match known {
        None => Disagreement::Unknown,
        Some(known) if known.reward.is_none() => Disagreement::NotIssued,
        Some(known) if known.state == CouponState::Replaced => match redemption_findings::replaced_at(tx, job.scope, known.id)? {
            Some(at) if row.redeemed_at > at => Disagreement::Replaced,
            _ => return Ok(()),
        },
        Some(_) => return Ok(()),
    };
    let finding = NewFinding {
        kind,
        code: row.code.as_str(),
        coupon: known.map(|known| known.id),
        redeemed_at: row.redeemed_at,
        order_id: &row.order_id,
    };
    Ok(redemption_findings::note(tx, job.scope, &finding, job.desk.clock.now())?)
}

fn use_of(known: &Known, row: &RedemptionRow) -> Use {
    Use { coupon: known.id, at: row.redeemed_at, order_id: row.order_id.clone() }
}

enum Fate {
    New,
    Unchanged,
    Full,
}

fn record(job: &Job<'_, '_>, tx: &mut WriteTx<'_>, one: &Use, known: &mut Known, recorded: &HashSet<Use>) -> Result<Fate, ImportError> {
    if recorded.contains(one) {
        return Ok(Fate::Unchanged);
    }
    let coupon: CouponId = known.id;
    // A count that came with the vouchers file is told by rows from before that file; a later row is a use of its own.
    let untold = known.redemptions > 0 && db::count_recorded(tx, job.scope, coupon)? < known.redemptions;
    let told_of = untold && one.at < db::imported_at(tx, job.scope, coupon)?;
    if !told_of {
        if db::count_use(tx, job.scope, coupon, job.desk.clock.now())? {
            known.redemptions += 1;
        } else if !untold {
            return Ok(Fate::Full);
        }
    }
    db::insert(tx, job.scope, one, job.desk.clock.now())?;
    Ok(Fate::New)
}
