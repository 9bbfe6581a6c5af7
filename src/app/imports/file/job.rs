//! One import at work: what all kinds share: exclusive access, progress and the end.

use std::io::Write;

use super::{
    ImportError, ImportProgress, ImportRequest, OnCommit, ProgressWatch, Report, spool::Tally,
};
use crate::{
    app::Desk,
    db::{
        Scope, WriteTx, audit,
        imports::exclusive::{ImportAccess, LockRequest, refresh_statistics},
    },
    domain::{audit::NewRecord, ids::BatchId, merchant::Merchant},
};

/// An import at work.
pub struct Job<'j, 'w> {
    pub desk: &'j Desk,
    pub scope: Scope,
    pub merchant: &'j Merchant,
    pub order: &'j ImportRequest<'j>,
    pub watch: &'j mut ProgressWatch<'w>,
}

/// How long a second import waits before it looks again.
const LOCK_RETRY_INTERVAL: std::time::Duration = std::time::Duration::from_millis(250);

/// From this many rows on, the database's statistics are refreshed: it would plan by old sizes.
const ANALYZE_FROM_ROWS: u64 = 10_000;

impl Job<'_, '_> {
    /// Tells the progress; an error when the import is to stop.
    pub fn tell(&mut self, progress: ImportProgress) -> Result<(), ImportError> {
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
        let (desk, scope) = (self.desk, self.scope);
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
                    job.record(tx, report, None)?;
                    job.end(tx, report)
                })
            },
            |_| Ok(()),
        )
    }

    /// The last word of a transaction: a dry run takes everything back.
    pub fn end(&self, tx: &mut WriteTx<'_>, report: &Report) -> Result<(), ImportError> {
        fail::fail_point!("import::end");
        match (self.order.dry_run, self.order.on_commit) {
            (true, _) => Err(ImportError::TakenBack),
            (false, Some(OnCommit(on_commit))) => on_commit(tx, report),
            (false, None) => Ok(()),
        }
    }

    /// Leaves the audit record of an import that brought something.
    pub fn record(
        &self,
        tx: &mut WriteTx<'_>,
        report: &mut Report,
        batch: Option<BatchId>,
    ) -> Result<(), ImportError> {
        if report.accepted() == 0 && report.taken_out_of_stock == 0 {
            return Ok(());
        }
        let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let mut record = NewRecord::new(
            Some(self.merchant.id),
            self.order.kind.rules().action,
            self.order.actor,
        )
        .detail("rows", count(report.rows))
        .detail("new", count(report.new))
        .detail("updated", count(report.updated))
        .detail("unchanged", count(report.unchanged))
        .detail("rejected", count(report.rejected));
        if report.taken_out_of_stock > 0 {
            record = record.detail("taken_out_of_stock", count(report.taken_out_of_stock));
        }
        if let Some(name) = self.order.batch {
            record = record.detail("batch", name);
        }
        record.batch = batch;
        record.request_id = self.order.request_id.map(ToOwned::to_owned);
        let id = audit::append(tx, &record, self.desk.clock.now())?;
        report.record = (!self.order.dry_run).then_some(id);
        Ok(())
    }
}
