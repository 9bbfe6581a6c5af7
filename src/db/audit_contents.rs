//! Audit records exactly as they are stored, to be sealed and proved: a column that holds what the
//! desk would never write (SQLite takes anything anywhere) is reported, not read as something near
//! to it.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::{
    QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Binary, Bool, Nullable},
};

use super::{DbConn, Error, instant};
use crate::domain::{
    audit_proof::{ChainLink, SealedRecord},
    audit_seal::StoredRecord,
};

/// The columns of [`RecordRow`], of a table or subquery called `r`. Texts are bytes: what is stored
/// may not even be UTF-8.
const SQLITE_RECORD: &str = "r.id AS id, (typeof(r.id) = 'integer' AND typeof(r.merchant_id) IN \
    ('integer', 'null') AND typeof(r.at) = 'text' \
    AND typeof(r.action) = 'text' AND typeof(r.actor_kind) = 'text' AND typeof(r.user_id) IN \
    ('integer', 'null') \
    AND typeof(r.customer) IN ('integer', 'null') AND typeof(r.reward) IN ('integer', 'null') AND \
    typeof(r.batch_id) IN ('integer', 'null') \
    AND typeof(r.reissue_id) IN ('integer', 'null') AND typeof(r.details) = 'text' AND \
    typeof(r.request_id) IN ('text', 'null')) AS sound, \
    r.merchant_id, CAST(r.at AS BLOB) AS at, CAST(r.action AS BLOB) AS action, CAST(r.actor_kind \
    AS BLOB) AS actor_kind, r.user_id, \
    r.customer, r.reward, r.batch_id, r.reissue_id, CAST(r.details AS BLOB) AS details, \
    CAST(r.request_id AS BLOB) AS request_id";
const POSTGRES_RECORD: &str = "r.id AS id, (r.id IS NOT NULL) AS sound, r.merchant_id, \
    convert_to(CASE WHEN r.at BETWEEN '0001-01-01' AND '9999-12-31' THEN (extract(epoch FROM \
    r.at) * 1000000)::bigint END::text, 'UTF8') AS at, \
    convert_to(r.action, 'UTF8') AS action, convert_to(r.actor_kind, 'UTF8') AS actor_kind, \
    r.user_id, r.customer, r.reward, r.batch_id, \
    r.reissue_id, convert_to(r.details, 'UTF8') AS details, convert_to(r.request_id, 'UTF8') AS \
    request_id";

#[derive(QueryableByName)]
struct RecordRow {
    #[diesel(sql_type = Nullable<BigInt>)]
    id: Option<i64>,
    #[diesel(sql_type = Nullable<Bool>)]
    sound: Option<bool>,
    #[diesel(sql_type = Nullable<BigInt>)]
    merchant_id: Option<i64>,
    #[diesel(sql_type = Nullable<Binary>)]
    at: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Binary>)]
    action: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Binary>)]
    actor_kind: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<BigInt>)]
    user_id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    customer: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    reward: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    batch_id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    reissue_id: Option<i64>,
    #[diesel(sql_type = Nullable<Binary>)]
    details: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Binary>)]
    request_id: Option<Vec<u8>>,
}

/// The columns of [`SealRow`], of `audit_seals s`.
const SQLITE_SEAL: &str = "s.record_id, s.no, (typeof(s.no) = 'integer' AND typeof(s.digest) = \
    'text' AND typeof(s.at) = 'text') AS intact, \
    CAST(s.digest AS BLOB) AS digest, CAST(s.at AS BLOB) AS sealed_at";
const POSTGRES_SEAL: &str = "s.record_id, s.no, TRUE AS intact, convert_to(s.digest, 'UTF8') AS \
    digest, \
    convert_to(CASE WHEN s.at BETWEEN '0001-01-01' AND '9999-12-31' THEN (extract(epoch FROM \
    s.at) * 1000000)::bigint END::text, 'UTF8') AS sealed_at";

#[derive(QueryableByName)]
struct SealRow {
    #[diesel(sql_type = Nullable<BigInt>)]
    record_id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    no: Option<i64>,
    #[diesel(sql_type = Nullable<Bool>)]
    intact: Option<bool>,
    #[diesel(sql_type = Nullable<Binary>)]
    digest: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Binary>)]
    sealed_at: Option<Vec<u8>>,
}

#[derive(QueryableByName)]
struct Sealed {
    #[diesel(embed)]
    seal: SealRow,
    #[diesel(embed)]
    record: RecordRow,
}

/// One record that is not sealed, whole or not.
#[derive(Debug, Clone)]
pub struct Unsealed {
    pub id: i64,
    pub record: SealedRecord,
}

/// The rule that a record called `r` has no seal. Asked record by record, whatever the statistics
/// say.
pub(super) const NOT_SEALED: &str =
    "(SELECT s.no FROM audit_seals s WHERE s.record_id = r.id) IS NULL";

/// Up to `limit` records above `after` that are not sealed, of all logs, lowest id first.
pub fn unsealed(conn: &mut DbConn, after: i64, limit: usize) -> Result<Vec<Unsealed>, Error> {
    let rest = format!(
        "FROM audit_records r WHERE r.id > {after} AND {NOT_SEALED} ORDER BY r.id LIMIT {limit}"
    );
    load_unsealed(conn, &rest)
}

