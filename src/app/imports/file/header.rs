//! The first line: which delimiter, which columns in which order, or none because the file is bare
//! codes.

use std::borrow::Cow;

use super::{heading, records::FileRecord};
use crate::domain::{
    Invalid, cell,
    import::{Column, Holds, ImportKind},
};

/// Where each column of the kind is found in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    kind: ImportKind,
    /// The file's own headings, in its order.
    headings: Vec<String>,
    /// Which of the kind's columns each of the file's columns is; none for one without a name.
    columns: Vec<Option<&'static Column>>,
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
pub fn delimiter_of(kind: ImportKind, firsts: &[(u8, FileRecord)], declared: Option<u8>) -> u8 {
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

fn column(kind: ImportKind, heading: &str) -> Option<&'static Column> {
    let heading = cell::reference(heading);
    let letters = || {
        heading.chars().map(|c| if matches!(c, ' ' | '-') { '_' } else { c.to_ascii_lowercase() })
    };
    kind.rules().columns.iter().find(|column| letters().eq(column.name.chars()))
}

/// Takes the first record as a header or, in a voucher file of one column, as the first code.
/// `second` is the row below it.
pub fn read_first(
    kind: ImportKind,
    first: &FileRecord,
    second: Option<&FileRecord>,
) -> Result<FirstRecord, Invalid> {
    if kind == ImportKind::Vouchers && first.filled() == 1 {
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
                columns: vec![kind.rules().columns.first()],
                is_bare: true,
            }));
        }
    }
    header(kind, first).map(FirstRecord::Header)
}

fn header(kind: ImportKind, first: &FileRecord) -> Result<Layout, Invalid> {
    let expected =
        || kind.rules().columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
    let mut columns: Vec<Option<&Column>> = Vec::with_capacity(first.filled());
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
            columns.push(None);
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
        if columns.contains(&Some(column)) {
            return Err(Invalid::because(format!("the column {} appears twice", column.name)));
        }
        columns.push(Some(column));
    }
    if let Some(missing) = kind
        .rules()
        .columns
        .iter()
        .find(|column| column.required && !columns.contains(&Some(*column)))
    {
        return Err(Invalid::because(format!(
            "the column {} is missing; the columns of a {} file are: {}",
            missing.name,
            kind.as_str(),
            expected()
        )));
    }
    if columns.iter().all(Option::is_none) {
        return Err(Invalid::because(format!(
            "the header has no column names; the columns of a {} file are: {}",
            kind.as_str(),
            expected()
        )));
    }
    Ok(Layout { kind, headings, columns, is_bare: false })
}

impl Layout {
    pub fn kind(&self) -> ImportKind {
        self.kind
    }

    /// The file's own headings, in its order.
    pub fn headings(&self) -> &[String] {
        &self.headings
    }

    /// The file's columns that have a name.
    pub fn columns(&self) -> impl Iterator<Item = &'static Column> {
        self.columns.iter().copied().flatten()
    }

    /// Whether the row has the form that its header promises. Cells that are left out at its end
    /// are empty ones.
    pub fn check(&self, record: &FileRecord) -> Result<(), Invalid> {
        if let Some(fault) = record.fault {
            return Err(Invalid::because(fault));
        }
        let filled = record.filled();
        if filled > self.columns.len() {
            let cells = if filled == 1 { "cell" } else { "cells" };
            return Err(Invalid::because(format!(
                "the row has {filled} {cells}, the header {}",
                self.columns.len()
            )));
        }
        let is_stray =
            |(column, cell): (&Option<_>, &str)| column.is_none() && !cell::text(cell).is_empty();
        match self.columns.iter().zip(record.cells()).position(is_stray) {
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
        (key.is_some() && key == self.kind.rules().columns.first()) || is_names
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
            .rules()
            .columns
            .first()
            .and_then(|key| self.columns.iter().position(|column| *column == Some(key)));
        record.cell(key.unwrap_or(0)).unwrap_or_default()
    }

    /// The value in the cell of that column, without what spreadsheets and shops put around it;
    /// empty where the row ends before it, `None` where the file does not have the column.
    pub fn cell<'r>(&self, record: &'r FileRecord, name: &str) -> Option<Cow<'r, str>> {
        let is_named = |column: &&Column| column.name == name;
        let (index, column) = self
            .columns
            .iter()
            .enumerate()
            .find_map(|(index, column)| Some((index, column.filter(is_named)?)))?;
        let cell = record.cell(index).unwrap_or_default();
        Some(match column.holds {
            Holds::Words => cell::text(cell),
            Holds::References | Holds::Values => cell::reference(cell),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(kind: ImportKind, cells: &[&str], below: Option<&str>) -> Result<FirstRecord, String> {
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
            first(ImportKind::Customers, &["First Name", "EMAIL ", "customer-id"], None)
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
            first(ImportKind::Vouchers, &["code", "colour"], None)
                .is_err_and(|e| e.contains("\"colour\""))
        );
        assert!(
            first(ImportKind::Vouchers, &["code", "pin", "Code"], None)
                .is_err_and(|e| e.contains("code appears twice"))
        );
        assert!(
            first(ImportKind::Redemptions, &["code", "order_id"], None)
                .is_err_and(|e| e.contains("redeemed_at is missing"))
        );
        assert!(
            first(ImportKind::Purges, &["\"\"", "''"], None)
                .is_err_and(|e| e.contains("has no column names"))
        );
    }

    #[test]
    fn one_column_without_header_is_codes() {
        assert!(matches!(
            first(ImportKind::Vouchers, &["AB-12"], Some("AB-13")),
            Ok(FirstRecord::Code(_))
        ));
        assert!(matches!(
            first(ImportKind::Vouchers, &["Code"], Some("AB-13")),
            Ok(FirstRecord::Header(_))
        ));
        assert!(first(ImportKind::Vouchers, &["coupon_code"], Some("AB-13")).is_err());
        assert!(first(ImportKind::Vouchers, &["pin"], Some("1234")).is_err());
    }
}
