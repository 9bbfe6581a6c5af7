//! What was seen in a file's rows: the rejected ones by cause, and what is suspicious about those that can be taken.
//! A few rows of each kind stand for all of them, so that memory stays flat. Must not know words for people.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{header::Layout, records::Record, rows::Voucher};
use crate::domain::{Unfit, batch::Window, fold};

/// How many rows of a kind are kept as samples.
const SAMPLES: usize = 5;
/// The longest part of a cell that is kept.
const CELL: usize = 80;
/// A code that ends sooner than this is told of.
const A_YEAR: chrono::TimeDelta = chrono::TimeDelta::days(365);
/// A spreadsheet keeps so many digits of a number and makes zeros of the others.
const DIGITS: usize = 15;

/// Why a row cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The row's key is in the file already.
    Twice,
    /// The code is in another batch.
    Elsewhere,
    /// The row does not have the form that it should have.
    Malformed,
    /// A spreadsheet has made a number of it.
    Damaged,
    /// It does not go together with what is stored.
    Conflict,
}

/// A row that stands for others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    pub line: u64,
    /// The row's key as it stands in the file, shortened.
    pub cell: String,
    /// Why it was rejected; empty for rows that can be taken.
    pub reason: String,
}

/// How many rows, and the first of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub count: u64,
    pub samples: Vec<Sample>,
}

impl Tally {
    /// Rows come in any order; the samples are the first in the file.
    fn add(&mut self, line: u64, cell: &str, reason: &str) {
        self.count += 1;
        if self.samples.len() == SAMPLES && self.samples.last().is_some_and(|last| last.line < line) {
            return;
        }
        let mut shown: String = cell.chars().take(CELL).collect();
        if shown.len() < cell.len() {
            shown.push('…');
        }
        let at = self.samples.partition_point(|sample| sample.line < line);
        self.samples.insert(at, Sample { line, cell: shown, reason: reason.to_owned() });
        self.samples.truncate(SAMPLES);
    }
}

/// When codes end that end within a year.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ends {
    pub count: u64,
    /// In seconds since 1970.
    first: Option<i64>,
}

impl Ends {
    fn add(&mut self, at: DateTime<Utc>) {
        self.count += 1;
        let at = at.timestamp();
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
    }

    /// The first of these ends.
    pub fn first(&self) -> Option<DateTime<Utc>> {
        self.first.and_then(|at| DateTime::from_timestamp(at, 0))
    }
}

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Findings {
    pub rejected: BTreeMap<Cause, Tally>,
    /// New codes with white space or invisible characters around them.
    pub trimmed: Tally,
    /// New codes that could be handed out now, but for their start.
    pub usable: u64,
    /// New codes that end within a year, and those whose end is past.
    pub ends_soon: Ends,
    pub ended: Ends,
    /// New codes of digits only, by length.
    digits: BTreeMap<usize, Tally>,
    /// Of those, how many begin with a zero: then no program has taken zeros off.
    led_by_zero: u64,
    /// Of those, longer than a spreadsheet's number, and with nothing but zeros behind its digits.
    long: u64,
    rounded: Tally,
    /// All new codes by length.
    lengths: BTreeMap<usize, Tally>,
    /// Customer IDs that another customer has already, with another email address.
    pub second_addresses: Tally,
}

