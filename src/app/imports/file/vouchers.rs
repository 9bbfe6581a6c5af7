//! Codes into a batch: slice by slice, visible together.

use std::{
    collections::HashMap,
    io::Write,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};

use super::{
    ImportError, Report,
    findings::Cause,
    job::Job,
    pace::SlicePace,
    rows::{FileRow, Voucher},
    sorted_spool::{Sorted, SpooledRow},
    spool::{SpooledRows, Tally, take_some},
};
use crate::{
    db::{
        Scope, WriteTx,
        imports::{
            codes::Coded,
            exclusive::ImportAccess,
            publish::{self, NewCoupon, TargetBatch, Visibility},
        },
        stock_counts as counts,
    },
    domain::{Invalid, batch::Window, cell, code::CouponCode, ids::BatchId},
};

/// How many movements of stock are added up at once.
const SETTLE_BATCH_ROWS: i64 = 20_000;

/// How many leftovers of a killed import are removed at once.
const CLEAN_UP_BATCH_ROWS: i64 = 2_000;

/// How long a stopped import may clean up: the one who stops it waits for that.
const LAST_PATIENCE: Duration = Duration::from_secs(3);

/// Compares the good rows with the merchant's codes and puts the new ones into the batch.
pub fn apply(
    job: &mut Job<'_, '_>,
    target: TargetBatch,
    spooled: SpooledRows,
    out: &mut dyn Write,
) -> Result<Report, ImportError> {
    let scope = job.scope;
    let batch = target.id.ok_or_else(|| Invalid::because("the batch is not there yet"))?;
    let (mut rows, mut tally) = spooled.open()?;
    job.exclusively(
        |job, access, report| {
            sweep(access, scope)?;
            let mut slices = Slices::of(target, scope, Visibility::All);
            let mut done = 0;
            let mut highest = access.read(|conn| publish::published_to(conn, scope, batch))?;
            loop {
                let (rows_taken, fresh) = slices.next(job, access, &mut rows, &mut tally)?;
                if rows_taken == 0 {
                    break;
                }
                done += rows_taken;
                if !fresh.is_empty() {
                    let now = job.desk.clock.now();
                    highest = slices.pace.keep(|| {
                        access.write(|tx| {
                            publish::insert(tx, scope, batch, &fresh, now)?;
                            publish::count_slice(tx, scope, batch, highest, now)
                        })
                    })?;
                    fail::fail_point!("import::slice");
                }
                job.tell(tally.progress(done))?;
            }
            // Before the codes become visible: if the rejects cannot be written, nothing was
            // imported.
            *report = tally.close(out)?;
            let added = i64::try_from(report.new).unwrap_or(i64::MAX);
            access.finish(|tx| {
                if added > 0 {
                    publish::publish(tx, scope, batch, highest, added)?;
                    settle(tx)?;
                }
                job.record(tx, report, Some(batch))?;
                job.end(tx, report)
            })
        },
        |access| sweep_in(access, scope, LAST_PATIENCE),
    )
}

/// Compares the good rows with the merchant's codes, and that is all: it waits for nobody, and
/// nobody waits for it.
pub fn check(
    job: &mut Job<'_, '_>,
    target: TargetBatch,
    spooled: SpooledRows,
    out: &mut dyn Write,
) -> Result<Report, ImportError> {
    let (mut rows, mut tally) = spooled.open()?;
    let mut slices = Slices::of(target, job.scope, Visibility::Published);
    let mut access = ImportAccess::read_only(&job.desk.db);
    let mut done = 0;
    loop {
        let (rows_taken, _) = slices.next(job, &mut access, &mut rows, &mut tally)?;
        if rows_taken == 0 {
            return tally.close(out);
        }
        fail::fail_point!("import::looked");
        done += rows_taken;
        job.tell(tally.progress(done))?;
    }
}

/// Adds the import's movements to the sums, so that nobody has to read them one by one.
fn settle(tx: &mut WriteTx<'_>) -> Result<(), ImportError> {
    while counts::settle(tx, SETTLE_BATCH_ROWS)? > 0 {}
    Ok(())
}

