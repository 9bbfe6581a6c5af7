//! Imports: a file is received, checked, confirmed by somebody, and written.
//!
//! The path of a file, from top to bottom:
//!
//! 1. From the browser it arrives in pieces: [`receive_import`]. An import worker claims it and
//!    checks it by a dry run; somebody confirms or cancels it: [`decide_import`]; then a worker
//!    writes it: [`run_import`]. [`show_imports`] says how each stands. The command hands its file
//!    to [`import_file`] at once.
//! 2. [`import_file`], below, does what an [`ImportRequest`] asks for, whoever sent it. It first
//!    reads the file to its end, without holding up anybody: [`file::read`] decodes text, cuts it
//!    into records, takes the first as the header, turns each row into values, and spools the good
//!    ones in order on disk. The others are rejects: [`tally`].
//! 3. Then it compares the good rows with what is stored and writes what is new: [`kinds`]. That
//!    needs the merchant's import lock, which a [`job`] waits for. A dry run of vouchers,
//!    redemptions or bars only compares: it takes no lock and waits for nobody.
//! 4. At last it writes the rejects, and the whole becomes visible at once, or none of it: the rows,
//!    the audit record, and the import's own row in the table `imports`, with the ids of the coupons
//!    that it added.
//!
//! What differs between the kinds of import is in the table [`crate::domain::import::KindRules`],
//! and in one file for each kind in [`kinds`].

pub mod decide_import;
mod file;
mod findings;
mod job;
pub mod pieces;
pub mod receive_import;
mod request;
pub mod run_import;
pub mod show_imports;
mod tally;
mod kinds {
    //! What becomes of the good rows, in one file for each kind of import.

    pub mod bars;
    mod code_rows;
    pub mod customers;
    pub mod purges;
    pub mod redemptions;
    pub mod rewards;
    pub mod vouchers;
}

use std::io::{Read, Write};

use self::{
    file::SpooledRows,
    job::{Added, Job},
    kinds::{bars, customers, purges, redemptions, rewards, vouchers},
};
use crate::{
    app::Desk,
    db::imports::publish::{self, TargetBatch},
    domain::{Invalid, import::ImportKind},
};

pub use self::findings::{Cause, DamageGroup, Ends, Findings, RowSample, SampledCount, Suspicion};
pub use self::job::SlicePace;
pub use self::request::{ImportError, ImportProgress, ImportRequest, ImportRow, ProgressWatch};
pub use self::tally::Report;

/// What an import reads from and writes to, beside the database.
pub struct ImportStreams<'s, 'w> {
    pub source: &'s mut dyn Read,
    /// The rows that could not be taken, as CSV: written before anything becomes visible; nothing
    /// is written when there are none.
    pub rejects: &'s mut dyn Write,
    pub watch: &'s mut ProgressWatch<'w>,
}

/// Imports a file.
///
/// Errors: all of them leave the database as it was, but for a [`crate::db::Error::CommitUnknown`].
/// Run it again.
pub fn import_file(
    desk: &Desk,
    request: &ImportRequest<'_>,
    streams: ImportStreams<'_, '_>,
) -> Result<Report, ImportError> {
    let ImportStreams { source, rejects, watch } = streams;
    let target = target_batch(desk, request)?;
    let mut job = Job::new(desk, request, watch);
    let spooled = file::read(source, &mut job, target)?;
    if spooled.is_empty() {
        // No acceptable row: there is no need to wait for the lock.
        let report = spooled.tally.close(rejects)?;
        if let (ImportRow::Held(_), false) = (request.row, request.dry_run) {
            desk.db.write(|tx| job.mark_done(tx, &report, Added::default()))?;
        }
        return Ok(report);
    }
    compare_and_write(&mut job, target, spooled, rejects)
}

/// The batch that the rows go into, where the kind needs one.
fn target_batch(
    desk: &Desk,
    request: &ImportRequest<'_>,
) -> Result<Option<TargetBatch>, ImportError> {
    let kind = request.kind.as_str();
    match (request.kind.rules().needs_batch, request.batch) {
        (true, Some(name)) => {
            if let Some(planned) = request.planned.filter(|_| request.dry_run) {
                return Ok(Some(TargetBatch::planned(planned)));
            }
            let found =
                desk.db.read(|conn| publish::find_target_batch(conn, request.scope, name))?;
            found.map(Some).ok_or_else(|| ImportError::NoBatch {
                batch: name.to_owned(),
                merchant: request.merchant.slug.to_string(),
            })
        }
        (true, None) => Err(Invalid::because(format!("{kind} need a batch; name one")).into()),
        (false, Some(_)) => Err(Invalid::because(format!(
            "a {kind} file isn't imported into a batch; leave the batch out"
        ))
        .into()),
        (false, None) => Ok(None),
    }
}

/// Compares the rows with what is stored and writes what is new; a dry run changes nothing.
fn compare_and_write(
    job: &mut Job<'_, '_>,
    target: Option<TargetBatch>,
    spooled: SpooledRows,
    rejects: &mut dyn Write,
) -> Result<Report, ImportError> {
    let dry_run = job.request.dry_run;
    match job.request.kind {
        ImportKind::Vouchers => {
            let target = target.ok_or_else(|| Invalid::because("vouchers need a batch"))?;
            if dry_run {
                vouchers::check(job, target, spooled, rejects)
            } else {
                vouchers::apply(job, target, spooled, rejects)
            }
        }
        ImportKind::Customers => customers::apply(job, spooled, rejects),
        ImportKind::Rewards => rewards::apply(job, spooled, rejects),
        ImportKind::Redemptions if dry_run => redemptions::check(job, spooled, rejects),
        ImportKind::Redemptions => redemptions::apply(job, spooled, rejects),
        ImportKind::Bars if dry_run => bars::check(job, spooled, rejects),
        ImportKind::Bars => bars::apply(job, spooled, rejects),
        ImportKind::Purges => purges::apply(job, spooled, rejects),
    }
}
