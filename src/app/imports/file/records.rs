//! Text as records of cells (RFC 4180), each with its true line in the file. Written by hand
//! because the line of a record, a quote that is never closed and text after a closing quote must
//! be told to people, and memory must stay flat whatever the file holds.

use std::io::Read;

use super::decode::DecodedText;
use crate::{
    app::imports::request::ImportError,
    domain::{Invalid, invisible::trimmed},
};

/// No honest row is larger; without a limit one stray quote would read the rest of the file into
/// memory.
const MAX_RECORD_BYTES: usize = 1024 * 1024;

/// One row of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileRecord {
    /// Where it begins, counted from 1.
    pub line: u64,
    /// What is wrong with its form.
    pub fault: Option<&'static str>,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl FileRecord {
    /// A record of these cells.
    pub fn of<'a>(line: u64, cells: impl IntoIterator<Item = &'a str>) -> Self {
        let mut record = Self { line, ..Self::default() };
        for cell in cells {
            record.text.extend_from_slice(cell.as_bytes());
            record.ends.push(record.text.len());
        }
        record
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The cell as it stands in the file, without its quotes.
    pub fn cell(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let start = if index == 0 { 0 } else { *self.ends.get(index - 1)? };
        std::str::from_utf8(self.text.get(start..end)?).ok()
    }

    /// How many cells there are up to the last that holds something: spreadsheets add empty ones,
    /// and leave them out.
    pub fn filled(&self) -> usize {
        (0..self.len())
            .rev()
            .find(|index| self.cell(*index).is_some_and(|cell| !trimmed(cell).is_empty()))
            .map_or(0, |last| last + 1)
    }

    pub fn cells(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|index| self.cell(index).unwrap_or_default())
    }

    fn clear(&mut self, line: u64) {
        (self.line, self.fault) = (line, None);
        self.text.clear();
        self.ends.clear();
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReaderState {
    /// Before a record's first character.
    Start,
    /// Before a cell's first character.
    Cell,
    Bare,
    Quoted,
    /// Behind a quote inside a quoted cell: the end, or the first of two.
    Quote,
}

/// What a piece of text brought.
#[derive(Debug, PartialEq, Eq)]
enum Fed {
    /// All of it was used and the record goes on.
    More,
    /// The record ended after so many bytes.
    Record(usize),
}

/// The machine that cuts text into records; fed piece by piece.
#[derive(Debug, Clone)]
pub struct Splitter {
    delimiter: u8,
    state: ReaderState,
    line: u64,
    /// The last character was a carriage return that ended a line: a line feed now belongs to it.
    after_return: bool,
    /// What a line such as `sep=;` has said so far.
    declared: Option<u8>,
}

impl Splitter {
    pub fn new(delimiter: u8) -> Self {
        Self { delimiter, state: ReaderState::Start, line: 1, after_return: false, declared: None }
    }

    fn feed(&mut self, bytes: &[u8], record: &mut FileRecord) -> Fed {
        for (index, &byte) in bytes.iter().enumerate() {
            if std::mem::take(&mut self.after_return) && byte == b'\n' {
                continue;
            }
            if self.state == ReaderState::Start {
                record.clear(self.line);
            }
            match (self.state, byte) {
                (ReaderState::Quoted, b'"') => self.state = ReaderState::Quote,
                (ReaderState::Quoted, _) => {
                    self.line += u64::from(byte == b'\n');
                    record.text.push(byte);
                }
                (ReaderState::Quote, b'"') => {
                    record.text.push(b'"');
                    self.state = ReaderState::Quoted;
                }
                (_, b'\n' | b'\r') => {
                    self.line += 1;
                    self.after_return = byte == b'\r';
                    if self.end(record) {
                        return Fed::Record(index + 1);
                    }
                }
                (_, byte) if byte == self.delimiter => {
                    record.ends.push(record.text.len());
                    self.state = ReaderState::Cell;
                }
                (ReaderState::Start | ReaderState::Cell, b'"') => self.state = ReaderState::Quoted,
                (ReaderState::Quote, _) => {
                    record.fault = Some("there is text after a closing quote");
                    record.text.push(byte);
                }
                _ => {
                    record.text.push(byte);
                    self.state = ReaderState::Bare;
                }
            }
        }
        Fed::More
    }

    /// Ends the record at a line's or the file's end; false when there is no row on the line:
    /// nothing, nothing but empty cells, or what tells Excel the delimiter.
    fn end(&mut self, record: &mut FileRecord) -> bool {
        if self.state == ReaderState::Start {
            return false;
        }
        if self.state == ReaderState::Quoted {
            record.fault = Some("a quote opened in this row is never closed");
        }
        record.ends.push(record.text.len());
        self.state = ReaderState::Start;
        if record.fault.is_some() {
            return true;
        }
        if let Some(says) = declaration(record, self.delimiter) {
            self.declared = self.declared.or(Some(says));
            return false;
        }
        record.filled() > 0
    }
}

/// The delimiter that a line such as `sep=;` tells Excel; the line may have been quoted, and given
/// empty cells, by another program.
fn declaration(record: &FileRecord, delimiter: u8) -> Option<u8> {
    let first = trimmed(record.cell(0)?).trim_start_matches('"');
    let says = first
        .get(..4)
        .filter(|word| word.eq_ignore_ascii_case("sep="))
        .and_then(|_| first.get(4..))?;
    if record.filled() > 1 {
        return None;
    }
    match says.trim_end_matches('"').as_bytes() {
        // Trimmed off, or a cell of its own.
        [] => Some(if record.cell(0)?.ends_with('\t') { b'\t' } else { delimiter }),
        [one] if !one.is_ascii_alphanumeric() => Some(*one),
        _ => None,
    }
}

/// The records of a file.
pub struct Records<R> {
    text: DecodedText<R>,
    piece: Vec<u8>,
    at: usize,
    splitter: Splitter,
    ended: bool,
}

impl<R: Read> Records<R> {
    /// The records of `text`; `choose` is shown the first record as each delimiter would cut it,
    /// and the delimiter that the file declares, and answers which it is.
    pub fn open(
        mut text: DecodedText<R>,
        choose: impl FnOnce(&[(u8, FileRecord)], Option<u8>) -> u8,
    ) -> Result<Self, ImportError> {
        let piece = text.next()?.map(<[u8]>::to_vec).unwrap_or_default();
        let (mut firsts, mut declared) = (vec![], None);
        for delimiter in [b',', b';', b'\t'] {
            let (record, says) = first_record(&piece, delimiter);
            firsts.push((delimiter, record));
            declared = declared.or(says.filter(|says| b",;\t".contains(says)));
        }
        let delimiter = choose(&firsts, declared);
        Ok(Self { text, piece, at: 0, splitter: Splitter::new(delimiter), ended: false })
    }

    /// Bytes taken from the source so far.
    pub fn taken(&self) -> u64 {
        self.text.taken()
    }

    /// Reads the next record into `record`; false at the end.
    pub fn read(&mut self, record: &mut FileRecord) -> Result<bool, ImportError> {
        if self.ended {
            return Ok(false);
        }
        loop {
            match self.splitter.feed(&self.piece[self.at..], record) {
                Fed::Record(used) => {
                    self.at += used;
                    return Ok(true);
                }
                Fed::More
                    if record.text.len() > MAX_RECORD_BYTES
                        && self.splitter.state != ReaderState::Start =>
                {
                    return Err(ImportError::Invalid(Invalid::because(format!(
                        "the row that starts on line {} is longer than a million characters; check \
                         for a quote that is never closed",
                        record.line
                    ))));
                }
                Fed::More => {
                    self.piece.clear();
                    self.at = 0;
                    if let Some(piece) = self.text.next()? {
                        self.piece.extend_from_slice(piece);
                    } else {
                        self.ended = true;
                        return Ok(self.splitter.end(record));
                    }
                }
            }
        }
    }
}

fn first_record(piece: &[u8], delimiter: u8) -> (FileRecord, Option<u8>) {
    let (mut splitter, mut record) = (Splitter::new(delimiter), FileRecord::default());
    if splitter.feed(piece, &mut record) == Fed::More {
        splitter.end(&mut record);
    }
    (record, splitter.declared)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(u64, Vec<String>, Option<&'static str>)> {
        let source = DecodedText::open(text.as_bytes()).unwrap_or_else(|e| panic!("{e}"));
        let mut records = Records::open(source, |_, _| b',').unwrap_or_else(|e| panic!("{e}"));
        let (mut record, mut all) = (FileRecord::default(), Vec::new());
        while records.read(&mut record).unwrap_or_else(|e| panic!("{e}")) {
            all.push((record.line, record.cells().map(ToOwned::to_owned).collect(), record.fault));
        }
        all
    }

    fn plain(text: &str) -> Vec<(u64, Vec<String>)> {
        read(text).into_iter().map(|(line, cells, _)| (line, cells)).collect()
    }

    fn row(line: u64, cells: &[&str]) -> (u64, Vec<String>) {
        (line, cells.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn quotes_hold_delimiters_quotes_and_line_breaks() {
        assert_eq!(
            plain("a,b\n\"x,\"\"y\"\"\",\"1\n2\"\nlast,5\" disk"),
            [row(1, &["a", "b"]), row(2, &["x,\"y\"", "1\n2"]), row(4, &["last", "5\" disk"])]
        );
    }

    #[test]
    fn lines_are_those_of_the_file_whatever_ends_them() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["", "a,b", "", "  ", "c,", "", "d,e"].join(end);
            assert_eq!(
                plain(&text),
                [row(2, &["a", "b"]), row(5, &["c", ""]), row(7, &["d", "e"])],
                "{end:?}"
            );
        }
    }

    #[test]
    fn lines_without_a_row_are_skipped() {
        assert_eq!(plain("\n \n\"\"\n,\n\n,\" \u{feff}\",\na,,\n"), [row(7, &["a", "", ""])]);
        assert_eq!(
            plain("sep=;\na\n\u{feff}\"SEP=;\",\n sep=,\nsep=|,,\nsep=\t\nb\n"),
            [row(2, &["a"]), row(7, &["b"])]
        );
        assert_eq!(
            plain("sep=A\nsep=;,x\nsep=12\nx sep=;"),
            [
                row(1, &["sep=A"]),
                row(2, &["sep=;", "x"]),
                row(3, &["sep=12"]),
                row(4, &["x sep=;"])
            ]
        );
    }

    #[test]
    fn the_delimiter_that_a_file_declares_is_heard() {
        for (text, says) in [
            ("sep=;\na", Some(b';')),
            ("\"sep=;\"\na", Some(b';')),
            ("sep=,\na", Some(b',')),
            ("sep=\t\na", Some(b'\t')),
            ("a\nsep=;", None),
            ("sep=|\na", None),
        ] {
            let source = DecodedText::open(text.as_bytes()).unwrap_or_else(|e| panic!("{e}"));
            let mut heard = None;
            let records = Records::open(source, |firsts, declared| {
                assert!(firsts.iter().all(|(_, first)| first.cell(0) == Some("a")), "{text:?}");
                heard = declared;
                b','
            });
            assert!(records.is_ok());
            assert_eq!(heard, says, "{text:?}");
        }
    }

    #[test]
    fn broken_quotes_are_told() {
        let all = read("a\n\"b\"c,d\n\"never\nclosed");
        assert_eq!(
            all.iter().map(|(line, _, fault)| (*line, fault.is_some())).collect::<Vec<_>>(),
            [(1, false), (2, true), (3, true)]
        );
    }

    #[test]
    fn a_row_without_end_is_refused_before_it_fills_the_memory() {
        let text = format!("a\n\"{}", "x\n".repeat(MAX_RECORD_BYTES));
        let mut records = Records::open(
            DecodedText::open(text.as_bytes()).unwrap_or_else(|e| panic!("{e}")),
            |_, _| b',',
        )
        .unwrap_or_else(|e| panic!("{e}"));
        let mut record = FileRecord::default();
        assert!(records.read(&mut record).is_ok_and(|more| more));
        assert!(records.read(&mut record).is_err_and(|e| e.to_string().contains("line 2")));
    }
}