/// Removes what a killed import has left, slice by slice.
fn sweep(access: &mut ImportAccess<'_, '_>, scope: Scope) -> Result<(), ImportError> {
    sweep_in(access, scope, Duration::MAX)
}

/// Removes of it what can be removed in that time. The rest is invisible, and the next import
/// removes it.
fn sweep_in(
    access: &mut ImportAccess<'_, '_>,
    scope: Scope,
    patience: Duration,
) -> Result<(), ImportError> {
    let begun = Instant::now();
    while access.read(|conn| publish::has_leftovers(conn, scope))? && begun.elapsed() < patience {
        access.write(|tx| publish::remove_leftovers(tx, scope, CLEAN_UP_BATCH_ROWS))?;
    }
    Ok(())
}

/// Cuts the ordered rows into slices of codes that are new.
struct Slices {
    target: TargetBatch,
    scope: Scope,
    among: Visibility,
    pace: SlicePace,
    /// The last row's key and line, to know a code that comes again.
    last: Option<(Vec<u8>, u64)>,
    names: HashMap<BatchId, String>,
}

impl Slices {
    fn of(target: TargetBatch, scope: Scope, among: Visibility) -> Self {
        Self { target, scope, among, pace: SlicePace::default(), last: None, names: HashMap::new() }
    }

    /// Takes the next rows from the spool; answers how many, and the codes among them that are new,
    /// in the file's order.
    fn next(
        &mut self,
        job: &Job<'_, '_>,
        access: &mut ImportAccess<'_, '_>,
        rows: &mut Sorted,
        tally: &mut Tally,
    ) -> Result<(u64, Vec<NewCoupon>), ImportError> {
        let mut entries = take_some(rows, self.pace.rows())?;
        let count = entries.len() as u64;
        // Ordered by code to find those that come twice and to be kind to the indexes; in stock
        // they are in the file's order.
        let mut firsts = Vec::with_capacity(entries.len());
        for entry in entries.drain(..) {
            match &self.last {
                Some((key, line)) if *key == entry.key => {
                    tally.reject(
                        &entry.record,
                        Cause::Twice,
                        &Invalid::because(format!(
                            "the code is already in this file, on line {line}"
                        )),
                    )?;
                }
                _ => {
                    self.last = Some((entry.key.clone(), entry.record.line));
                    firsts.push(entry);
                }
            }
        }
        firsts.sort_unstable_by_key(|entry| entry.record.line);
        let mut vouchers = Vec::with_capacity(firsts.len());
        for entry in firsts {
            let row =
                FileRow { layout: &tally.layout, record: &entry.record, zone: job.merchant.zone };
            let voucher = row.voucher(self.target.uses_per_code)?;
            vouchers.push((entry, voucher));
        }
        let fresh = self.compare(access, vouchers, tally, job.desk.clock.now())?;
        tally.report.new += fresh.len() as u64;
        Ok((count, fresh))
    }

