//! Spools rows and gives them back in order, however many there are: sorted in runs, kept in
//! temporary files, merged. The files have no name, so that a killed process leaves no codes on the
//! disk.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, Write},
};

use super::records::FileRecord;

/// What is held in memory before a piece goes to a file.
const SORTED_RUN_BYTES: usize = 8 * 1024 * 1024;

/// A row with what it is ordered by and what is to be said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpooledRow {
    pub key: Vec<u8>,
    pub note: String,
    pub record: FileRecord,
}

/// Takes rows in any order.
pub struct SortedSpool {
    bytes: Vec<u8>,
    starts: Vec<usize>,
    files: Vec<File>,
    count: u64,
    piece: usize,
}

impl Default for SortedSpool {
    fn default() -> Self {
        Self::with_piece(SORTED_RUN_BYTES)
    }
}

impl SortedSpool {
    fn with_piece(piece: usize) -> Self {
        Self { bytes: Vec::new(), starts: Vec::new(), files: Vec::new(), count: 0, piece }
    }

    /// How many rows are in it.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Adds a row; rows of one key come back by line.
    pub fn push(&mut self, key: &[u8], note: &str, record: &FileRecord) -> io::Result<()> {
        self.starts.push(self.bytes.len());
        write_entry(&mut self.bytes, key, note, record);
        self.count += 1;
        if self.bytes.len() >= self.piece {
            self.sort();
            let mut file = BufWriter::with_capacity(256 * 1024, tempfile::tempfile()?);
            for start in &self.starts {
                file.write_all(entry_at(&self.bytes, *start))?;
            }
            let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.rewind()?;
            self.files.push(file);
            self.bytes.clear();
            self.starts.clear();
        }
        Ok(())
    }

    fn sort(&mut self) {
        let bytes = &self.bytes;
        self.starts.sort_unstable_by(|a, b| order_of(bytes, *a).cmp(&order_of(bytes, *b)));
    }

    /// All rows by key, then by line.
    pub fn sorted(mut self) -> io::Result<Sorted> {
        self.sort();
        let mut sources: Vec<SpoolSource> = self
            .files
            .into_iter()
            .map(|file| SpoolSource::File(BufReader::with_capacity(64 * 1024, file)))
            .collect();
        sources.push(SpoolSource::Memory { bytes: self.bytes, starts: self.starts.into_iter() });
        let mut sorted = Sorted { sources, heads: BinaryHeap::new() };
        for index in 0..sorted.sources.len() {
            sorted.advance(index)?;
        }
        Ok(sorted)
    }
}

enum SpoolSource {
    File(BufReader<File>),
    Memory { bytes: Vec<u8>, starts: std::vec::IntoIter<usize> },
}

/// The first unread row of a source: key, line, source, and the whole row.
type SourceHead = Reverse<(Vec<u8>, u64, usize, Vec<u8>)>;

/// The rows of a [`SortedSpool`], in order.
pub struct Sorted {
    sources: Vec<SpoolSource>,
    heads: BinaryHeap<SourceHead>,
}

impl Sorted {
    /// The next row.
    pub fn next(&mut self) -> io::Result<Option<SpooledRow>> {
        let Some(Reverse((key, line, source, entry))) = self.heads.pop() else { return Ok(None) };
        self.advance(source)?;
        read_entry(key, line, &entry).map(Some).ok_or_else(|| {
            io::Error::other("a temporary file does not hold what was written to it")
        })
    }

    fn advance(&mut self, index: usize) -> io::Result<()> {
        let entry = match &mut self.sources[index] {
            SpoolSource::Memory { bytes, starts } => {
                starts.next().map(|start| entry_at(bytes, start).to_vec())
            }
            SpoolSource::File(file) => read_framed(file)?,
        };
        if let Some(entry) = entry {
            let (key, line) = order_of(&entry, 0);
            self.heads.push(Reverse((key.to_vec(), line, index, entry)));
        }
        Ok(())
    }
}

