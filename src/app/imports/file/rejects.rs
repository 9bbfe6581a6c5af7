//! The rows that could not be taken, each with its line and reason, as CSV in the file's order.

use std::io::Write;

use super::{
    ImportError,
    findings::{Cause, DamageGroup, Findings},
    header::Layout,
    records::FileRecord,
    sorted_spool::SortedSpool,
};
use crate::domain::{Invalid, cell::harmless};

/// Collects rejects while the import goes on, and what else is seen in the rows.
#[derive(Default)]
pub struct Rejects {
    spool: SortedSpool,
    pub findings: Findings,
}

impl Rejects {
    pub fn count(&self) -> u64 {
        self.spool.count()
    }

    pub fn add(
        &mut self,
        layout: &Layout,
        record: &FileRecord,
        cause: Cause,
        why: &Invalid,
    ) -> Result<(), ImportError> {
        self.findings.reject(layout, record, cause, why);
        // Ordered by line: every key is the same.
        self.spool.push(b"", &why.0, record).map_err(ImportError::Staging)
    }

    /// Adds a row that a program has damaged.
    pub fn add_damaged(
        &mut self,
        layout: &Layout,
        record: &FileRecord,
        group: DamageGroup,
        why: &Invalid,
    ) -> Result<(), ImportError> {
        self.findings.damage(layout, record, group, why);
        self.add(layout, record, Cause::Damaged, why)
    }

    /// Writes all of them; nothing at all when there are none.
    pub fn write(self, layout: &Layout, out: &mut dyn Write) -> Result<(), ImportError> {
        if self.count() == 0 {
            return Ok(());
        }
        let failed = |e: csv::Error| ImportError::Rejects(e.into());
        let mut csv = csv::WriterBuilder::new().flexible(true).from_writer(out);
        csv.write_record(
            ["line", "reason"].into_iter().chain(layout.headings().iter().map(String::as_str)),
        )
        .map_err(failed)?;
        let mut sorted = self.spool.sorted().map_err(ImportError::Staging)?;
        while let Some(entry) = sorted.next().map_err(ImportError::Staging)? {
            csv.write_field(entry.record.line.to_string()).map_err(failed)?;
            csv.write_field(harmless(&entry.note).as_bytes()).map_err(failed)?;
            for cell in entry.record.cells() {
                csv.write_field(harmless(cell).as_bytes()).map_err(failed)?;
            }
            csv.write_record(None::<&[u8]>).map_err(failed)?;
        }
        csv.flush().map_err(ImportError::Rejects)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::imports::file::header::{FirstRecord, read_first},
        domain::import::ImportKind,
    };

    #[test]
    fn rejects_are_in_the_files_order_and_no_formula_runs() {
        let Ok(FirstRecord::Header(layout)) =
            read_first(ImportKind::Vouchers, &FileRecord::of(1, ["code", "pin"]), None)
        else {
            panic!("refused")
        };
        let mut rejects = Rejects::default();
        for (line, code) in [(7, "=1+1"), (3, "a \"b\""), (5, "-x")] {
            rejects
                .add(
                    &layout,
                    &FileRecord::of(line, [code, "1\n2"]),
                    Cause::Malformed,
                    &Invalid::because("no, it is bad"),
                )
                .unwrap_or_else(|e| panic!("{e}"));
        }
        let mut out = Vec::new();
        rejects.write(&layout, &mut out).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(
            String::from_utf8_lossy(&out),
            "line,reason,code,pin\n3,\"no, it is bad\",\"a \"\"b\"\"\",\"1\n2\"\n5,\"no, it is \
             bad\",'-x,\"1\n2\"\n7,\"no, it is bad\",'=1+1,\"1\n2\"\n"
        );
    }

    #[test]
    fn without_rejects_nothing_is_written() {
        let Ok(FirstRecord::Header(layout)) =
            read_first(ImportKind::Vouchers, &FileRecord::of(1, ["code"]), None)
        else {
            panic!("refused")
        };
        let mut out = Vec::new();
        Rejects::default().write(&layout, &mut out).unwrap_or_else(|e| panic!("{e}"));
        assert!(out.is_empty());
    }
}