/// The lowest record up to `watermark` in the log of `chain` that has no seal in that log.
pub fn first_unsealed(
    conn: &mut DbConn,
    chain: i64,
    watermark: i64,
) -> Result<Option<Unsealed>, Error> {
    let of_chain = of_chain(chain);
    let not_sealed = format!(
        "(SELECT s.no FROM audit_seals s WHERE s.record_id = r.id AND s.chain = {chain}) IS NULL"
    );
    let rest = format!(
        "FROM audit_records r WHERE {of_chain} AND r.id <= {watermark} AND {not_sealed} ORDER BY r.id \
         LIMIT 1"
    );
    Ok(load_unsealed(conn, &rest)?.pop())
}

fn of_chain(chain: i64) -> String {
    if chain == 0 { "r.merchant_id IS NULL".to_owned() } else { format!("r.merchant_id = {chain}") }
}

fn load_unsealed(conn: &mut DbConn, rest: &str) -> Result<Vec<Unsealed>, Error> {
    let columns = if is_sqlite(conn) { SQLITE_RECORD } else { POSTGRES_RECORD };
    let rows: Vec<RecordRow> = sql_query(format!("SELECT {columns} {rest}")).load(conn)?;
    let sqlite = is_sqlite(conn);
    Ok(rows
        .into_iter()
        .map(|row| Unsealed { id: row.id.unwrap_or_default(), record: row.found(sqlite) })
        .collect())
}

/// Up to `limit` links of `chain` after number `after`, in the order of their numbers.
pub fn links(
    conn: &mut DbConn,
    chain: i64,
    after: i64,
    limit: usize,
) -> Result<Vec<ChainLink>, Error> {
    let page = format!(
        "SELECT * FROM audit_seals WHERE chain = {chain} AND no > {after} ORDER BY no LIMIT {limit}"
    );
    let rows = load_sealed(
        conn,
        &format!("FROM ({page}) s LEFT JOIN audit_records r ON r.id = s.record_id ORDER BY s.no"),
    )?;
    Ok(rows.into_iter().filter_map(|(_, link)| link).collect())
}

/// Those of these records, by id, each with its link if it is sealed in `chain`.
pub fn of_records(
    conn: &mut DbConn,
    chain: i64,
    ids: &[i64],
) -> Result<Vec<(i64, Option<ChainLink>)>, Error> {
    if ids.is_empty() {
        return Ok(vec![]);
    }
    let ids = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let rest = format!(
        "FROM audit_records r LEFT JOIN audit_seals s ON s.record_id = r.id AND s.chain = {chain} \
         WHERE r.id IN ({ids}) ORDER BY r.id"
    );
    load_sealed(conn, &rest)
}

fn load_sealed(conn: &mut DbConn, rest: &str) -> Result<Vec<(i64, Option<ChainLink>)>, Error> {
    let sqlite = is_sqlite(conn);
    let (seal, record) =
        if sqlite { (SQLITE_SEAL, SQLITE_RECORD) } else { (POSTGRES_SEAL, POSTGRES_RECORD) };
    let rows: Vec<Sealed> = sql_query(format!("SELECT {seal}, {record} {rest}")).load(conn)?;
    Ok(rows.into_iter().map(|row| row.link(sqlite)).collect())
}

fn is_sqlite(conn: &DbConn) -> bool {
    matches!(conn, DbConn::Sqlite(_))
}

impl Sealed {
    fn link(self, sqlite: bool) -> (i64, Option<ChainLink>) {
        let Self { seal, record } = self;
        let id = record.id.or(seal.record_id).unwrap_or_default();
        let link = seal.record_id.zip(seal.no).map(|(record_id, no)| ChainLink {
            no,
            record_id,
            digest: text(seal.digest).unwrap_or_default(),
            at: seal
                .sealed_at
                .filter(|_| seal.intact == Some(true))
                .and_then(|at| instant_of(at, sqlite)),
            record: record.found(sqlite),
        });
        (id, link)
    }
}

impl RecordRow {
    fn found(self, sqlite: bool) -> SealedRecord {
        if self.id.is_none() {
            return SealedRecord::Missing;
        }
        self.whole(sqlite)
            .map_or(SealedRecord::Unreadable, |record| SealedRecord::Whole(Box::new(record)))
    }

    fn whole(self, sqlite: bool) -> Option<StoredRecord> {
        let request_id = match self.request_id {
            Some(bytes) => Some(String::from_utf8(bytes).ok()?),
            None => None,
        };
        let record = StoredRecord {
            id: self.id?,
            merchant: self.merchant_id,
            at: instant_of(self.at?, sqlite)?,
            action: text(self.action)?,
            actor_kind: text(self.actor_kind)?,
            user: self.user_id,
            customer: self.customer,
            reward: self.reward,
            batch: self.batch_id,
            reissue: self.reissue_id,
            details: text(self.details)?,
            request_id,
        };
        self.sound.unwrap_or(false).then_some(record)
    }
}

fn text(bytes: Option<Vec<u8>>) -> Option<String> {
    String::from_utf8(bytes?).ok()
}

/// SQLite's fixed-width text, and no other way to write the same instant; PostgreSQL's
/// microseconds.
fn instant_of(bytes: Vec<u8>, sqlite: bool) -> Option<DateTime<Utc>> {
    let stored = String::from_utf8(bytes).ok()?;
    if !sqlite {
        return DateTime::from_timestamp_micros(stored.parse().ok()?);
    }
    let at = NaiveDateTime::parse_from_str(&stored, instant::FORMAT).ok()?.and_utc();
    (instant::text(at) == stored).then_some(at)
}
