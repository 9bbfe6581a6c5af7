//! The bytes of a file as UTF-8 text: finds out the encoding and refuses what is not text.

use std::io::{ErrorKind, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

use crate::{app::imports::request::ImportError, domain::Invalid};

/// How much is read at once; also what the encoding is judged by.
const READ_BYTES: usize = 64 * 1024;

/// A source of text, piece by piece.
pub struct DecodedText<R> {
    source: R,
    decoder: Decoder,
    raw: Vec<u8>,
    /// Bytes of `raw` that wait to be decoded.
    waiting: usize,
    out: Vec<u8>,
    line: u64,
    /// Bytes taken from the source so far.
    taken: u64,
    ended: bool,
}

impl<R: Read> DecodedText<R> {
    /// Reads the beginning of `source` and decides on its encoding.
    pub fn open(mut source: R) -> Result<Self, ImportError> {
        let mut raw = vec![0; READ_BYTES];
        let mut waiting = 0;
        while waiting < raw.len() {
            match read_some(&mut source, &mut raw[waiting..])? {
                0 => break,
                n => waiting += n,
            }
        }
        let (encoding, mark) = encoding_of(&raw[..waiting]);
        raw.copy_within(mark..waiting, 0);
        Ok(Self {
            source,
            decoder: encoding.new_decoder_without_bom_handling(),
            raw,
            waiting: waiting - mark,
            // Three bytes for each of UTF-16's two, and the decoder's own margin.
            out: vec![0; READ_BYTES * 3 + 16],
            line: 1,
            taken: waiting as u64,
            ended: false,
        })
    }

    /// Bytes taken from the source so far.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// The next piece, whole characters only; `None` at the end.
    pub fn next(&mut self) -> Result<Option<&[u8]>, ImportError> {
        let written = loop {
            if self.ended {
                return Ok(None);
            }
            if self.waiting == 0 {
                self.waiting = read_some(&mut self.source, &mut self.raw)?;
                self.taken += self.waiting as u64;
                self.ended = self.waiting == 0;
            }
            let (result, _, written) = self.decoder.decode_to_utf8_without_replacement(
                &self.raw[..self.waiting],
                &mut self.out,
                self.ended,
            );
            self.waiting = 0;
            let zero = self.out[..written].iter().position(|byte| *byte == 0);
            if zero.is_some() || matches!(result, DecoderResult::Malformed(..)) {
                let good = &self.out[..zero.unwrap_or(written)];
                return Err(not_text(self.line + breaks_in(good)));
            }
            if written > 0 {
                break written;
            }
        };
        self.line += breaks_in(&self.out[..written]);
        Ok(Some(&self.out[..written]))
    }
}

fn not_text(line: u64) -> ImportError {
    ImportError::Invalid(Invalid::because(format!(
        "the file isn't text from line {line} on; save it as CSV in UTF-8 or UTF-16 and import it \
         again"
    )))
}

fn breaks_in(text: &[u8]) -> u64 {
    text.iter().filter(|byte| **byte == b'\n').count() as u64
}

fn read_some(source: &mut impl Read, into: &mut [u8]) -> Result<usize, ImportError> {
    loop {
        match source.read(into) {
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            other => return other.map_err(ImportError::Source),
        }
    }
}

/// The encoding by its mark, or by where the zero bytes of a first ASCII character lie; and the
/// mark's length.
fn encoding_of(head: &[u8]) -> (&'static Encoding, usize) {
    match head {
        [0xEF, 0xBB, 0xBF, ..] => (UTF_8, 3),
        [0xFF, 0xFE, ..] => (UTF_16LE, 2),
        [0xFE, 0xFF, ..] => (UTF_16BE, 2),
        [a, 0, b, 0, ..] if *a != 0 && *b != 0 => (UTF_16LE, 0),
        [0, a, 0, b, ..] if *a != 0 && *b != 0 => (UTF_16BE, 0),
        _ => (UTF_8, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Result<String, String> {
        let mut text = DecodedText::open(bytes).map_err(|e| e.to_string())?;
        let mut all = Vec::new();
        while let Some(piece) = text.next().map_err(|e| e.to_string())? {
            all.extend_from_slice(piece);
        }
        String::from_utf8(all).map_err(|e| e.to_string())
    }

    fn utf16(text: &str, mark: bool, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        mark.then_some(0xFEFF).into_iter().chain(text.encode_utf16()).flat_map(bytes).collect()
    }

    #[test]
    fn every_encoding_of_the_contract_reads_the_same() {
        let text = "code,pin\nÄB-1,\u{1F600}\n";
        assert_eq!(decode(text.as_bytes()).as_deref(), Ok(text));
        assert_eq!(decode(&[b"\xEF\xBB\xBF", text.as_bytes()].concat()).as_deref(), Ok(text));
        for mark in [true, false] {
            assert_eq!(decode(&utf16(text, mark, u16::to_le_bytes)).as_deref(), Ok(text));
            assert_eq!(decode(&utf16(text, mark, u16::to_be_bytes)).as_deref(), Ok(text));
        }
        assert_eq!(decode(b"").as_deref(), Ok(""));
    }

    #[test]
    fn what_is_not_text_is_refused_with_its_line() {
        assert!(decode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR").is_err());
        assert!(decode(b"code\nABC\0D\n").is_err_and(|e| e.contains("line 2")));
        assert!(decode(b"code\nABC\nAB\xFFC\n").is_err_and(|e| e.contains("line 3")));
        let mut long = b"ABCD-1234\n".repeat(20_000);
        long.extend_from_slice(b"\xC3");
        assert!(decode(&long).is_err_and(|e| e.contains("line 20001")));
    }

    #[test]
    fn a_character_across_two_pieces_stays_whole() {
        let text = format!("{}é{}", "x".repeat(READ_BYTES - 1), "y".repeat(10));
        assert_eq!(decode(text.as_bytes()), Ok(text));
    }
}
