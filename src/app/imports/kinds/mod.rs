//! What becomes of the good rows: compared with what is stored, and written, in one file for each
//! kind of import.

mod bars;
mod code_rows;
mod customers;
mod purges;
mod redemptions;
mod rewards;
mod vouchers;

use std::io::Write;

use super::{file::SpooledRows, job::Job, request::ImportError, tally::Report};
use crate::{
    db::imports::publish::TargetBatch,
    domain::{Invalid, import::ImportKind},
};

/// Compares the rows with what is stored and writes what is new; a dry run changes nothing.
pub fn write(
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
