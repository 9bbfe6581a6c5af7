//! Codes into a batch: slice by slice, visible together.

use std::{
    collections::HashMap,
    io::Write,
    time::{Duration, Instant},
};

use crate::{
    app::imports::{
        file::{
            SpooledRows,
            rows::{FileRow, Voucher},
            sorted_spool::{Sorted, SpooledRow},
            take_some,
        },
        findings::{Cause, NewVoucher},
        job::{Added, Job, SlicePace},
        request::ImportError,
        tally::{Report, Tally},
    },
    db::{
        Scope, WriteTx,
        imports::{
            codes::Coded,
            exclusive::ImportAccess,
            publish::{self, NewCoupon, Published, Slice, TargetBatch, Visibility, WantedCodes},
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
    let scope = job.request.scope;
    let batch = target.id.ok_or_else(|| Invalid::because("the batch is not there yet"))?;
    let mut slices = Slices::of(spooled, target, Visibility::All)?;
    job.exclusively(
        |job, access, report| {
            sweep(access, scope)?;
            let mut done = 0;
            let mut highest = access.read(|conn| publish::published_to(conn, scope, batch))?;
            loop {
                let (rows_taken, fresh) = slices.next(job, access)?;
                if rows_taken == 0 {
                    break;
                }
                done += rows_taken;
                if !fresh.is_empty() {
                    let at = job.desk.clock.now();
                    let slice = Slice { batch, coupons: &fresh, above: highest, at };
                    highest = slices.pace.keep(|| {
                        access.write(|tx| {
                            publish::insert(tx, scope, slice)?;
                            publish::count_slice(tx, scope, slice)
                        })
                    })?;
                    fail::fail_point!("import::slice");
                }
                job.tell(slices.tally.progress(done))?;
            }
            // Before the codes become visible: if the rejects cannot be written, nothing was
            // imported.
            *report = slices.tally.close(out)?;
            let added = i64::try_from(report.new).unwrap_or(i64::MAX);
            access.finish(|tx| {
                let mut coupons = None;
                if added > 0 {
                    coupons = publish::publish(tx, scope, batch, Published { highest, added })?;
                    settle(tx)?;
                }
                job.finish(tx, report, Added { batch: Some(batch), coupons })
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
    let mut slices = Slices::of(spooled, target, Visibility::Published)?;
    let mut access = ImportAccess::read_only(&job.desk.db);
    let mut done = 0;
    loop {
        let (rows_taken, _) = slices.next(job, &mut access)?;
        if rows_taken == 0 {
            return slices.tally.close(out);
        }
        fail::fail_point!("import::looked");
        done += rows_taken;
        job.tell(slices.tally.progress(done))?;
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
    rows: Sorted,
    tally: Tally,
    target: TargetBatch,
    among: Visibility,
    pace: SlicePace,
    /// The last row's key and line, to know a code that comes again.
    last: Option<(Vec<u8>, u64)>,
    names: HashMap<BatchId, String>,
}

impl Slices {
    fn of(
        spooled: SpooledRows,
        target: TargetBatch,
        among: Visibility,
    ) -> Result<Self, ImportError> {
        let (rows, tally) = spooled.open()?;
        let pace = SlicePace::default();
        Ok(Self { rows, tally, target, among, pace, last: None, names: HashMap::new() })
    }

    /// Takes the next rows from the spool; answers how many, and the codes among them that are new,
    /// in the file's order.
    fn next(
        &mut self,
        job: &Job<'_, '_>,
        access: &mut ImportAccess<'_, '_>,
    ) -> Result<(u64, Vec<NewCoupon>), ImportError> {
        let mut entries = take_some(&mut self.rows, self.pace.rows())?;
        let count = entries.len() as u64;
        // Ordered by code to find those that come twice and to be kind to the indexes; in stock
        // they are in the file's order.
        let mut firsts = Vec::with_capacity(entries.len());
        for entry in entries.drain(..) {
            match &self.last {
                Some((key, line)) if *key == entry.key => {
                    self.tally.reject(
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
            let row = FileRow {
                layout: &self.tally.layout,
                record: &entry.record,
                zone: job.request.merchant.zone,
            };
            let voucher = row.voucher(self.target.uses_per_code)?;
            vouchers.push((entry, voucher));
        }
        let fresh = self.compare(job, access, vouchers)?;
        self.tally.report.new += fresh.len() as u64;
        Ok((count, fresh))
    }

    fn compare(
        &mut self,
        job: &Job<'_, '_>,
        access: &mut ImportAccess<'_, '_>,
        vouchers: Vec<(SpooledRow, Voucher)>,
    ) -> Result<Vec<NewCoupon>, ImportError> {
        let (scope, now) = (job.request.scope, job.desk.clock.now());
        let fold = |voucher: &Voucher| (!self.target.case_sensitive).then(|| voucher.code.folded());
        let mut exact: Vec<String> =
            vouchers.iter().map(|(_, voucher)| voucher.code.as_str().to_owned()).collect();
        exact.extend(vouchers.iter().filter_map(|(entry, voucher)| {
            as_once_taken(self.tally.layout.key_cell(&entry.record), &voucher.code)
        }));
        let folded: Vec<String> =
            vouchers.iter().filter_map(|(_, voucher)| fold(voucher)).collect();
        let wanted = WantedCodes { exact, folded };
        let taken = access.read(|conn| publish::find_taken(conn, scope, self.among, &wanted))?;
        let taken = ExistingCodes::of(taken, self.target);
        let mut fresh = Vec::with_capacity(vouchers.len());
        for (entry, voucher) in vouchers {
            let folded = (!self.target.case_sensitive).then(|| voucher.code.folded());
            let once_taken =
                as_once_taken(self.tally.layout.key_cell(&entry.record), &voucher.code);
            if let Some(batch) = once_taken.and_then(|text| taken.exact.get(&text).copied()) {
                let name = self.name_of(job, access, batch)?;
                self.tally.reject(&entry.record, Cause::Conflict, &Invalid::because(format!(
                    "an earlier import stored this code in the batch {name:?} with its quotes or \
                     formula, so no shop accepts it; bar or withdraw that coupon (reissue it if a \
                     customer has it), then import the plain code"
                )))?;
                continue;
            }
            match taken.fate(voucher.code.as_str(), folded.as_deref()) {
                VoucherFate::New => {
                    let window = Window { from: voucher.from, until: voucher.until };
                    let new = NewVoucher {
                        line: entry.record.line,
                        cell: self.tally.layout.key_cell(&entry.record),
                        code: voucher.code.as_str(),
                        window: window.within(self.target.window),
                        is_spent: voucher.barred_reason.is_some() || voucher.redemptions > 0,
                    };
                    self.tally.report.findings.accept(&new, now);
                    fresh.push(new_coupon(voucher, folded));
                }
                VoucherFate::HereAlready => self.tally.report.unchanged += 1,
                VoucherFate::Elsewhere(batch) => {
                    let name = self.name_of(job, access, batch)?;
                    self.tally.reject(
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
        job: &Job<'_, '_>,
        access: &mut ImportAccess<'_, '_>,
        batch: BatchId,
    ) -> Result<String, ImportError> {
        if let Some(name) = self.names.get(&batch) {
            return Ok(name.clone());
        }
        let name = access.read(|conn| publish::name_of(conn, job.request.scope, batch))?;
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
