//! Bars: each row bars a code, with its reason.

use std::io::Write;

use super::code_rows::{CodeRows, some_at_a_time};
use crate::{
    app::{
        customers::private_details,
        imports::{
            file::{SpooledRows, rows::ParsedBar},
            findings::Cause,
            job::Job,
            request::ImportError,
            tally::{Report, Tally},
        },
    },
    db::{
        WriteTx, audit,
        imports::{
            codes::{self, CouponsByCode, KnownCoupon, NewBar},
            exclusive::ImportAccess,
            rewards,
        },
    },
    domain::{
        Invalid,
        audit::{Action, Actor, NewRecord},
        coupon::CouponState,
        ids::{CustomerNo, UserId},
    },
};

/// Bars the coupons that the good rows, which come by code, name.
pub fn apply(
    job: &mut Job<'_, '_>,
    spooled: SpooledRows,
    out: &mut dyn Write,
) -> Result<Report, ImportError> {
    let (mut rows, tally) = spooled.open()?;
    job.in_one_transaction(tally, out, |job, tx, tally| {
        let mut coupons = CouponsByCode::default();
        some_at_a_time(job, &mut rows, tally, |job, tally, rows: CodeRows<ParsedBar>| {
            let found = codes::lock_by_code(tx, job.request.scope, &rows.codes())?;
            go_on(&mut coupons, found, &rows);
            bar(job, tx, &judge(&mut coupons, rows, tally)?)
        })
    })
}

/// Tells what [`apply`] would do, and that is all: it waits for nobody, and nobody waits for it.
pub fn check(
    job: &mut Job<'_, '_>,
    spooled: SpooledRows,
    out: &mut dyn Write,
) -> Result<Report, ImportError> {
    let (mut rows, mut tally) = spooled.open()?;
    let (mut coupons, mut access) =
        (CouponsByCode::default(), ImportAccess::read_only(&job.desk.db));
    some_at_a_time(job, &mut rows, &mut tally, |job, tally, rows: CodeRows<ParsedBar>| {
        let found =
            access.read(|conn| codes::find_by_code(conn, job.request.scope, &rows.codes()))?;
        go_on(&mut coupons, found, &rows);
        judge(&mut coupons, rows, tally).map(drop)
    })?;
    tally.close(out)
}

/// The first row may name the code of the rows before: what they have made of its coupon is not
/// forgotten.
fn go_on(coupons: &mut CouponsByCode, found: CouponsByCode, rows: &CodeRows<ParsedBar>) {
    coupons.keep(&rows.first_letters());
    coupons.learn(found);
}

/// Decides on the rows, one after the other; answers the coupons to be barred, as they were.
fn judge(
    coupons: &mut CouponsByCode,
    rows: CodeRows<ParsedBar>,
    tally: &mut Tally,
) -> Result<Vec<(KnownCoupon, ParsedBar)>, ImportError> {
    let mut bars = Vec::new();
    for (entry, row) in rows.0 {
        let found = coupons.find(&row.code, None).map(|known| known.id);
        let Some(known) = found.and_then(|id| coupons.get_mut(id)) else {
            tally.reject(
                &entry.record,
                Cause::Conflict,
                &Invalid::because("this merchant has no voucher with this code"),
            )?;
            continue;
        };
        if known.barred {
            tally.report.unchanged += 1;
        } else if known.state == CouponState::Withdrawn {
            tally.reject(
                &entry.record,
                Cause::Conflict,
                &Invalid::because("the code was withdrawn, so nobody can use it anyway"),
            )?;
        } else {
            bars.push((known.clone(), row));
            known.barred = true;
            tally.report.new += 1;
        }
    }
    Ok(bars)
}

fn bar(
    job: &Job<'_, '_>,
    tx: &mut WriteTx<'_>,
    bars: &[(KnownCoupon, ParsedBar)],
) -> Result<(), ImportError> {
    let now = job.desk.clock.now();
    let by: Option<UserId> = match job.request.actor {
        Actor::User(user) => Some(user),
        Actor::Cli | Actor::System => None,
    };
    let rewards: Vec<_> = bars.iter().filter_map(|(known, _)| known.reward).collect();
    let owners = rewards::owners_of(tx, job.request.scope, &rewards)?;
    let reasons: Vec<_> =
        bars.iter().map(|(known, row)| NewBar { coupon: known.id, reason: &row.reason }).collect();
    codes::bar(tx, job.request.scope, &reasons, (by, now))?;
    for (known, row) in bars {
        // A customer's own coupons are shown in their Activity; the codes in stock are in the
        // import's own record.
        if let Some(reward) = known.reward {
            let owner = owners.get(&reward).copied();
            let reason = match owner {
                Some(owner) => private_details::seal(
                    tx,
                    job.desk,
                    job.request.merchant.id,
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

fn record(
    job: &Job<'_, '_>,
    known: &KnownCoupon,
    row: &ParsedBar,
    owner: Option<CustomerNo>,
) -> NewRecord {
    let mut record =
        NewRecord::new(Some(job.request.merchant.id), Action::CouponBarred, job.request.actor)
            .detail("coupon", known.id.0)
            .detail("code", row.code.as_str());
    record.reward = known.reward;
    record.customer = owner;
    record.batch = Some(known.batch);
    record.request_id = job.request.request_id.map(ToOwned::to_owned);
    record
}
