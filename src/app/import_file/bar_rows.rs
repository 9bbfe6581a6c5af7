//! Bars: each row bars a code, with its reason.

use std::io::Write;

use super::{
    ImportError, Report,
    code_rows::{CodeRows, some_at_a_time},
    findings::Cause,
    job::Job,
    rows::BarRow,
    stage::{Sheet, Staged},
};
use crate::{
    app::private_details,
    db::{
        WriteTx, audit,
        imports::{
            codes::{self, Codes, Known},
            rewards,
            turn::Turn,
        },
    },
    domain::{
        Unfit,
        audit::{Action, Actor, NewRecord},
        coupon::CouponState,
        ids::{CustomerNo, UserId},
    },
};

/// Bars the coupons that the good rows, which come by code, name.
pub fn apply(
    job: &mut Job<'_, '_>,
    staged: Staged,
    out: &mut dyn Write,
) -> Result<Report, ImportError> {
    let (mut rows, sheet) = staged.open()?;
    job.in_one_transaction(sheet, out, |job, tx, sheet| {
        let mut coupons = Codes::default();
        some_at_a_time(job, &mut rows, sheet, |job, sheet, rows: CodeRows<BarRow>| {
            let found = codes::lock_by_code(tx, job.scope, &rows.codes())?;
            go_on(&mut coupons, found, &rows);
            bar(job, tx, &judge(&mut coupons, rows, sheet)?)
        })
    })
}

/// Tells what [`apply`] would do, and that is all: it waits for nobody, and nobody waits for it.
pub fn check(
    job: &mut Job<'_, '_>,
    staged: Staged,
    out: &mut dyn Write,
) -> Result<Report, ImportError> {
    let (mut rows, mut sheet) = staged.open()?;
    let (mut coupons, mut turn) = (Codes::default(), Turn::looking(&job.desk.db));
    some_at_a_time(job, &mut rows, &mut sheet, |job, sheet, rows: CodeRows<BarRow>| {
        let found = turn.read(|conn| codes::find_by_code(conn, job.scope, &rows.codes()))?;
        go_on(&mut coupons, found, &rows);
        judge(&mut coupons, rows, sheet).map(drop)
    })?;
    sheet.close(out)
}

/// The first row may name the code of the rows before: what they have made of its coupon is not
/// forgotten.
fn go_on(coupons: &mut Codes, found: Codes, rows: &CodeRows<BarRow>) {
    coupons.keep(&rows.first_letters());
    coupons.learn(found);
}

/// Decides on the rows, one after the other; answers the coupons to be barred, as they were.
fn judge(
    coupons: &mut Codes,
    rows: CodeRows<BarRow>,
    sheet: &mut Sheet,
) -> Result<Vec<(Known, BarRow)>, ImportError> {
    let mut bars = Vec::new();
    for (entry, row) in rows.0 {
        let found = coupons.find(&row.code, None).map(|known| known.id);
        let Some(known) = found.and_then(|id| coupons.get_mut(id)) else {
            sheet.reject(
                &entry.record,
                Cause::Conflict,
                &Unfit::because("no voucher of this merchant has this code"),
            )?;
            continue;
        };
        if known.barred {
            sheet.report.unchanged += 1;
        } else if known.state == CouponState::Withdrawn {
            sheet.reject(
                &entry.record,
                Cause::Conflict,
                &Unfit::because("the code was withdrawn: nobody can use it anyway"),
            )?;
        } else {
            bars.push((known.clone(), row));
            known.barred = true;
            sheet.report.new += 1;
        }
    }
    Ok(bars)
}

fn bar(
    job: &Job<'_, '_>,
    tx: &mut WriteTx<'_>,
    bars: &[(Known, BarRow)],
) -> Result<(), ImportError> {
    let now = job.desk.clock.now();
    let by: Option<UserId> = match job.order.actor {
        Actor::User(user) => Some(user),
        Actor::Cli | Actor::System => None,
    };
    let rewards: Vec<_> = bars.iter().filter_map(|(known, _)| known.reward).collect();
    let owners = rewards::owners_of(tx, job.scope, &rewards)?;
    let reasons: Vec<_> = bars.iter().map(|(known, row)| (known.id, row.reason.as_str())).collect();
    codes::bar(tx, job.scope, by, &reasons, now)?;
    for (known, row) in bars {
        // What a customer has is told in their Activity; the codes in stock are in the import's own
        // record.
        if let Some(reward) = known.reward {
            let owner = owners.get(&reward).copied();
            let reason = match owner {
                Some(owner) => private_details::seal(
                    tx,
                    job.desk,
                    job.merchant.id,
                    owner,
                    "reason",
                    &row.reason,
                )?,
                None => row.reason.as_str().into(),
            };
            audit::append(tx, &record(job, known, row, owner).detail("reason", reason), now)?;
        }
    }
    Ok(())
}

fn record(job: &Job<'_, '_>, known: &Known, row: &BarRow, owner: Option<CustomerNo>) -> NewRecord {
    let mut record = NewRecord::new(Some(job.merchant.id), Action::CouponBarred, job.order.actor)
        .detail("coupon", known.id.0)
        .detail("code", row.code.as_str());
    record.reward = known.reward;
    record.customer = owner;
    record.batch = Some(known.batch);
    record.request_id = job.order.request_id.map(ToOwned::to_owned);
    record
}
