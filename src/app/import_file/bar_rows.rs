//! Bars: each row bars a code, with its reason.
//! Must not know who sent them, beyond the actor in the order.

use std::io::Write;

use super::{
    ImportError, Report,
    findings::Cause,
    job::Job,
    pile::Entry,
    rows::{BarRow, Row},
    stage::{Sheet, Staged, take_some},
};
use crate::{
    db::{
        WriteTx, audit,
        imports::{
            codes::{self, Known},
            rewards,
        },
    },
    domain::{
        Unfit,
        audit::{Action, Actor, NewRecord},
        code::CouponCode,
        coupon::CouponState,
        ids::UserId,
    },
};

const CHUNK: usize = 1_000;

/// Bars the coupons that the good rows, which come by line, name.
pub fn apply(job: &mut Job<'_, '_>, staged: Staged, out: &mut dyn Write) -> Result<Report, ImportError> {
    let (mut rows, sheet) = staged.open()?;
    job.in_one_transaction(sheet, out, |job, tx, sheet| {
        let mut done = 0;
        loop {
            let entries = take_some(&mut rows, CHUNK)?;
            if entries.is_empty() {
                return Ok(());
            }
            done += entries.len() as u64;
            apply_some(job, tx, sheet, entries)?;
            job.tell(sheet.progress(done))?;
        }
    })
}

fn apply_some(job: &Job<'_, '_>, tx: &mut WriteTx<'_>, sheet: &mut Sheet, entries: Vec<Entry>) -> Result<(), ImportError> {
    let mut rows: Vec<(Entry, BarRow)> = Vec::with_capacity(entries.len());
    for entry in entries {
        let row = Row { layout: &sheet.layout, record: &entry.record, zone: job.merchant.zone }.bar()?;
        rows.push((entry, row));
    }
    let wanted: Vec<CouponCode> = rows.iter().map(|(_, row)| row.code.clone()).collect();
    let mut coupons = codes::lock_by_code(tx, job.scope, &wanted)?;
    for (entry, row) in rows {
        let found = coupons.find(&row.code, None).map(|known| known.id);
        let Some(known) = found.and_then(|id| coupons.get_mut(id)) else {
            sheet.reject(&entry.record, Cause::Conflict, &Unfit::because("no voucher of this merchant has this code"))?;
            continue;
        };
        if known.barred {
            sheet.report.unchanged += 1;
        } else if known.state == CouponState::Withdrawn {
            sheet.reject(&entry.record, Cause::Conflict, &Unfit::because("the code was withdrawn: nobody can use it anyway"))?;
        } else {
            bar(job, tx, known, &row)?;
            sheet.report.new += 1;
        }
    }
    Ok(())
}

fn bar(job: &Job<'_, '_>, tx: &mut WriteTx<'_>, known: &mut Known, row: &BarRow) -> Result<(), ImportError> {
    let now = job.desk.clock.now();
    let by: Option<UserId> = match job.order.actor {
        Actor::User(user) => Some(user),
        Actor::Cli | Actor::System => None,
    };
    codes::bar(tx, job.scope, known.id, by, &row.reason, now)?;
    known.barred = true;
    // What a customer has is told in their Activity; the codes in stock are in the import's own record.
    if let Some(reward) = known.reward {
        let mut record = NewRecord::new(Some(job.merchant.id), Action::CouponBarred, job.order.actor)
            .detail("coupon", known.id.0)
            .detail("code", row.code.as_str())
            .detail("reason", row.reason.as_str());
        record.reward = Some(reward);
        record.customer = rewards::owner_of(tx, job.scope, reward)?;
        record.batch = Some(known.batch);
        record.request_id = job.order.request_id.map(ToOwned::to_owned);
        audit::append(tx, &record, now)?;
    }
    Ok(())
}
