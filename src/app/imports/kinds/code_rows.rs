//! Rows that name a coupon each, which come by the letters of its code: read and handed on, some at
//! a time.

use crate::{
    app::imports::{
        file::{
            rows::{FileRow, ParsedBar, ParsedRedemption},
            sorted_spool::{Sorted, SpooledRow},
            take_some,
        },
        job::Job,
        request::ImportError,
        tally::Tally,
    },
    domain::{Invalid, code::CouponCode},
};

/// How many rows are compared with what is stored at once.
pub const LOOKUP_ROWS: usize = 1_000;

/// A row that names a coupon.
pub trait CodeRow: Sized {
    fn read(row: &FileRow<'_>) -> Result<Self, Invalid>;
    fn code(&self) -> &CouponCode;
}

impl CodeRow for ParsedRedemption {
    fn read(row: &FileRow<'_>) -> Result<Self, Invalid> {
        row.redemption()
    }

    fn code(&self) -> &CouponCode {
        &self.code
    }
}

impl CodeRow for ParsedBar {
    fn read(row: &FileRow<'_>) -> Result<Self, Invalid> {
        row.bar()
    }

    fn code(&self) -> &CouponCode {
        &self.code
    }
}

/// Some rows, each as it stands in the file and as it is read. Never none.
pub struct CodeRows<T>(pub Vec<(SpooledRow, T)>);

impl<T: CodeRow> CodeRows<T> {
    pub fn codes(&self) -> Vec<CouponCode> {
        self.0.iter().map(|(_, row)| row.code().clone()).collect()
    }

    /// The letters of the first row's code. The rows before may have named that code, too: only
    /// there it is cut in two.
    pub fn first_letters(&self) -> String {
        self.0.first().map(|(_, row)| row.code().folded()).unwrap_or_default()
    }
}

/// Hands `work` all rows in order, some at a time, and tells the progress.
pub fn some_at_a_time<T: CodeRow>(
    job: &mut Job<'_, '_>,
    rows: &mut Sorted,
    tally: &mut Tally,
    mut work: impl FnMut(&Job<'_, '_>, &mut Tally, CodeRows<T>) -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    let mut done = 0;
    loop {
        let entries = take_some(rows, LOOKUP_ROWS)?;
        if entries.is_empty() {
            return Ok(());
        }
        done += entries.len() as u64;
        let mut some = Vec::with_capacity(entries.len());
        for entry in entries {
            let row = T::read(&FileRow {
                layout: &tally.layout,
                record: &entry.record,
                zone: job.request.merchant.zone,
            })?;
            some.push((entry, row));
        }
        work(job, tally, CodeRows(some))?;
        job.tell(tally.progress(done))?;
    }
}