// An entry: its length, the key's length, the key, the line, the note's length, the note, the count
// of cells, and each cell with its length. All numbers are eight bytes, little end first.

fn number(bytes: &[u8], at: usize) -> usize {
    bytes
        .get(at..at + 8)
        .and_then(|n| n.try_into().ok())
        .map_or(0, |n| usize::try_from(u64::from_le_bytes(n)).unwrap_or(0))
}

fn put(bytes: &mut Vec<u8>, number: usize) {
    bytes.extend_from_slice(&(number as u64).to_le_bytes());
}

fn write_entry(bytes: &mut Vec<u8>, key: &[u8], note: &str, record: &FileRecord) {
    let start = bytes.len();
    put(bytes, 0);
    put(bytes, key.len());
    bytes.extend_from_slice(key);
    bytes.extend_from_slice(&record.line.to_le_bytes());
    put(bytes, note.len());
    bytes.extend_from_slice(note.as_bytes());
    put(bytes, record.len());
    for cell in record.cells() {
        put(bytes, cell.len());
        bytes.extend_from_slice(cell.as_bytes());
    }
    let length = (bytes.len() - start) as u64;
    bytes[start..start + 8].copy_from_slice(&length.to_le_bytes());
}

fn entry_at(bytes: &[u8], start: usize) -> &[u8] {
    &bytes[start..start + number(bytes, start)]
}

fn order_of(bytes: &[u8], start: usize) -> (&[u8], u64) {
    let length = number(bytes, start + 8);
    let key = start + 16;
    (&bytes[key..key + length], number(bytes, key + length) as u64)
}

fn read_framed(file: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 8];
    match file.read_exact(&mut length) {
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let mut entry =
        vec![0; usize::try_from(u64::from_le_bytes(length)).map_err(io::Error::other)?.max(8)];
    entry[..8].copy_from_slice(&length);
    file.read_exact(&mut entry[8..])?;
    Ok(Some(entry))
}

fn read_entry(key: Vec<u8>, line: u64, entry: &[u8]) -> Option<SpooledRow> {
    let mut at = 16 + key.len() + 8;
    let mut text = || {
        let length = number(entry, at);
        let text =
            entry.get(at + 8..at + 8 + length).and_then(|bytes| std::str::from_utf8(bytes).ok());
        at += 8 + length;
        text
    };
    let note = text()?.to_owned();
    let count = number(entry, at);
    at += 8;
    let mut cells = Vec::with_capacity(count);
    for _ in 0..count {
        let length = number(entry, at);
        cells.push(std::str::from_utf8(entry.get(at + 8..at + 8 + length)?).ok()?);
        at += 8 + length;
    }
    Some(SpooledRow { key, note, record: FileRecord::of(line, cells) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_by_key_then_line_across_pieces() {
        // A piece of 200 bytes: nearly every few rows go to a file of their own.
        let mut spool = SortedSpool::with_piece(200);
        for line in 0..500_u64 {
            let key = format!("k{}", (line * 7919) % 100);
            spool
                .push(key.as_bytes(), "why", &FileRecord::of(line, [key.as_str(), "", "ü,\n"]))
                .unwrap_or_else(|e| panic!("{e}"));
        }
        assert_eq!(spool.count(), 500);
        let mut sorted = spool.sorted().unwrap_or_else(|e| panic!("{e}"));
        let mut all = Vec::new();
        while let Some(entry) = sorted.next().unwrap_or_else(|e| panic!("{e}")) {
            assert_eq!(
                entry.record.cells().collect::<Vec<_>>(),
                [std::str::from_utf8(&entry.key).unwrap_or_default(), "", "ü,\n"]
            );
            assert_eq!(entry.note, "why");
            all.push((entry.key, entry.record.line));
        }
        assert_eq!(all.len(), 500);
        assert!(all.is_sorted());
    }
}
