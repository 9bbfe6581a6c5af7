//! What becomes of a file's rows: counted, and what was seen in them. Those that could not be taken
//! are kept with their reasons and written as CSV, in the file's order.

use std::io::Write;

use super::{
    file::{
        header::Layout,
        records::FileRecord,
        sorted_spool::{Sorted, SortedSpool},
    },
    findings::{Cause, DamageGroup, Findings, SeenRow},
    request::{ImportError, ImportProgress},
};
use crate::domain::{Invalid, cell::harmless, ids::AuditId};

/// What became of the file's rows: `new + updated + unchanged + rejected = rows`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    pub rows: u64,
    pub new: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub rejected: u64,
    /// Coupons that a rejected rewards row claims: barred, since somebody may hold them.
    pub taken_out_of_stock: u64,
    /// The audit record of the import, when it brought something.
    pub record: Option<AuditId>,
    /// What was seen in the rows.
    pub findings: Findings,
}

impl Report {
    /// Rows that are in the database now.
    pub fn accepted(&self) -> u64 {
        self.new + self.updated + self.unchanged
    }

    /// The import changed nothing, and found nothing that was there already.
    pub fn is_of_nothing(&self) -> bool {
        self.accepted() == 0 && self.taken_out_of_stock == 0
    }
}

/// What has become of the rows so far.
pub struct Tally {
    pub layout: Layout,
    pub report: Report,
    /// How many rows are good enough to be compared with what is stored.
    pub total: u64,
    rejects: SortedSpool,
    claims: SortedSpool,
}

impl Tally {
    pub fn new(layout: Layout) -> Self {
        Self {
            layout,
            report: Report::default(),
            total: 0,
            rejects: SortedSpool::default(),
            claims: SortedSpool::default(),
        }
    }

    pub fn reject(
        &mut self,
        record: &FileRecord,
        cause: Cause,
        why: &Invalid,
    ) -> Result<(), ImportError> {
        let cell = self.layout.key_cell(record);
        let row = SeenRow { line: record.line, cell, reason: &why.0 };
        self.report.findings.reject(cause, row);
        self.report.rejected += 1;
        // Ordered by line: every key is the same.
        self.rejects.push(b"", &why.0, record).map_err(ImportError::Staging)
    }

    /// Rejects a row that a program has damaged.
    pub fn reject_damaged(
        &mut self,
        record: &FileRecord,
        group: DamageGroup,
        why: &Invalid,
    ) -> Result<(), ImportError> {
        let cell = self.layout.key_cell(record);
        self.report.findings.damage(group, SeenRow { line: record.line, cell, reason: &why.0 });
        self.reject(record, Cause::Damaged, why)
    }

    /// Keeps the code that a rejected rewards row claims.
    pub fn claim(&mut self, record: &FileRecord) -> Result<(), ImportError> {
        self.claims.push(b"", "", record).map_err(ImportError::Staging)
    }

    pub fn has_claims(&self) -> bool {
        self.claims.count() > 0
    }

    /// The rejected rows that claim a code, by line.
    pub fn claims(&mut self) -> Result<Sorted, ImportError> {
        std::mem::take(&mut self.claims).sorted().map_err(ImportError::Staging)
    }

    /// Rows whose fate is known, of those in `total`.
    pub fn progress(&self, done: u64) -> ImportProgress {
        ImportProgress::Applying { done, total: self.total }
    }

    /// Writes the rejects, nothing at all when there are none, and answers the counts.
    pub fn close(self, out: &mut dyn Write) -> Result<Report, ImportError> {
        let Self { layout, report, rejects, .. } = self;
        if report.rejected == 0 {
            return Ok(report);
        }
        let failed = |e: csv::Error| ImportError::Rejects(e.into());
        let mut csv = csv::WriterBuilder::new().flexible(true).from_writer(out);
        csv.write_record(
            ["line", "reason"].into_iter().chain(layout.headings().iter().map(String::as_str)),
        )
        .map_err(failed)?;
        let mut sorted = rejects.sorted().map_err(ImportError::Staging)?;
        while let Some(entry) = sorted.next().map_err(ImportError::Staging)? {
            csv.write_field(entry.record.line.to_string()).map_err(failed)?;
            csv.write_field(harmless(&entry.note).as_bytes()).map_err(failed)?;
            for cell in entry.record.cells() {
                csv.write_field(harmless(cell).as_bytes()).map_err(failed)?;
            }
            csv.write_record(None::<&[u8]>).map_err(failed)?;
        }
        csv.flush().map_err(ImportError::Rejects)?;
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::imports::file::header::{FirstRecord, read_first},
        domain::import::ImportKind,
    };

    fn tally(header: &[&str]) -> Tally {
        let Ok(FirstRecord::Header(layout)) =
            read_first(ImportKind::Vouchers, &FileRecord::of(1, header.iter().copied()), None)
        else {
            panic!("refused")
        };
        Tally::new(layout)
    }

    #[test]
    fn rejects_are_in_the_files_order_and_no_formula_runs() {
        let mut tally = tally(&["code", "pin"]);
        for (line, code) in [(7, "=1+1"), (3, "a \"b\""), (5, "-x")] {
            tally
                .reject(
                    &FileRecord::of(line, [code, "1\n2"]),
                    Cause::Malformed,
                    &Invalid::because("no, it is bad"),
                )
                .unwrap_or_else(|e| panic!("{e}"));
        }
        let mut out = Vec::new();
        tally.close(&mut out).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(
            String::from_utf8_lossy(&out),
            "line,reason,code,pin\n3,\"no, it is bad\",\"a \"\"b\"\"\",\"1\n2\"\n5,\"no, it is \
             bad\",'-x,\"1\n2\"\n7,\"no, it is bad\",'=1+1,\"1\n2\"\n"
        );
    }

    #[test]
    fn without_rejects_nothing_is_written() {
        let mut out = Vec::new();
        tally(&["code"]).close(&mut out).unwrap_or_else(|e| panic!("{e}"));
        assert!(out.is_empty());
    }
}
