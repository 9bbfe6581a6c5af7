//! The file, read to its end before anybody is held up: good rows go into a sorted spool, the
//! others among the rejects.
//!
//! Bytes become text ([`decode`]), text becomes records of cells ([`records`]), the first record
//! says which columns there are ([`header`], which knows a [`heading`] from a code), and each other
//! one becomes values ([`rows`]). The [`sorted_spool`] holds any number of them.

pub mod decode;
pub mod header;
mod heading;
pub mod records;
pub mod rows;
pub mod sorted_spool;

use std::io::Read;

use self::{
    decode::DecodedText,
    header::{FirstRecord, delimiter_of, read_first},
    records::{FileRecord, Records},
    rows::FileRow,
    sorted_spool::{Sorted, SortedSpool, SpooledRow},
};
use super::{
    findings::{Cause, DamageGroup},
    job::Job,
    request::{ImportError, ImportProgress},
    tally::Tally,
};
use crate::{
    db::imports::publish::TargetBatch,
    domain::{Invalid, import::ImportKind},
};

/// A file that was read.
pub struct SpooledRows {
    /// Rows that look right, ordered by what makes two of them the same, else by line.
    good: SortedSpool,
    /// The others.
    pub tally: Tally,
}

/// How often the progress is reported, in rows: seldom enough to cost nothing, often enough to stop
/// an import soon.
const CHECK_EVERY_ROWS: u64 = 4096;

/// Reads the whole source.
///
/// Errors: [`ImportError::Invalid`] when it is not text, empty, or its header cannot be taken.
pub fn read(
    source: &mut dyn Read,
    job: &mut Job<'_, '_>,
    target: Option<TargetBatch>,
) -> Result<SpooledRows, ImportError> {
    let kind = job.request.kind;
    let mut records = Records::open(DecodedText::open(source)?, |firsts, declared| {
        delimiter_of(kind, firsts, declared)
    })?;
    let (mut first, mut record) = (FileRecord::default(), FileRecord::default());
    if !records.read(&mut first)? {
        return Err(Invalid::because("the file is empty; nothing was changed").into());
    }
    let mut more = records.read(&mut record)?;
    let (layout, headless) = match read_first(kind, &first, more.then_some(&record))? {
        FirstRecord::Header(layout) => (layout, false),
        FirstRecord::Code(layout) => (layout, true),
    };
    let mut spooled = SpooledRows { good: SortedSpool::default(), tally: Tally::new(layout) };
    if headless {
        spooled.add(&first, job, target)?;
    }
    while more {
        spooled.add(&record, job, target)?;
        if spooled.tally.report.rows.is_multiple_of(CHECK_EVERY_ROWS) {
            job.tell(ImportProgress::Reading { bytes: records.taken() })?;
        }
        more = records.read(&mut record)?;
    }
    job.tell(ImportProgress::Reading { bytes: records.taken() })?;
    if spooled.tally.report.rows == 0 {
        return Err(
            Invalid::because("the file has a header and no rows; nothing was changed").into()
        );
    }
    spooled.tally.total = spooled.good.count();
    Ok(spooled)
}

impl SpooledRows {
    fn add(
        &mut self,
        record: &FileRecord,
        job: &Job<'_, '_>,
        target: Option<TargetBatch>,
    ) -> Result<(), ImportError> {
        let tally = &mut self.tally;
        tally.report.rows += 1;
        if tally.layout.is_repeated_by(record) {
            let why = tally.layout.why_repeated();
            return tally.reject_damaged(record, DamageGroup::Heading, &why);
        }
        let row = FileRow { layout: &tally.layout, record, zone: job.request.merchant.zone };
        match key_of(&row, target) {
            Ok(key) => self.good.push(key.as_bytes(), "", record).map_err(ImportError::Staging),
            Err(why) => {
                let damage = row.damage();
                if tally.layout.kind() == ImportKind::Rewards && row.claimed_code().is_some() {
                    tally.claim(record)?;
                }
                match damage {
                    Some(group) => tally.reject_damaged(record, group, &why),
                    None => tally.reject(record, Cause::Malformed, &why),
                }
            }
        }
    }

    /// Whether there is no row to compare with what is stored.
    pub fn is_empty(&self) -> bool {
        self.good.count() == 0 && !self.tally.has_claims()
    }

    /// The good rows in order, and the tally of what becomes of them.
    pub fn open(self) -> Result<(Sorted, Tally), ImportError> {
        Ok((self.good.sorted().map_err(ImportError::Staging)?, self.tally))
    }
}

/// Judges the row by itself and answers what makes it the same as another one, or another one's
/// neighbour; nothing, where the database must tell.
fn key_of(row: &FileRow<'_>, target: Option<TargetBatch>) -> Result<String, Invalid> {
    match (row.layout.kind(), target) {
        (ImportKind::Vouchers, Some(target)) => {
            let code = row.voucher(target.uses_per_code)?.code;
            Ok(if target.case_sensitive { code.as_str().to_owned() } else { code.folded() })
        }
        (ImportKind::Vouchers, None) => Err(Invalid::because("vouchers need a batch")),
        (ImportKind::Customers, _) => Ok(row.customer()?.email.as_str().to_owned()),
        (ImportKind::Rewards, _) => row.reward().map(|_| String::new()),
        // Rows of one coupon follow each other, however its code is written: what the first of them
        // change is known to the others.
        (ImportKind::Redemptions, _) => Ok(row.redemption()?.code.folded()),
        (ImportKind::Bars, _) => Ok(row.bar()?.code.folded()),
        (ImportKind::Purges, _) => row.purge().map(|_| String::new()),
    }
}

/// Up to `limit` rows that lie next in order.
pub fn take_some(sorted: &mut Sorted, limit: usize) -> Result<Vec<SpooledRow>, ImportError> {
    let mut some = Vec::with_capacity(limit.min(4096));
    while some.len() < limit {
        match sorted.next().map_err(ImportError::Staging)? {
            Some(entry) => some.push(entry),
            None => break,
        }
    }
    Ok(some)
}
