//! The first line: which delimiter, which columns in which order, or none because the file is bare codes.
//! Must not know what the cells mean.

use super::{
    heading,
    kind::{Column, Kind},
    records::Record,
};
use crate::domain::Unfit;

/// Where each column of the kind is found in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    kind: Kind,
    /// The file's own headings, in its order.
    headings: Vec<String>,
    /// For each of the file's columns, its name in the contract.
    names: Vec<&'static str>,
}

/// What the first record turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub enum First {
    Header(Layout),
    /// A code already: the file has one column and no header.
    Code(Layout),
}

/// The delimiter under which the first record names the most known columns; where none does, has the most cells.
pub fn delimiter_of(kind: Kind, firsts: &[(u8, Record)]) -> u8 {
    let mut best = (b',', 0, 0);
    for (delimiter, record) in firsts {
        let known = record.cells().filter(|cell| column(kind, cell).is_some()).count();
        if (known, record.len()) > (best.1, best.2) {
            best = (*delimiter, known, record.len());
        }
    }
    best.0
}

fn normalised(heading: &str) -> String {
    heading.trim().to_lowercase().replace([' ', '-'], "_")
}

fn column(kind: Kind, heading: &str) -> Option<&'static Column> {
    let wanted = normalised(heading);
    kind.columns().iter().find(|column| column.name == wanted)
}

/// Takes the first record as a header or, in a voucher file of one column, as the first code. `second` is the row below it.
pub fn read_first(kind: Kind, first: &Record, second: Option<&Record>) -> Result<First, Unfit> {
    if kind == Kind::Vouchers && first.len() == 1 {
        let cell = first.cell(0).unwrap_or_default();
        let below = second.filter(|record| record.len() == 1).and_then(|record| record.cell(0));
        if column(kind, cell).is_none() {
            if heading::looks_like_one(cell, below) {
                return Err(Unfit::because(format!(
                    "the first line, {:?}, looks like a heading that is not known; call the column code, or remove the line",
                    cell.trim()
                )));
            }
            return Ok(First::Code(Layout { kind, headings: vec!["code".into()], names: vec!["code"] }));
        }
    }
    header(kind, first).map(First::Header)
}

fn header(kind: Kind, first: &Record) -> Result<Layout, Unfit> {
    let expected = || kind.columns().iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
    let mut names = Vec::with_capacity(first.len());
    if let Some(fault) = first.fault {
        return Err(Unfit::because(format!("the header cannot be read: {fault}")));
    }
    for (index, heading) in first.cells().enumerate() {
        let Some(column) = column(kind, heading) else {
            let shown: String = heading.trim().chars().take(60).collect();
            return Err(Unfit::because(if shown.is_empty() {
                format!("column {} has no name; the columns of a {} file are: {}", index + 1, kind.as_str(), expected())
            } else {
                format!("the column {shown:?} is not known; the columns of a {} file are: {}", kind.as_str(), expected())
            }));
        };
        if names.contains(&column.name) {
            return Err(Unfit::because(format!("the column {} is there twice", column.name)));
        }
        names.push(column.name);
    }
    if let Some(missing) = kind.columns().iter().find(|column| column.required && !names.contains(&column.name)) {
        return Err(Unfit::because(format!(
            "the column {} is missing; the columns of a {} file are: {}",
            missing.name,
            kind.as_str(),
            expected()
        )));
    }
    Ok(Layout { kind, headings: first.cells().map(|heading| heading.trim().to_owned()).collect(), names })
}

impl Layout {
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The file's own headings, in its order.
    pub fn headings(&self) -> &[String] {
        &self.headings
    }

    /// Columns of the file that hold references: codes and numbers that must survive a spreadsheet.
    pub fn references(&self) -> impl Iterator<Item = &'static str> {
        self.names.iter().copied().filter(|name| matches!(*name, "code" | "pin" | "customer_id" | "reward_id" | "order_id"))
    }

    /// Whether the row has the form that its header promises.
    pub fn check(&self, record: &Record) -> Result<(), Unfit> {
        if let Some(fault) = record.fault {
            return Err(Unfit::because(fault));
        }
        let cells = |n: usize| format!("{n} {}", if n == 1 { "cell" } else { "cells" });
        if record.len() == self.names.len() {
            Ok(())
        } else {
            Err(Unfit::because(format!("the row has {}, the header {}", cells(record.len()), self.names.len())))
        }
    }

    /// The row's key as it stands in the file: its code, address or number. Else its first cell.
    pub fn key_cell<'r>(&self, record: &'r Record) -> &'r str {
        let key = self.kind.columns().first().and_then(|key| self.names.iter().position(|name| *name == key.name));
        record.cell(key.unwrap_or(0)).unwrap_or_default()
    }

    /// The cell of that column, trimmed; `None` where the file does not have the column.
    ///
    /// A leading apostrophe that only keeps a spreadsheet from running a formula is not part of the value:
    /// our own rejects files put it there, and so do spreadsheets.
    pub fn cell<'r>(&self, record: &'r Record, name: &str) -> Option<&'r str> {
        let index = self.names.iter().position(|n| *n == name)?;
        let cell = record.cell(index)?;
        let bare = cell.strip_prefix('\'').filter(|rest| rest.starts_with(super::rejects::FORMULA)).unwrap_or(cell);
        Some(bare.trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(kind: Kind, cells: &[&str], below: Option<&str>) -> Result<First, String> {
        read_first(kind, &Record::of(1, cells.iter().copied()), below.map(|code| Record::of(2, [code])).as_ref()).map_err(|e| e.0)
    }

    #[test]
    fn columns_come_in_any_order_and_dress() {
        let Ok(First::Header(layout)) = first(Kind::Customers, &["First Name", "EMAIL ", "customer-id"], None) else {
            panic!("the header was refused")
        };
        assert_eq!(layout.cell(&Record::of(2, ["Jo", " jo@x.example", "'=1"]), "email"), Some("jo@x.example"));
        assert_eq!(layout.cell(&Record::of(2, ["Jo", "x", "'=1"]), "customer_id"), Some("=1"));
        assert_eq!(layout.cell(&Record::of(2, ["Jo", "x", "'t Hart"]), "customer_id"), Some("'t Hart"));
        assert_eq!(layout.cell(&Record::of(2, ["Jo", "x", "y"]), "locale"), None);
    }

    #[test]
    fn unknown_twice_and_missing_columns_are_named() {
        assert!(first(Kind::Vouchers, &["code", "colour"], None).is_err_and(|e| e.contains("\"colour\"")));
        assert!(first(Kind::Vouchers, &["code", "pin", "Code"], None).is_err_and(|e| e.contains("code is there twice")));
        assert!(first(Kind::Redemptions, &["code", "order_id"], None).is_err_and(|e| e.contains("redeemed_at is missing")));
        assert!(first(Kind::Vouchers, &["code", ""], None).is_err_and(|e| e.contains("column 2 has no name")));
    }

    #[test]
    fn one_column_without_header_is_codes() {
        assert!(matches!(first(Kind::Vouchers, &["AB-12"], Some("AB-13")), Ok(First::Code(_))));
        assert!(matches!(first(Kind::Vouchers, &["Code"], Some("AB-13")), Ok(First::Header(_))));
        assert!(first(Kind::Vouchers, &["coupon_code"], Some("AB-13")).is_err());
        assert!(first(Kind::Vouchers, &["pin"], Some("1234")).is_err());
    }
}
