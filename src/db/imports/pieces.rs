//! Files of imports, piece by piece, so that nobody ever holds one whole.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::super::{DbConn, Error, WriteTx, schema::import_pieces as p};
use crate::domain::ids::ImportId;

/// The file as it came.
pub const FILE: &str = "file";
/// The rows that could not be taken.
pub const REJECTS: &str = "rejects";

/// Where a piece belongs.
#[derive(Debug, Clone, Copy)]
pub struct PieceKey {
    pub import: ImportId,
    pub part: &'static str,
    pub seq: i64,
}

/// Puts a piece at its place.
pub fn add(tx: &mut WriteTx<'_>, key: PieceKey, bytes: &[u8]) -> Result<(), Error> {
    let PieceKey { import, part, seq } = key;
    diesel::insert_into(p::table)
        .values((p::import_id.eq(import.0), p::part.eq(part), p::seq.eq(seq), p::bytes.eq(bytes)))
        .execute(&mut **tx)?;
    Ok(())
}

/// The piece at that place, if there is one.
pub fn find(conn: &mut DbConn, key: PieceKey) -> Result<Option<Vec<u8>>, Error> {
    let PieceKey { import, part, seq } = key;
    let piece =
        p::table.filter(p::import_id.eq(import.0)).filter(p::part.eq(part)).filter(p::seq.eq(seq));
    Ok(piece.select(p::bytes).first(conn).optional()?)
}

/// Whether there is any piece of that part.
pub fn has_any(conn: &mut DbConn, import: ImportId, part: &str) -> Result<bool, Error> {
    let any = p::table.filter(p::import_id.eq(import.0)).filter(p::part.eq(part));
    let seq: Option<i64> = any.select(p::seq).first(conn).optional()?;
    Ok(seq.is_some())
}

/// Removes up to `limit` pieces of that part; answers how many.
pub fn remove(
    tx: &mut WriteTx<'_>,
    import: ImportId,
    part: &str,
    limit: i64,
) -> Result<usize, Error> {
    let own = || p::table.filter(p::import_id.eq(import.0)).filter(p::part.eq(part));
    let seqs: Vec<i64> = own().order(p::seq.desc()).limit(limit).select(p::seq).load(&mut **tx)?;
    Ok(diesel::delete(own().filter(p::seq.eq_any(&seqs))).execute(&mut **tx)?)
}
