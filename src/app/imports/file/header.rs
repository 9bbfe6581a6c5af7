//! The first line: which delimiter, which columns in which order, or none because the file is bare
//! codes.

use std::borrow::Cow;

use super::{
    heading,
    kind::{Column, FileKind, holds_words},
    records::FileRecord,
};
use crate::domain::{Invalid, cell};

/// Where each column of the kind is found in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    kind: FileKind,
    /// The file's own headings, in its order.
    headings: Vec<String>,
    /// For each of the file's columns, its name in the contract; empty for a column without a name.
    names: Vec<&'static str>,
    /// Whether the file has no header.
    is_bare: bool,
}

/// What the first record turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub enum FirstRecord {
    Header(Layout),
    /// A code already: the file has one column and no header.
    Code(Layout),
}

/// The delimiter under which the first record names the most known columns; where none does, the
/// one that the file declares; where it declares none, the one that makes the most cells.
pub fn delimiter_of(kind: FileKind, firsts: &[(u8, FileRecord)], declared: Option<u8>) -> u8 {
    let mut best = (b',', 0, 0);
    for (delimiter, record) in firsts {
        let known = record.cells().filter(|cell| column(kind, cell).is_some()).count();
        let cells = if declared == Some(*delimiter) { usize::MAX } else { record.len() };
        if (known, cells) > (best.1, best.2) {
            best = (*delimiter, known, cells);
        }
    }
    best.0
}

fn column(kind: FileKind, heading: &str) -> Option<&'static Column> {
    let heading = cell::reference(heading);
    let letters = || {
        heading.chars().map(|c| if matches!(c, ' ' | '-') { '_' } else { c.to_ascii_lowercase() })
    };
    kind.columns().iter().find(|column| letters().eq(column.name.chars()))
}

/// Takes the first record as a header or, in a voucher file of one column, as the first code.
/// `second` is the row below it.
pub fn read_first(
    kind: FileKind,
    first: &FileRecord,
    second: Option<&FileRecord>,
) -> Result<FirstRecord, Invalid> {
    if kind == FileKind::Vouchers && first.filled() == 1 {
        let code = cell::reference(first.cell(0).unwrap_or_default());
        let below = second
            .filter(|record| record.filled() == 1)
            .and_then(|record| record.cell(0))
            .map(cell::reference);
        if column(kind, &code).is_none() {
            if heading::looks_like_one(&code, below.as_deref()) {
                return Err(Invalid::because(format!(
                    "the first line, {code:?}, looks like an unknown heading; name the column \
                     code, or remove the line"
                )));
            }
            return Ok(FirstRecord::Code(Layout {
                kind,
                headings: vec!["code".into()],
                names: vec!["code"],
                is_bare: true,
            }));
        }
    }
    header(kind, first).map(FirstRecord::Header)
}

fn header(kind: FileKind, first: &FileRecord) -> Result<Layout, Invalid> {
    let expected =
        || kind.columns().iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
    let mut names = Vec::with_capacity(first.filled());
    if let Some(fault) = first.fault {
        return Err(Invalid::because(format!("the header can't be read: {fault}")));
    }
    let headings: Vec<String> = first
        .cells()
        .take(first.filled())
        .map(|heading| cell::reference(heading).into_owned())
        .collect();
    for heading in &headings {
        if heading.is_empty() {
            // A column that was emptied once; what is in it is judged row by row.
            names.push("");
            continue;
        }
        let Some(column) = column(kind, heading) else {
            let shown: String = heading.chars().take(60).collect();
            return Err(Invalid::because(format!(
                "the column {shown:?} is unknown; the columns of a {} file are: {}",
                kind.as_str(),
                expected()
            )));
        };
        if names.contains(&column.name) {
            return Err(Invalid::because(format!("the column {} appears twice", column.name)));
        }
        names.push(column.name);
    }
    if let Some(missing) =
        kind.columns().iter().find(|column| column.required && !names.contains(&column.name))
    {
        return Err(Invalid::because(format!(
            "the column {} is missing; the columns of a {} file are: {}",
            missing.name,
            kind.as_str(),
            expected()
        )));
    }
    if names.iter().all(|name| name.is_empty()) {
        return Err(Invalid::because(format!(
            "the header has no column names; the columns of a {} file are: {}",
            kind.as_str(),
            expected()
        )));
    }
    Ok(Layout { kind, headings, names, is_bare: false })
}

impl Layout {
    pub fn kind(&self) -> FileKind {
        self.kind
    }

    /// The file's own headings, in its order.
    pub fn headings(&self) -> &[String] {
        &self.headings
    }

