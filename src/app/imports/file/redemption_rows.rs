//! Redemptions: recorded once each, and counted while the coupon has uses left.

use std::{collections::BTreeMap, io::Write};

use super::{
    ImportError, Report,
    code_rows::{CodeRows, some_at_a_time},
    disagreements::Disagreements,
    findings::Cause,
    job::Job,
    rows::ParsedRedemption,
    spool::{SpooledRows, Tally},
    uses::{StoredUses, UseFate, UseVerdict, Uses, use_of},
};
use crate::{
    db::{
        DbConn, Error, Scope, WriteTx,
        imports::{
            codes::{self, KnownCoupon},
            exclusive::ImportAccess,
            redemptions::{self, Use},
        },
        redemption_findings,
    },
    domain::{Invalid, coupon::CouponState, ids::CouponId, redemption},
};

/// Compares the good rows, which come by code, with the merchant's coupons and what is recorded of
/// them, and records the new ones.
pub fn apply(
    job: &mut Job<'_, '_>,
    spooled: SpooledRows,
    out: &mut dyn Write,
) -> Result<Report, ImportError> {
    let (mut rows, tally) = spooled.open()?;
    job.in_one_transaction(tally, out, |job, tx, tally| {
        let (mut uses, mut disagreements) = (Uses::default(), Disagreements::default());
        some_at_a_time(job, &mut rows, tally, |job, tally, rows: CodeRows<ParsedRedemption>| {
            let found = codes::lock_by_code(tx, job.scope, &rows.codes())?;
            uses.go_on(&rows.first_letters(), found);
            let stored = look(tx, job.scope, &uses, &rows)?;
            uses.learn(stored);
            judge(job, &mut uses, rows, tally, Some(&mut disagreements))?.write(tx, job)
        })?;
        // A file of which nothing could be taken changes nothing; its rejects tell all there is to
        // tell.
        if tally.report.accepted() > 0 { disagreements.note(job, tx, tally) } else { Ok(()) }
    })
}

/// Tells what [`apply`] would do, and that is all: it waits for nobody, and nobody waits for it.
pub fn check(
    job: &mut Job<'_, '_>,
    spooled: SpooledRows,
    out: &mut dyn Write,
) -> Result<Report, ImportError> {
    let (mut rows, mut tally) = spooled.open()?;
    let (mut uses, mut access) = (Uses::default(), ImportAccess::read_only(&job.desk.db));
    some_at_a_time(job, &mut rows, &mut tally, |job, tally, rows: CodeRows<ParsedRedemption>| {
        let found = access.read(|conn| codes::find_by_code(conn, job.scope, &rows.codes()))?;
        uses.go_on(&rows.first_letters(), found);
        let stored = access.read(|conn| look(conn, job.scope, &uses, &rows))?;
        uses.learn(stored);
        judge(job, &mut uses, rows, tally, None).map(drop)
    })?;
    tally.close(out)
}

/// Reads what is stored of the uses that the rows name; their coupons are known to `uses`.
fn look(
    conn: &mut DbConn,
    scope: Scope,
    uses: &Uses,
    rows: &CodeRows<ParsedRedemption>,
) -> Result<StoredUses, Error> {
    let mut coupons: BTreeMap<CouponId, &KnownCoupon> = BTreeMap::new();
    let mut named: Vec<Use> = Vec::with_capacity(rows.0.len());
    for (_, row) in &rows.0 {
        if let Some(known) = uses.named_by(row) {
            coupons.insert(known.id, known);
            named.push(use_of(known, row));
        }
    }
    let replaced: Vec<CouponId> = coupons
        .values()
        .filter(|known| known.state == CouponState::Replaced)
        .map(|known| known.id)
        .collect();
    let with_reward: Vec<CouponId> =
        coupons.values().filter(|known| known.reward.is_some()).map(|known| known.id).collect();
    let uncounted: Vec<CouponId> =
        coupons.into_keys().filter(|coupon| !uses.has_counted(*coupon)).collect();
    Ok(StoredUses {
        recorded: redemptions::find_recorded(conn, scope, &named)?,
        counts: redemptions::count_recorded(conn, scope, &uncounted)?,
        replaced: redemption_findings::replaced_at(conn, scope, &replaced)?,
        handed_out: redemption_findings::handed_out_at(conn, scope, &with_reward)?,
    })
}

/// What is to be written for some rows.
#[derive(Default)]
struct Effects {
    recorded: Vec<Use>,
    counted: BTreeMap<CouponId, i64>,
}

/// Decides on the rows, one after the other.
fn judge(
    job: &Job<'_, '_>,
    uses: &mut Uses,
    rows: CodeRows<ParsedRedemption>,
    tally: &mut Tally,
    mut noted: Option<&mut Disagreements>,
) -> Result<Effects, ImportError> {
    let (mut effects, now) = (Effects::default(), job.desk.clock.now());
    for (entry, row) in rows.0 {
        if let Err(why) = redemption::check_used_at(row.redeemed_at, now, job.merchant.zone) {
            tally.reject(
                &entry.record,
                Cause::Malformed,
                &Invalid::because(format!("redeemed_at: {why}")),
            )?;
            continue;
        }
        let UseVerdict { fate, disagreement } = uses.judge(&row);
        if let (Some(noted), Some((kind, coupon))) = (&mut noted, disagreement) {
            noted.add(&entry.record, kind, coupon)?;
        }
        match fate {
            UseFate::New { one, counts } => {
                tally.report.new += 1;
                if counts {
                    *effects.counted.entry(one.coupon).or_default() += 1;
                }
                effects.recorded.push(one);
            }
            UseFate::Unchanged => tally.report.unchanged += 1,
            UseFate::NoSuchCode => {
                tally.reject(
                    &entry.record,
                    Cause::Conflict,
                    &Invalid::because("this merchant has no voucher with this code"),
                )?;
            }
            UseFate::Full(gone, of) => {
                let why = format!("the coupon is already fully redeemed ({gone} of {of})");
                tally.reject(&entry.record, Cause::Conflict, &Invalid::because(why))?;
            }
        }
    }
    Ok(effects)
}

impl Effects {
    fn write(self, tx: &mut WriteTx<'_>, job: &Job<'_, '_>) -> Result<(), ImportError> {
        fail::fail_point!("redemptions::judged");
        let now = job.desk.clock.now();
        if !redemptions::count_uses(
            tx,
            job.scope,
            &self.counted.into_iter().collect::<Vec<_>>(),
            now,
        )? {
            return Err(
                Error::Corrupt("a coupon that was locked had fewer uses left".into()).into()
            );
        }
        Ok(redemptions::insert(tx, job.scope, &self.recorded, now)?)
    }
}
