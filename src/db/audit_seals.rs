//! The seals over the audit log in the database, as the sealing job needs them: the lock, what
//! is new, where each chain ends.

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, Insertable, OptionalExtension, QueryDsl, QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    sql_query,
    sql_types::{BigInt, Nullable, Text},
};

use super::{
    DbConn, Error, WriteTx,
    audit_contents::NOT_SEALED,
    instant::At,
    locks::AdvisoryLock,
    planner::NEVER_WHOLE_TABLES,
    schema::{audit_records as a, audit_seals as s, seal_marks as m},
};
use crate::{
    domain::{audit_seal::ChainHead, ids::AuditId},
    each,
};

/// A seal about to be written.
#[derive(Debug, Insertable)]
#[diesel(table_name = s)]
pub struct NewSeal {
    record_id: i64,
    chain: i64,
    no: i64,
    digest: String,
    at: At,
}

impl NewSeal {
    /// The seal over a record of `chain` that makes `head`.
    pub fn new(record: AuditId, chain: i64, head: &ChainHead, at: DateTime<Utc>) -> Self {
        Self { record_id: record.0, chain, no: head.no, digest: head.digest.clone(), at: At(at) }
    }
}

/// Takes the sealing lock for the rest of the transaction; `false` while another server holds it.
/// It blocks nobody and waits for nobody. Must be the transaction's first statement: each of those
/// after it sees what was committed by then, whatever the role's default is.
pub fn try_lock(tx: &mut WriteTx<'_>) -> Result<bool, Error> {
    match &mut **tx {
        // SQLite has one writer: the transaction itself is the lock.
        DbConn::Sqlite(_) => {}
        DbConn::Postgres(c) => {
            c.batch_execute(&format!(
                "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; {NEVER_WHOLE_TABLES}"
            ))?;
        }
    }
    AdvisoryLock::Sealing.try_take(tx)
}

/// The id of the newest record that can be seen; 0 where there is none.
pub fn newest_record(conn: &mut DbConn) -> Result<i64, Error> {
    let newest: Option<i64> = a::table.select(a::id).order(a::id.desc()).first(conn).optional()?;
    Ok(newest.unwrap_or(0))
}

/// Up to which id all records are sealed.
pub fn watermark(conn: &mut DbConn) -> Result<i64, Error> {
    Ok(m::table.select(m::sealed_to).filter(m::id.eq(1)).first(conn)?)
}

/// Advances the watermark.
pub fn set_watermark(tx: &mut WriteTx<'_>, sealed_to: i64) -> Result<(), Error> {
    diesel::update(m::table.filter(m::id.eq(1)))
        .set(m::sealed_to.eq(sealed_to))
        .execute(&mut **tx)?;
    Ok(())
}

#[derive(QueryableByName)]
struct SealWriterRow {
    #[diesel(sql_type = Text)]
    v: String,
}

/// The transactions that are writing to the log now and may hold an id that nobody else can see
/// yet.
///
/// They are known by their lock on the table, which a transaction takes before it draws an id and
/// gives back after its records can be seen. Transaction ids would not do: an INSERT draws the
/// record's id first and its transaction's id only with the row, so a snapshot's xmin and xmax can
/// both pass it by.
pub fn open_writers(conn: &mut DbConn) -> Result<Vec<String>, Error> {
    match conn {
        DbConn::Sqlite(_) => Ok(vec![]),
        DbConn::Postgres(c) => {
            let writers: Vec<SealWriterRow> = sql_query(
                "SELECT virtualtransaction AS v FROM pg_locks WHERE locktype = 'relation' AND \
                 relation = 'audit_records'::regclass \
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
                 AND mode = 'RowExclusiveLock' AND granted",
            )
            .load(c)?;
            Ok(writers.into_iter().map(|writer| writer.v).collect())
        }
    }
}

/// The end of a chain.
pub fn head(conn: &mut DbConn, chain: i64) -> Result<ChainHead, Error> {
    let newest: Option<(i64, String)> = s::table
        .select((s::no, s::digest))
        .filter(s::chain.eq(chain))
        .order(s::no.desc())
        .first(conn)
        .optional()?;
    Ok(newest.map_or_else(ChainHead::start, |(no, digest)| ChainHead { no, digest }))
}

/// Writes seals; within a chain they must be in order.
pub fn add(tx: &mut WriteTx<'_>, seals: &[NewSeal]) -> Result<(), Error> {
    // A statement of PostgreSQL takes 65,535 values.
    for some in seals.chunks(5_000) {
        each!(&mut **tx, |c| diesel::insert_into(s::table).values(some).execute(c))?;
    }
    Ok(())
}

/// A log and the end of its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogHead {
    pub chain: i64,
    /// The merchant's; `None`: the installation's own log, or that of a merchant who is no longer
    /// there.
    pub slug: Option<String>,
    pub head: ChainHead,
}

#[derive(QueryableByName)]
struct HeadRow {
    #[diesel(sql_type = BigInt)]
    chain: i64,
    #[diesel(sql_type = Nullable<Text>)]
    slug: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    no: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    digest: Option<String>,
}

/// All logs with their heads, the installation's own first, then by slug; those without a seal have
/// [`ChainHead::start`].
pub fn heads(conn: &mut DbConn) -> Result<Vec<LogHead>, Error> {
    // The logs beside the merchants' cost one look each: a step from chain to chain along the
    // index.
    let rows: Vec<HeadRow> = sql_query(
        "WITH RECURSIVE chains (chain) AS (SELECT min(chain) FROM audit_seals \
             UNION ALL SELECT (SELECT min(s.chain) FROM audit_seals s WHERE s.chain > \
             chains.chain) FROM chains WHERE chains.chain IS NOT NULL), \
         logs (chain, slug) AS (SELECT 0, NULL UNION ALL SELECT id, slug FROM merchants \
             UNION ALL SELECT chain, NULL FROM chains WHERE chain <> 0 AND chain NOT IN (SELECT \
             id FROM merchants)) \
         SELECT l.chain, l.slug, n.no, n.digest FROM logs l \
         LEFT JOIN audit_seals n ON n.chain = l.chain AND n.no = (SELECT max(s.no) FROM \
         audit_seals s WHERE s.chain = l.chain) \
         ORDER BY l.chain <> 0, l.slug IS NULL, l.slug, l.chain",
    )
    .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| LogHead {
            chain: row.chain,
            slug: row.slug,
            head: row
                .no
                .zip(row.digest)
                .map_or_else(ChainHead::start, |(no, digest)| ChainHead { no, digest }),
        })
        .collect())
}

#[derive(QueryableByName)]
struct SealCountRow {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// How many records of `chain` above `watermark` are not sealed.
pub fn count_unsealed(conn: &mut DbConn, chain: i64, watermark: i64) -> Result<i64, Error> {
    let sql = format!(
        "SELECT count(*) AS n FROM audit_records r WHERE r.id > {watermark} AND \
         coalesce(r.merchant_id, 0) = {chain} AND {NOT_SEALED}"
    );
    Ok(sql_query(sql).get_result::<SealCountRow>(conn)?.n)
}

/// Whether there is a seal over this record.
pub fn is_sealed(conn: &mut DbConn, record: AuditId) -> Result<bool, Error> {
    let found: Option<i64> =
        s::table.select(s::record_id).filter(s::record_id.eq(record.0)).first(conn).optional()?;
    Ok(found.is_some())
}
