//! What was seen in a file's rows: the rejected ones by cause, and what is suspicious about those
//! that can be taken. A few rows of each kind stand for all of them, so that memory stays flat.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{batch::Window, cell, damage::Damage, fold, invisible};

/// How many rows of a kind are kept as samples.
const MAX_SAMPLES: usize = 5;
/// The longest part of a cell that is kept.
const MAX_CELL_CHARS: usize = 80;
/// A code that ends sooner than this is reported.
const A_YEAR: chrono::TimeDelta = chrono::TimeDelta::days(365);
/// A spreadsheet keeps so many digits of a number and makes zeros of the others.
const MAX_EXACT_DIGITS: usize = 15;

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
    /// A program has left something else in the place of a value, or a heading in the place of a
    /// row.
    Damaged,
    /// It does not go together with what is stored.
    Conflict,
}

/// What a program has left in damaged rows; a part of [`Cause::Damaged`], which is all that earlier
/// versions know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DamageGroup {
    /// The heading again.
    Heading,
    Formula,
    ErrorValue,
    /// A word for no value.
    NoValue,
    /// A number that was a code.
    Number,
    /// Characters inside a code that nobody sees.
    Invisible,
}

impl From<Damage> for DamageGroup {
    fn from(damage: Damage) -> Self {
        match damage {
            Damage::Formula => Self::Formula,
            Damage::ErrorValue => Self::ErrorValue,
            Damage::NoValue => Self::NoValue,
            Damage::Exponent | Damage::Decimals | Damage::Grouped => Self::Number,
        }
    }
}

/// A row that stands for others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowSample {
    pub line: u64,
    /// The row's key as it stands in the file, shortened.
    pub cell: String,
    /// Why it was rejected; empty for rows that can be taken.
    pub reason: String,
}

/// A row about to be noted.
#[derive(Clone, Copy)]
pub(super) struct SeenRow<'r> {
    pub line: u64,
    /// Its key as it is in the file.
    pub cell: &'r str,
    pub reason: &'r str,
}

/// A voucher that is new.
#[derive(Clone, Copy)]
pub(super) struct NewVoucher<'r> {
    pub line: u64,
    /// The code's cell as it is in the file.
    pub cell: &'r str,
    pub code: &'r str,
    /// When the code can be used: by its row and by its batch.
    pub window: Window,
    /// It is barred, or was used.
    pub is_spent: bool,
}

/// How many rows, and the first of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampledCount {
    pub count: u64,
    pub samples: Vec<RowSample>,
}

