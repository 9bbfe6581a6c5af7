//! An import's stored file as a source to read, and its rejects as something to write to: one piece
//! in memory at a time.

use std::io::{self, Read, Write};

use crate::{
    app::Desk,
    db::{
        self,
        imports::pieces::{self, FILE, PieceKey, REJECTS},
    },
    domain::{ids::ImportId, import::Import},
};

/// How large a piece is, of a file and of its rejects.
pub const PIECE: usize = 512 * 1024;
/// How many pieces are removed at once.
pub const AT_ONCE: i64 = 8;

/// The file as it came.
pub struct PieceReader<'d> {
    desk: &'d Desk,
    import: ImportId,
    /// What must have been read at the end.
    length: i64,
    read: i64,
    next: i64,
    piece: Vec<u8>,
    at: usize,
}

impl<'d> PieceReader<'d> {
    pub fn of(desk: &'d Desk, import: &Import) -> Self {
        Self {
            desk,
            import: import.id,
            length: import.bytes,
            read: 0,
            next: 0,
            piece: vec![],
            at: 0,
        }
    }
}

impl Read for PieceReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() && self.read < self.length {
            let found = self
                .desk
                .db
                .read(|conn| {
                    let key = PieceKey { import: self.import, part: FILE, seq: self.next };
                    pieces::find(conn, key)
                })
                .map_err(io::Error::other)?;
            self.piece =
                found.ok_or_else(|| io::Error::other("a piece of the file is not there"))?;
            (self.at, self.next) = (0, self.next + 1);
            self.read += i64::try_from(self.piece.len()).unwrap_or(i64::MAX);
        }
        let taken = into.len().min(self.piece.len() - self.at);
        into[..taken].copy_from_slice(&self.piece[self.at..self.at + taken]);
        self.at += taken;
        Ok(taken)
    }
}

/// The rejects, kept piece by piece; what an earlier try has left is removed first.
pub struct RejectsWriter<'d> {
    desk: &'d Desk,
    import: ImportId,
    next: i64,
    piece: Vec<u8>,
}

impl<'d> RejectsWriter<'d> {
    pub fn of(desk: &'d Desk, import: &Import) -> Result<Self, db::Error> {
        while desk.db.write(|tx| pieces::remove(tx, import.id, REJECTS, AT_ONCE))? > 0 {}
        Ok(Self { desk, import: import.id, next: 0, piece: vec![] })
    }

    fn keep(&mut self) -> io::Result<()> {
        let key = PieceKey { import: self.import, part: REJECTS, seq: self.next };
        let piece = std::mem::take(&mut self.piece);
        self.desk.db.write(|tx| pieces::add(tx, key, &piece)).map_err(io::Error::other)?;
        self.next += 1;
        Ok(())
    }
}

impl Write for RejectsWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.keep()?;
        }
        Ok(bytes.len())
    }

    /// Only at the end: every flush ends a piece.
    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() { Ok(()) } else { self.keep() }
    }
}