/// New codes that look as if a program had damaged them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Suspicion<'f> {
    /// Codes of digits that are shorter than most, which have `usual`.
    ZerosLost { usual: usize, shorter: u64, samples: Vec<&'f Sample> },
    /// Numbers whose digits behind the fifteenth are all zeros.
    Rounded(&'f Tally),
    /// Many codes have exactly this length, and none is longer.
    CutAt { length: usize, tally: &'f Tally },
}

impl Findings {
    pub(super) fn reject(&mut self, layout: &Layout, record: &Record, cause: Cause, why: &Unfit) {
        self.rejected.entry(cause).or_default().add(record.line, layout.key_cell(record), &why.0);
    }

    /// Notes a voucher that is new; `outer` is the batch's validity.
    pub(super) fn accept(&mut self, layout: &Layout, record: &Record, voucher: &Voucher, outer: Window, now: DateTime<Utc>) {
        let (code, line) = (voucher.code.as_str(), record.line);
        let raw = &*fold::nfc(layout.key_cell(record));
        if raw.len() != code.len() && raw.trim_start_matches('\'').len() != code.len() {
            self.trimmed.add(line, raw, "");
        }
        let length = code.chars().count();
        self.lengths.entry(length).or_default().add(line, code, "");
        if code.bytes().all(|byte| byte.is_ascii_digit()) {
            self.digits.entry(length).or_default().add(line, code, "");
            self.led_by_zero += u64::from(code.starts_with('0'));
            if length > DIGITS {
                self.long += 1;
                if code.bytes().skip(DIGITS).all(|byte| byte == b'0') {
                    self.rounded.add(line, code, "");
                }
            }
        }
        let window = Window { from: voucher.from, until: voucher.until }.within(outer);
        match window.until {
            Some(end) if end <= now => self.ended.add(end),
            Some(end) if end < now + A_YEAR => self.ends_soon.add(end),
            _ => {}
        }
        let spent = voucher.barred_reason.is_some() || voucher.redemptions > 0;
        self.usable += u64::from(!spent && !window.has_expired(now));
    }

    /// Notes a customer ID that another customer has already.
    pub(super) fn note_second_address(&mut self, line: u64, customer_id: &str) {
        self.second_addresses.add(line, customer_id, "");
    }

    /// What a person should look at before these codes are handed out.
    pub fn suspicions(&self) -> Vec<Suspicion<'_>> {
        [self.zeros_lost(), self.rounded(), self.cut()].into_iter().flatten().collect()
    }

    fn zeros_lost(&self) -> Option<Suspicion<'_>> {
        let (usual, most) = self.digits.iter().max_by_key(|(_, tally)| tally.count).map(|(length, tally)| (*length, tally.count))?;
        let all: u64 = self.digits.values().map(|tally| tally.count).sum();
        let shorter: Vec<&Tally> = self.digits.range(..usual).map(|(_, tally)| tally).collect();
        let count: u64 = shorter.iter().map(|tally| tally.count).sum();
        if count == 0 || most < 3 || most * 2 <= all || self.led_by_zero > 0 {
            return None;
        }
        let mut samples: Vec<&Sample> = shorter.iter().flat_map(|tally| &tally.samples).collect();
        samples.sort_by_key(|sample| sample.line);
        samples.truncate(SAMPLES);
        Some(Suspicion::ZerosLost { usual, shorter: count, samples })
    }

    /// One of sixteen digits may well end in a zero; all of them do not by chance.
    fn rounded(&self) -> Option<Suspicion<'_>> {
        (self.rounded.count >= 2 && self.rounded.count == self.long).then_some(Suspicion::Rounded(&self.rounded))
    }

    /// Codes of many lengths that pile up at the longest.
    fn cut(&self) -> Option<Suspicion<'_>> {
        let (length, tally) = self.lengths.last_key_value()?;
        let next = self.lengths.range(..length).map(|(_, tally)| tally.count).max().unwrap_or(0);
        let cell_is_full = *length == 255 && tally.count >= 2;
        let piled_up = *length >= DIGITS && self.lengths.len() >= 4 && tally.count >= 5 && tally.count >= 3 * next;
        (cell_is_full || piled_up).then_some(Suspicion::CutAt { length: *length, tally })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        header::{First, read_first},
        kind::Kind,
        rows::Row,
    };
    use super::*;

    fn seen(codes: &[&str]) -> Findings {
        let Ok(First::Header(layout)) = read_first(Kind::Vouchers, &Record::of(1, ["code"]), None) else { panic!("refused") };
        let mut findings = Findings::default();
        let now = DateTime::<Utc>::UNIX_EPOCH;
        for (code, line) in codes.iter().zip(2..) {
            let record = Record::of(line, [*code]);
            let row = Row { layout: &layout, record: &record, zone: chrono_tz::UTC };
            let voucher = row.voucher(1).unwrap_or_else(|e| panic!("{e}"));
            findings.accept(&layout, &record, &voucher, Window { from: None, until: None }, now);
        }
        findings
    }

    #[test]
    fn lost_zeros_are_seen_only_where_no_zero_leads() {
        let findings = seen(&["123456", "234567", "345678", "45678", "5678"]);
        let [Suspicion::ZerosLost { usual: 6, shorter: 2, samples }] = &findings.suspicions()[..] else { panic!("{findings:?}") };
        assert_eq!(samples.iter().map(|sample| (sample.line, sample.cell.as_str())).collect::<Vec<_>>(), [(5, "45678"), (6, "5678")]);
        for quiet in
            [&["123456", "234567", "345678", "012345", "5678"][..], &["123456", "234567", "ABCD", "ABC"], &["123", "1234", "12345"]]
        {
            assert_eq!(seen(quiet).suspicions(), [], "{quiet:?}");
        }
    }

    #[test]
    fn rounded_numbers_are_seen_when_all_long_ones_are() {
        let rounded = seen(&["1234567890123450", "2234567890123460", "ABC"]);
        assert!(matches!(&rounded.suspicions()[..], [Suspicion::Rounded(tally)] if tally.count == 2));
        assert_eq!(seen(&["1234567890123450", "2234567890123461", "3234567890123462"]).suspicions(), []);
    }

    #[test]
    fn codes_that_pile_up_at_the_longest_are_seen() {
        let long = "x".repeat(254);
        assert!(matches!(
            seen(&[&format!("{long}a"), &format!("{long}b"), "short"]).suspicions()[..],
            [Suspicion::CutAt { length: 255, .. }]
        ));
        let all_alike: Vec<String> = (0..50).map(|n| format!("ABCDEFGHIJKLMNO-{n:04}")).collect();
        assert_eq!(seen(&all_alike.iter().map(String::as_str).collect::<Vec<_>>()).suspicions(), []);
        let cut: Vec<String> = (0..9).map(|n| format!("ABCDEFGHIJKLMNO{n}")).chain(["AB1", "ABC2", "ABCD3"].map(Into::into)).collect();
        assert!(matches!(
            seen(&cut.iter().map(String::as_str).collect::<Vec<_>>()).suspicions()[..],
            [Suspicion::CutAt { length: 16, .. }]
        ));
    }

    #[test]
    fn samples_are_the_first_of_the_file_whatever_order_they_come_in() {
        let mut tally = Tally::default();
        for line in [9, 3, 7, 1, 8, 2, 6] {
            tally.add(line, &"é".repeat(100), "no");
        }
        assert_eq!((tally.count, tally.samples.iter().map(|s| s.line).collect::<Vec<_>>()), (7, vec![1, 2, 3, 6, 7]));
        assert_eq!(tally.samples[0].cell.chars().count(), CELL + 1);
    }
}
