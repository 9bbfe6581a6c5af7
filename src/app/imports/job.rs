//! One import at work, and what all kinds share: exclusive access, progress, how many rows are
//! written at once, and the end.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};

use super::{
    findings::Findings,
    request::{ImportError, ImportProgress, ImportRequest, ImportRow, ProgressWatch},
    show_imports::ImportReport,
    tally::{Report, Tally},
};
use crate::{
    app::Desk,
    db::{
        WriteTx, audit,
        imports::{
            exclusive::{ImportAccess, LockRequest, refresh_statistics},
            jobs::{self, ImportResult},
            leases,
        },
    },
    domain::{audit::NewRecord, ids::BatchId, import::CouponRange},
};

/// An import at work.
pub struct Job<'j, 'w> {
    pub desk: &'j Desk,
    pub request: &'j ImportRequest<'j>,
    watch: &'j mut ProgressWatch<'w>,
    began_at: DateTime<Utc>,
    /// How much of the file was read.
    bytes: u64,
}

/// The coupons that an import added, and to which batch.
#[derive(Debug, Clone, Copy, Default)]
pub struct Added {
    pub batch: Option<BatchId>,
    pub coupons: Option<CouponRange>,
}

/// How long a second import waits before it looks again.
const LOCK_RETRY_INTERVAL: Duration = Duration::from_millis(250);

/// From this many rows on, the database's statistics are refreshed: it would plan by old sizes.
const ANALYZE_FROM_ROWS: u64 = 10_000;

impl<'j, 'w> Job<'j, 'w> {
    pub fn new(
        desk: &'j Desk,
        request: &'j ImportRequest<'j>,
        watch: &'j mut ProgressWatch<'w>,
    ) -> Self {
        Self { desk, request, watch, began_at: desk.clock.now(), bytes: 0 }
    }
}

impl Job<'_, '_> {
    /// Tells the progress; an error when the import is to stop.
    pub fn tell(&mut self, progress: ImportProgress) -> Result<(), ImportError> {
        if let ImportProgress::Reading { bytes } = progress {
            self.bytes = bytes;
        }
        if (self.watch)(progress).is_break() { Err(ImportError::Stopped) } else { Ok(()) }
    }

    /// Runs `work` with exclusive access to the merchant's imports; runs `clean_up` when it failed.
    /// What it says with [`ImportError::TakenBack`] is a report all the same.
    pub fn exclusively(
        &mut self,
        work: impl FnOnce(&mut Self, &mut ImportAccess<'_, '_>, &mut Report) -> Result<(), ImportError>,
        clean_up: impl FnOnce(&mut ImportAccess<'_, '_>) -> Result<(), ImportError>,
    ) -> Result<Report, ImportError> {
        let holder = uuid::Uuid::now_v7().to_string();
        let (desk, scope) = (self.desk, self.request.scope);
        // Both closures need the watch, one after the other.
        let this = std::cell::RefCell::new(self);
        let mut report = Report::default();
        let mut waiting = || {
            this.borrow_mut().tell(ImportProgress::Waiting)?;
            std::thread::sleep(LOCK_RETRY_INTERVAL);
            Ok(())
        };
        let wait = LockRequest {
            db: &desk.db,
            clock: &desk.clock,
            scope,
            holder: &holder,
            waiting: &mut waiting,
        };
        match wait.take(|access| work(&mut this.borrow_mut(), access, &mut report), clean_up) {
            Ok(()) => {
                if report.accepted() >= ANALYZE_FROM_ROWS {
                    refresh_statistics(&desk.db);
                }
                Ok(report)
            }
            // The audit record was taken back with the rest: its number means nothing.
            Err(ImportError::TakenBack) => Ok(Report { record: None, ..report }),
            Err(error) => Err(error),
        }
    }