    /// The file's columns that have a name.
    pub fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.names.iter().copied().filter(|name| !name.is_empty())
    }

    /// Whether a row can do nothing without this column.
    pub fn is_required(&self, name: &str) -> bool {
        self.kind.columns().iter().any(|column| column.required && column.name == name)
    }

    /// Whether the row has the form that its header promises. Cells that are left out at its end
    /// are empty ones.
    pub fn check(&self, record: &FileRecord) -> Result<(), Invalid> {
        if let Some(fault) = record.fault {
            return Err(Invalid::because(fault));
        }
        let filled = record.filled();
        if filled > self.names.len() {
            let cells = if filled == 1 { "cell" } else { "cells" };
            return Err(Invalid::because(format!(
                "the row has {filled} {cells}, the header {}",
                self.names.len()
            )));
        }
        let is_stray =
            |(name, cell): (&&str, &str)| name.is_empty() && !cell::text(cell).is_empty();
        match self.names.iter().zip(record.cells()).position(is_stray) {
            Some(index) => Err(Invalid::because(format!(
                "this row has something in column {}, which has no name in the header",
                index + 1
            ))),
            None => Ok(()),
        }
    }

    /// Whether the row is a heading again: exports that are made page by page, and files that are
    /// joined, repeat it. It has nothing but names of columns, or such a name where a row has its
    /// key.
    pub fn is_repeated_by(&self, record: &FileRecord) -> bool {
        if record.fault.is_some() {
            return false;
        }
        if self.is_bare
            && record.filled() == 1
            && heading::is_known(&cell::reference(self.key_cell(record)))
        {
            return true;
        }
        let key = column(self.kind, self.key_cell(record));
        let mut cells = record.cells().map(cell::text).filter(|cell| !cell.is_empty()).peekable();
        let is_names =
            cells.peek().is_some() && cells.all(|cell| column(self.kind, &cell).is_some());
        (key.is_some() && key == self.kind.columns().first()) || is_names
    }

    /// Why such a row is no row.
    pub fn why_repeated(&self) -> Invalid {
        Invalid::because(if self.is_bare {
            "this looks like a heading, not a code; if it is a code, add the heading code as the \
             first line of the file"
        } else {
            "this row repeats the heading; remove the line"
        })
    }

    /// The row's key as it stands in the file: its code, address or number. Else its first cell.
    pub fn key_cell<'r>(&self, record: &'r FileRecord) -> &'r str {
        let key = self
            .kind
            .columns()
            .first()
            .and_then(|key| self.names.iter().position(|name| *name == key.name));
        record.cell(key.unwrap_or(0)).unwrap_or_default()
    }

    /// The value in the cell of that column, without what spreadsheets and shops put around it;
    /// empty where the row ends before it, `None` where the file does not have the column.
    pub fn cell<'r>(&self, record: &'r FileRecord, name: &str) -> Option<Cow<'r, str>> {
        let index = self.names.iter().position(|n| *n == name)?;
        let cell = record.cell(index).unwrap_or_default();
        Some(if holds_words(name) { cell::text(cell) } else { cell::reference(cell) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(kind: FileKind, cells: &[&str], below: Option<&str>) -> Result<FirstRecord, String> {
        read_first(
            kind,
            &FileRecord::of(1, cells.iter().copied()),
            below.map(|code| FileRecord::of(2, [code])).as_ref(),
        )
        .map_err(|e| e.0)
    }

    #[test]
    fn columns_come_in_any_order_and_dress() {
        let Ok(FirstRecord::Header(layout)) =
            first(FileKind::Customers, &["First Name", "EMAIL ", "customer-id"], None)
        else {
            panic!("the header was refused")
        };
        assert_eq!(
            layout.cell(&FileRecord::of(2, ["Jo", " jo@x.example", "'=1"]), "email"),
            Some("jo@x.example".into())
        );
        assert_eq!(
            layout.cell(&FileRecord::of(2, ["Jo", "x", "'=1"]), "customer_id"),
            Some("=1".into())
        );
        assert_eq!(
            layout.cell(&FileRecord::of(2, ["Jo", "x", "'t Hart"]), "customer_id"),
            Some("'t Hart".into())
        );
        assert_eq!(layout.cell(&FileRecord::of(2, ["Jo", "x", "y"]), "locale"), None);
    }

    #[test]
    fn unknown_twice_and_missing_columns_are_named() {
        assert!(
            first(FileKind::Vouchers, &["code", "colour"], None)
                .is_err_and(|e| e.contains("\"colour\""))
        );
        assert!(
            first(FileKind::Vouchers, &["code", "pin", "Code"], None)
                .is_err_and(|e| e.contains("code appears twice"))
        );
        assert!(
            first(FileKind::Redemptions, &["code", "order_id"], None)
                .is_err_and(|e| e.contains("redeemed_at is missing"))
        );
        assert!(
            first(FileKind::Purges, &["\"\"", "''"], None)
                .is_err_and(|e| e.contains("has no column names"))
        );
    }

    #[test]
    fn one_column_without_header_is_codes() {
        assert!(matches!(
            first(FileKind::Vouchers, &["AB-12"], Some("AB-13")),
            Ok(FirstRecord::Code(_))
        ));
        assert!(matches!(
            first(FileKind::Vouchers, &["Code"], Some("AB-13")),
            Ok(FirstRecord::Header(_))
        ));
        assert!(first(FileKind::Vouchers, &["coupon_code"], Some("AB-13")).is_err());
        assert!(first(FileKind::Vouchers, &["pin"], Some("1234")).is_err());
    }
}