impl SampledCount {
    /// Rows come in any order; the samples are the first in the file.
    fn add(&mut self, SeenRow { line, cell, reason }: SeenRow<'_>) {
        self.count += 1;
        if self.samples.len() == MAX_SAMPLES
            && self.samples.last().is_some_and(|last| last.line < line)
        {
            return;
        }
        let mut shown: String = cell.chars().take(MAX_CELL_CHARS).collect();
        if shown.len() < cell.len() {
            shown.push('…');
        }
        let at = self.samples.partition_point(|sample| sample.line < line);
        self.samples.insert(at, RowSample { line, cell: shown, reason: reason.to_owned() });
        self.samples.truncate(MAX_SAMPLES);
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
    pub rejected: BTreeMap<Cause, SampledCount>,
    /// The damaged ones of them, by what a program has left there.
    pub damaged: BTreeMap<DamageGroup, SampledCount>,
    /// New codes with white space around them.
    pub trimmed: SampledCount,
    /// New codes with invisible characters around them.
    pub unseen: SampledCount,
    /// New codes in a formula or in quotes.
    pub wrapped: SampledCount,
    /// New codes that could be handed out now, but for their start.
    pub usable: u64,
    /// New codes that end within a year, and those whose end is past.
    pub ends_soon: Ends,
    pub ended: Ends,
    /// New codes of digits only, by length.
    digits: BTreeMap<usize, SampledCount>,
    /// Of those, how many begin with a zero: then no program has taken zeros off.
    led_by_zero: u64,
    /// Of those, longer than a spreadsheet's number, and with nothing but zeros after its digits.
    long: u64,
    rounded: SampledCount,
    /// New codes that look as a spreadsheet writes a date.
    dates: SampledCount,
    /// All new codes by length.
    lengths: BTreeMap<usize, SampledCount>,
    /// Customer IDs that another customer has already, with another email address.
    pub second_addresses: SampledCount,
}

/// New codes that look as if a program had damaged them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Suspicion<'f> {
    /// Codes of digits that are shorter than most, which have `usual`.
    ZerosLost { usual: usize, shorter: u64, samples: Vec<&'f RowSample> },
    /// Numbers whose digits after the fifteenth are all zeros.
    Rounded(&'f SampledCount),
    /// Codes that look as a spreadsheet writes a date.
    Dates(&'f SampledCount),
    /// Many codes have exactly this length, and none is longer.
    CutAt { length: usize, tally: &'f SampledCount },
}

impl Findings {
    pub(super) fn reject(&mut self, cause: Cause, row: SeenRow<'_>) {
        self.rejected.entry(cause).or_default().add(row);
    }

    pub(super) fn damage(&mut self, group: DamageGroup, row: SeenRow<'_>) {
        self.damaged.entry(group).or_default().add(row);
    }

    /// Notes a voucher that is new.
    pub(super) fn accept(&mut self, voucher: &NewVoucher<'_>, now: DateTime<Utc>) {
        let NewVoucher { line, cell, code, window, is_spent } = *voucher;
        let row = SeenRow { line, cell: code, reason: "" };
        self.look_around(SeenRow { cell: &fold::nfc(cell), ..row }, code);
        if looks_like_a_date(code) {
            self.dates.add(row);
        }
        let length = code.chars().count();
        self.lengths.entry(length).or_default().add(row);
        if code.bytes().all(|byte| byte.is_ascii_digit()) {
            self.digits.entry(length).or_default().add(row);
            self.led_by_zero += u64::from(code.starts_with('0'));
            if length > MAX_EXACT_DIGITS {
                self.long += 1;
                if code.bytes().skip(MAX_EXACT_DIGITS).all(|byte| byte == b'0') {
                    self.rounded.add(row);
                }
            }
        }
        match window.until {
            Some(end) if end <= now => self.ended.add(end),
            Some(end) if end < now + A_YEAR => self.ends_soon.add(end),
            _ => {}
        }
        self.usable += u64::from(!is_spent && !window.has_expired(now));
    }

    /// Notes a customer ID that another customer has already.
    pub(super) fn note_second_address(&mut self, line: u64, customer_id: &str) {
        self.second_addresses.add(SeenRow { line, cell: customer_id, reason: "" });
    }

    /// Notes what was around a code in its cell.
    fn look_around(&mut self, row: SeenRow<'_>, code: &str) {
        let raw = row.cell;
        if raw.len() == code.len() {
            return;
        }
        let inner = invisible::trimmed(raw);
        let is_seen = |c: char| c.is_whitespace() || c.is_control();
        if raw.trim_matches(is_seen).len() > inner.len() {
            self.unseen.add(row);
        } else if raw.len() > inner.len() {
            self.trimmed.add(row);
        }
        // What our own files put in front of a code is nothing to speak of.
        if inner != code && inner != cell::harmless(code) {
            self.wrapped.add(row);
        }
    }

    /// What a person should look at before these codes are handed out.
    pub fn suspicions(&self) -> Vec<Suspicion<'_>> {
        [self.zeros_lost(), self.rounded(), self.dated(), self.cut()]
            .into_iter()
            .flatten()
            .collect()
    }

    fn zeros_lost(&self) -> Option<Suspicion<'_>> {
        let (usual, most) = self
            .digits
            .iter()
            .max_by_key(|(_, tally)| tally.count)
            .map(|(length, tally)| (*length, tally.count))?;
        let all: u64 = self.digits.values().map(|tally| tally.count).sum();
        let shorter: Vec<&SampledCount> =
            self.digits.range(..usual).map(|(_, tally)| tally).collect();
        let count: u64 = shorter.iter().map(|tally| tally.count).sum();
        if count == 0 || most < 3 || most * 2 <= all || self.led_by_zero > 0 {
            return None;
        }
        let mut samples: Vec<&RowSample> =
            shorter.iter().flat_map(|tally| &tally.samples).collect();
        samples.sort_by_key(|sample| sample.line);
        samples.truncate(MAX_SAMPLES);
        Some(Suspicion::ZerosLost { usual, shorter: count, samples })
    }

    /// One of sixteen digits may well end in a zero; all of them do not by chance.
    fn rounded(&self) -> Option<Suspicion<'_>> {
        (self.rounded.count >= 2 && self.rounded.count == self.long)
            .then_some(Suspicion::Rounded(&self.rounded))
    }

    fn dated(&self) -> Option<Suspicion<'_>> {
        (self.dates.count > 0).then_some(Suspicion::Dates(&self.dates))
    }

    /// Codes of many lengths that pile up at the longest.
    fn cut(&self) -> Option<Suspicion<'_>> {
        let (length, tally) = self.lengths.last_key_value()?;
        let next = self.lengths.range(..length).map(|(_, tally)| tally.count).max().unwrap_or(0);
        let cell_is_full = *length == 255 && tally.count >= 2;
        let piled_up = *length >= MAX_EXACT_DIGITS
            && self.lengths.len() >= 4
            && tally.count >= 5
            && tally.count >= 3 * next;
        (cell_is_full || piled_up).then_some(Suspicion::CutAt { length: *length, tally })
    }
}

/// As Excel writes what it took for a date, such as MAR1 or 5-1: "1-Mar", "Mar-24", "1-Mar-24",
/// "5/1/2024", "2024-05-01". Capital letters are nobody's date.
fn looks_like_a_date(code: &str) -> bool {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let number = |text: &str, most: u32| {
        text.len() <= 2 && text.parse().is_ok_and(|n: u32| (1..=most).contains(&n))
    };
    let year = |text: &str| matches!(text.len(), 2 | 4) && text.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = code.splitn(4, ['-', '/']).collect();
    match parts[..] {
        [day, month] if MONTHS.contains(&month) => number(day, 31),
        [month, end] if MONTHS.contains(&month) => year(end),
        [day, month, end] if MONTHS.contains(&month) => number(day, 31) && year(end),
        [first, second, end] if code.contains('/') => {
            number(first, 31) && number(second, 31) && year(end)
        }
        [start, month, day] => {
            start.len() == 4 && year(start) && number(month, 12) && number(day, 31)
        }
        _ => false,
    }
}

#[cfg(test)]
#[path = "findings_tests.rs"]
mod tests;