    /// [`Self::exclusively`] for kinds that are written in one transaction on both databases.
    pub fn in_one_transaction(
        &mut self,
        tally: Tally,
        out: &mut dyn Write,
        work: impl FnOnce(&mut Self, &mut WriteTx<'_>, &mut Tally) -> Result<(), ImportError>,
    ) -> Result<Report, ImportError> {
        self.exclusively(
            |job, access, report| {
                access.finish(|tx| {
                    let mut tally = tally;
                    work(job, tx, &mut tally)?;
                    *report = tally.close(out)?;
                    job.finish(tx, report, Added::default())
                })
            },
            |_| Ok(()),
        )
    }

    /// Ends the last transaction: a dry run takes everything back.
    pub fn finish(
        &self,
        tx: &mut WriteTx<'_>,
        report: &mut Report,
        added: Added,
    ) -> Result<(), ImportError> {
        self.record(tx, report, added.batch)?;
        fail::fail_point!("import::end");
        if self.request.dry_run {
            return Err(ImportError::TakenBack);
        }
        self.mark_done(tx, report, added)
    }

    /// Marks the import's row as done. An import by command that brought nothing leaves none, as it
    /// leaves no audit record: it changed nothing.
    pub fn mark_done(
        &self,
        tx: &mut WriteTx<'_>,
        report: &Report,
        added: Added,
    ) -> Result<(), ImportError> {
        let (request, now) = (self.request, self.desk.clock.now());
        let account = ImportReport::of(request.kind, report);
        match request.row {
            ImportRow::Held(held) => {
                let end = ImportResult { report: &account.to_json(), coupons: added.coupons };
                // Cancelled or taken over in between: nothing of this becomes visible.
                if leases::done(tx, held, end, now)? { Ok(()) } else { Err(ImportError::Stopped) }
            }
            ImportRow::New { .. } if report.is_of_nothing() => Ok(()),
            ImportRow::New { file_name } => {
                // Without samples of the rows: they may be about people, who can be purged, and the
                // operator has the rejects.
                let account = ImportReport { findings: Findings::default(), ..account };
                let new = jobs::DoneImport {
                    kind: request.kind,
                    batch: added.batch,
                    file_name,
                    bytes: i64::try_from(self.bytes).unwrap_or(i64::MAX),
                    end: ImportResult { report: &account.to_json(), coupons: added.coupons },
                    began_at: self.began_at,
                };
                Ok(jobs::add_done(tx, request.scope, new, now)?)
            }
        }
    }

    /// Leaves the audit record of an import that brought something.
    fn record(
        &self,
        tx: &mut WriteTx<'_>,
        report: &mut Report,
        batch: Option<BatchId>,
    ) -> Result<(), ImportError> {
        if report.is_of_nothing() {
            return Ok(());
        }
        let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let mut record = NewRecord::new(
            Some(self.request.merchant.id),
            self.request.kind.rules().action,
            self.request.actor,
        )
        .detail("rows", count(report.rows))
        .detail("new", count(report.new))
        .detail("updated", count(report.updated))
        .detail("unchanged", count(report.unchanged))
        .detail("rejected", count(report.rejected));
        if report.taken_out_of_stock > 0 {
            record = record.detail("taken_out_of_stock", count(report.taken_out_of_stock));
        }
        if let Some(name) = self.request.batch {
            record = record.detail("batch", name);
        }
        record.batch = batch;
        record.request_id = self.request.request_id.map(ToOwned::to_owned);
        let id = audit::append(tx, &record, self.desk.clock.now())?;
        report.record = (!self.request.dry_run).then_some(id);
        Ok(())
    }
}

/// What a slice should take. Others' writes wait for a slice and then find a gap: with 30 ms that
/// is hardly felt, while longer slices gain little. 200 ms is the most that anybody may have to
/// wait, and a disk that is slow once stays below that, too.
const TARGET_TRANSACTION_TIME: Duration = Duration::from_millis(30);
const MIN_SLICE_ROWS: usize = 250;
const MAX_SLICE_ROWS: usize = 20_000;

/// The size of the next slice, learnt from those before.
#[derive(Debug)]
pub struct SlicePace {
    rows: usize,
}

impl Default for SlicePace {
    fn default() -> Self {
        Self { rows: 2_000 }
    }
}

impl SlicePace {
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Runs `work` and learns from how long it took.
    pub fn keep<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let value = work();
        self.learn(began.elapsed());
        value
    }

    fn learn(&mut self, took: Duration) {
        let rows = if took > TARGET_TRANSACTION_TIME * 2 {
            self.rows / 2
        } else if took > TARGET_TRANSACTION_TIME {
            self.rows * 3 / 4
        } else if took < TARGET_TRANSACTION_TIME / 2 {
            self.rows * 3 / 2
        } else {
            self.rows
        };
        self.rows = rows.clamp(MIN_SLICE_ROWS, MAX_SLICE_ROWS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_grow_while_they_are_quick_and_shrink_when_slow() {
        let mut pace = SlicePace::default();
        for _ in 0..20 {
            pace.learn(Duration::from_millis(1));
        }
        assert_eq!(pace.rows(), MAX_SLICE_ROWS);
        for _ in 0..20 {
            pace.learn(Duration::from_secs(1));
        }
        assert_eq!(pace.rows(), MIN_SLICE_ROWS);
    }
}