    fn compare(
        &mut self,
        access: &mut ImportAccess<'_, '_>,
        vouchers: Vec<(SpooledRow, Voucher)>,
        tally: &mut Tally,
        now: DateTime<Utc>,
    ) -> Result<Vec<NewCoupon>, ImportError> {
        let fold = |voucher: &Voucher| (!self.target.case_sensitive).then(|| voucher.code.folded());
        let mut codes: Vec<String> =
            vouchers.iter().map(|(_, voucher)| voucher.code.as_str().to_owned()).collect();
        codes.extend(vouchers.iter().filter_map(|(entry, voucher)| {
            as_once_taken(tally.layout.key_cell(&entry.record), &voucher.code)
        }));
        let folded: Vec<String> =
            vouchers.iter().filter_map(|(_, voucher)| fold(voucher)).collect();
        let taken = access
            .read(|conn| publish::find_taken(conn, self.scope, self.among, &codes, &folded))?;
        let taken = ExistingCodes::of(taken, self.target);
        let mut fresh = Vec::with_capacity(vouchers.len());
        for (entry, voucher) in vouchers {
            let folded = (!self.target.case_sensitive).then(|| voucher.code.folded());
            let once_taken = as_once_taken(tally.layout.key_cell(&entry.record), &voucher.code);
            if let Some(batch) = once_taken.and_then(|text| taken.exact.get(&text).copied()) {
                let name = self.name_of(access, batch)?;
                tally.reject(&entry.record, Cause::Conflict, &Invalid::because(format!(
                    "an earlier import stored this code in the batch {name:?} with its quotes or \
                     formula, so no shop accepts it; bar or withdraw that coupon (reissue it if a \
                     customer has it), then import the plain code"
                )))?;
                continue;
            }
            match taken.fate(voucher.code.as_str(), folded.as_deref()) {
                VoucherFate::New => {
                    let (layout, findings) = tally.findings();
                    findings.accept(layout, &entry.record, &voucher, self.target.window, now);
                    fresh.push(new_coupon(voucher, folded));
                }
                VoucherFate::HereAlready => tally.report.unchanged += 1,
                VoucherFate::Elsewhere(batch) => {
                    let name = self.name_of(access, batch)?;
                    tally.reject(
                        &entry.record,
                        Cause::Elsewhere,
                        &Invalid::because(format!("the code is already in the batch {name:?}")),
                    )?;
                }
            }
        }
        Ok(fresh)
    }

    fn name_of(
        &mut self,
        access: &mut ImportAccess<'_, '_>,
        batch: BatchId,
    ) -> Result<String, ImportError> {
        if let Some(name) = self.names.get(&batch) {
            return Ok(name.clone());
        }
        let name = access.read(|conn| publish::name_of(conn, self.scope, batch))?;
        self.names.insert(batch, name.clone());
        Ok(name)
    }
}

/// The code as earlier versions took it, with what is around it in its cell; nothing where nothing
/// is. That code is in stock, or somebody has it, and the same one without it would be given to
/// somebody else.
fn as_once_taken(cell: &str, code: &CouponCode) -> Option<String> {
    let text = cell.trim();
    let text =
        text.strip_prefix('\'').filter(|rest| *cell::harmless(rest) == *text).unwrap_or(text);
    (text != code.as_str()).then(|| text.to_owned())
}

/// Codes of the merchant that stand in a slice's way.
struct ExistingCodes {
    here: Option<BatchId>,
    exact: HashMap<String, BatchId>,
    folded: HashMap<String, BatchId>,
}

enum VoucherFate {
    New,
    HereAlready,
    Elsewhere(BatchId),
}

impl ExistingCodes {
    fn of(taken: Vec<Coded>, target: TargetBatch) -> Self {
        let mut found = Self { here: target.id, exact: HashMap::new(), folded: HashMap::new() };
        for one in taken {
            let batch = BatchId(one.batch);
            found.exact.insert(one.code, batch);
            if let Some(folded) = one.folded {
                found.folded.insert(folded, batch);
            }
        }
        found
    }

    /// By the batch's own rule first: where case does not count, the same letters are the same
    /// code.
    fn fate(&self, code: &str, folded: Option<&str>) -> VoucherFate {
        let exact = self.exact.get(code).copied();
        let folded = folded.and_then(|folded| self.folded.get(folded)).copied();
        match (exact, folded) {
            (None, None) => VoucherFate::New,
            (exact, folded)
                if self.here.is_some() && (exact == self.here || folded == self.here) =>
            {
                VoucherFate::HereAlready
            }
            (Some(other), _) | (None, Some(other)) => VoucherFate::Elsewhere(other),
        }
    }
}

fn new_coupon(voucher: Voucher, folded: Option<String>) -> NewCoupon {
    NewCoupon {
        code: voucher.code.as_str().to_owned(),
        folded,
        pin: voucher.pin,
        window: Window { from: voucher.from, until: voucher.until },
        max_redemptions: voucher.max_redemptions,
        redemptions: voucher.redemptions,
        barred_reason: voucher.barred_reason,
    }
}
