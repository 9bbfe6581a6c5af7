//! The file, read to its end before anybody is held up: good rows go into a sorted spool, the
//! others among the rejects.

use std::io::{Read, Write};

use super::{
    ImportError, ImportProgress, Report,
    decode::DecodedText,
    findings::{Cause, DamageGroup, Findings},
    header::{FirstRecord, Layout, delimiter_of, read_first},
    job::Job,
    records::{FileRecord, Records},
    rejects::Rejects,
    rows::FileRow,
    sorted_spool::{Sorted, SortedSpool},
};
use crate::{
    db::imports::publish::TargetBatch,
    domain::{Invalid, import::ImportKind},
};

/// A file that was read.
pub struct SpooledRows {
    pub layout: Layout,
    /// Rows that look right, ordered by what makes two of them the same, else by line.
    pub good: SortedSpool,
    /// Rejected rewards rows that name a code.
    pub claims: SortedSpool,
    pub rejects: Rejects,
    rows: u64,
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
    let kind = job.order.kind;
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
    let mut spooled = SpooledRows {
        layout,
        good: SortedSpool::default(),
        claims: SortedSpool::default(),
        rejects: Rejects::default(),
        rows: 0,
    };
    if headless {
        spooled.add(&first, job, target)?;
    }
    while more {
        spooled.add(&record, job, target)?;
        if spooled.rows.is_multiple_of(CHECK_EVERY_ROWS) {
            job.tell(ImportProgress::Reading { bytes: records.taken() })?;
        }
        more = records.read(&mut record)?;
    }
    job.tell(ImportProgress::Reading { bytes: records.taken() })?;
    if spooled.rows == 0 {
        return Err(
            Invalid::because("the file has a header and no rows; nothing was changed").into()
        );
    }
    Ok(spooled)
}

impl SpooledRows {
    fn add(
        &mut self,
        record: &FileRecord,
        job: &Job<'_, '_>,
        target: Option<TargetBatch>,
    ) -> Result<(), ImportError> {
        self.rows += 1;
        if self.layout.is_repeated_by(record) {
            return self.rejects.add_damaged(
                &self.layout,
                record,
                DamageGroup::Heading,
                &self.layout.why_repeated(),
            );
        }
        let row = FileRow { layout: &self.layout, record, zone: job.merchant.zone };
        match key_of(&row, target) {
            Ok(key) => self.good.push(key.as_bytes(), "", record).map_err(ImportError::Staging),
            Err(why) => {
                if self.layout.kind() == ImportKind::Rewards && row.claimed_code().is_some() {
                    self.claims.push(b"", "", record).map_err(ImportError::Staging)?;
                }
                match row.damage() {
                    Some(group) => self.rejects.add_damaged(&self.layout, record, group, &why),
                    None => self.rejects.add(&self.layout, record, Cause::Malformed, &why),
                }
            }
        }
    }

    /// What is to be said when no row can be taken.
    pub fn report(&self) -> Report {
        Report {
            rows: self.rows,
            rejected: self.rejects.count(),
            findings: self.rejects.findings.clone(),
            ..Report::default()
        }
    }

    /// The good rows in order, and the tally of what becomes of them.
    pub fn open(self) -> Result<(Sorted, Tally), ImportError> {
        let tally = Tally {
            total: self.good.count(),
            report: Report { rows: self.rows, ..Report::default() },
            layout: self.layout,
            rejects: self.rejects,
            claims: self.claims,
        };
        Ok((self.good.sorted().map_err(ImportError::Staging)?, tally))
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

/// What has become of the rows so far.
pub struct Tally {
    pub layout: Layout,
    pub report: Report,
    /// How many rows were good enough to be compared with what is stored.
    pub total: u64,
    rejects: Rejects,
    claims: SortedSpool,
}

impl Tally {
    pub fn reject(
        &mut self,
        record: &FileRecord,
        cause: Cause,
        why: &Invalid,
    ) -> Result<(), ImportError> {
        self.rejects.add(&self.layout, record, cause, why)
    }

    /// What is seen in the rows; rejected ones are noted by themselves.
    pub fn findings(&mut self) -> (&Layout, &mut Findings) {
        (&self.layout, &mut self.rejects.findings)
    }

    /// Rejects a rewards row and keeps the code that it claims.
    pub fn reject_claim(&mut self, record: &FileRecord, why: &Invalid) -> Result<(), ImportError> {
        self.claims.push(b"", "", record).map_err(ImportError::Staging)?;
        self.reject(record, Cause::Conflict, why)
    }

    /// The rejected rows that claim a code, by line.
    pub fn claims(&mut self) -> Result<Sorted, ImportError> {
        std::mem::take(&mut self.claims).sorted().map_err(ImportError::Staging)
    }

    /// Rows whose fate is known, of those in `total`.
    pub fn progress(&self, done: u64) -> ImportProgress {
        ImportProgress::Applying { done, total: self.total }
    }

    /// Writes the rejects and answers the counts.
    pub fn close(self, out: &mut dyn Write) -> Result<Report, ImportError> {
        let report = Report {
            rejected: self.rejects.count(),
            findings: self.rejects.findings.clone(),
            ..self.report
        };
        self.rejects.write(&self.layout, out)?;
        Ok(report)
    }
}

/// Up to `limit` rows that lie next in order.
pub fn take_some(
    sorted: &mut Sorted,
    limit: usize,
) -> Result<Vec<super::sorted_spool::SpooledRow>, ImportError> {
    let mut some = Vec::with_capacity(limit.min(4096));
    while some.len() < limit {
        match sorted.next().map_err(ImportError::Staging)? {
            Some(entry) => some.push(entry),
            None => break,
        }
    }
    Ok(some)
}
