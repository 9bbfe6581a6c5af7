//! How much of each batch is in which condition, exactly, without counting codes: triggers keep the
//! sums (see `stock_by_window` in the migrations).
//!
//! On SQLite, with its one writer, a change is added to the sums on the spot. On PostgreSQL that
//! would make all reissues of a batch wait for one row: there a change is a row of its own in
//! `stock_movements`, and [`settle`] adds them up from time to time.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::{
    QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Nullable, Text, Untyped},
};

use super::{
    DbConn, Error, Scope, WriteTx, coupons,
    instant::{At, Instant, no_end},
    locks::AdvisoryLock,
    planner::hidden,
    prepared_sql::PreparedSql,
    stock_watermarks::ABOVE,
};
use crate::{
    domain::{
        batch::{Batch, StockCounts},
        ids::BatchId,
        stock_forecast::CodeEnding,
    },
    each,
};

#[derive(QueryableByName)]
struct StockSums {
    #[diesel(sql_type = BigInt)]
    batch_id: i64,
    #[diesel(sql_type = BigInt)]
    usable: i64,
    #[diesel(sql_type = BigInt)]
    early: i64,
    #[diesel(sql_type = BigInt)]
    expired: i64,
    #[diesel(sql_type = BigInt)]
    barred: i64,
    #[diesel(sql_type = BigInt)]
    redeemed: i64,
    #[diesel(sql_type = BigInt)]
    allocated: i64,
    #[diesel(sql_type = BigInt)]
    replaced: i64,
    #[diesel(sql_type = BigInt)]
    withdrawn: i64,
    /// When the last one that expired on its own did; when the first usable and the last clean one
    /// will have.
    #[diesel(sql_type = Nullable<Instant>)]
    last_expired: Option<At>,
    #[diesel(sql_type = Nullable<Instant>)]
    first_end: Option<At>,
    #[diesel(sql_type = Nullable<Instant>)]
    last_end: Option<At>,
    /// While a withdrawal is at work: its last coupon.
    #[diesel(sql_type = Nullable<BigInt>)]
    held_to: Option<i64>,
}

const SUMS: [&str; 6] = ["clean", "barred", "redeemed", "allocated", "replaced", "withdrawn"];

/// `sum(clean) AS clean, …`. PostgreSQL would make numerics of the sums.
fn sums() -> String {
    SUMS.map(|name| format!("CAST(sum({name}) AS BIGINT) AS {name}")).join(", ")
}

/// Movements `m` that count: those of an import do so once its codes are in the batch. The batch is
/// not asked about any other one, which is what every click leaves: asked for each, it was
/// most of a count (measured on PostgreSQL: 1.05 ms for 400 movements, 0.2 without).
const PUBLISHED: &str = "(m.coupon_to = 0 OR m.coupon_to <= (SELECT b.published_to FROM batches b \
    WHERE b.id = m.batch_id))";

/// A merchant's movements of those batches. PostgreSQL is left the watermark to begin at, and no
/// index full of dead entries.
fn moved(conn: &DbConn, among: &str) -> String {
    match conn {
        DbConn::Sqlite(_) => format!("m.merchant_id = :merchant AND m.batch_id {among}"),
        DbConn::Postgres(_) => {
            let (merchant, batch) = (hidden!("m.merchant_id"), hidden!("m.batch_id"));
            format!("{ABOVE} AND {merchant} = :merchant AND {batch} {among}")
        }
    }
}

/// "One of `:batches`".
fn among(conn: &DbConn) -> &'static str {
    match conn {
        DbConn::Sqlite(_) => "IN (SELECT value FROM json_each(:batches))",
        DbConn::Postgres(_) => "= ANY(CAST(:batches AS BIGINT[]))",
    }
}

/// The windows of `:batches` of `:merchant` with their sums; what is still to be settled has
/// windows of its own.
fn windows(conn: &DbConn) -> String {
    let among = among(conn);
    let moved = moved(conn, among);
    format!(
        "SELECT batch_id, valid_from, expires_at, {} FROM ( \
             SELECT batch_id, valid_from, expires_at, {} FROM stock_by_window WHERE merchant_id = \
             :merchant AND batch_id {among} \
             UNION ALL \
             SELECT m.batch_id, m.valid_from, m.expires_at, {} FROM stock_movements m WHERE \
             {moved} \
                 AND {PUBLISHED}) AS parts \
         GROUP BY batch_id, valid_from, expires_at",
        sums(),
        SUMS.join(", "),
        SUMS.map(|name| format!("m.{name}")).join(", "),
    )
}

/// Asks with merchant and batches for values beside its own.
fn ask<R>(
    conn: &mut DbConn,
    question: PreparedSql<'_, Untyped>,
    scope: Scope,
    batches: &[i64],
) -> Result<Vec<R>, Error>
where
    R: QueryableByName<diesel::sqlite::Sqlite> + QueryableByName<diesel::pg::Pg> + 'static,
{
    let list = batches.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let list = match conn {
        DbConn::Sqlite(_) => format!("[{list}]"),
        DbConn::Postgres(_) => format!("{{{list}}}"),
    };
    let question = question.bind("merchant", scope.merchant().0).bind("batches", &list);
    let question = question.with_unseen_values(conn);
    Ok(each!(conn, |c| question.load(c)?))
}

#[derive(QueryableByName)]
struct EndRow {
    #[diesel(sql_type = BigInt)]
    batch_id: i64,
    #[diesel(sql_type = Instant)]
    at: At,
    #[diesel(sql_type = BigInt)]
    codes: i64,
}

/// When the usable codes of each of these batches end by themselves, soonest first; those of one
/// day (UTC) together, at the last of its ends.
pub fn ends(
    conn: &mut DbConn,
    scope: Scope,
    batches: &[BatchId],
    now: DateTime<Utc>,
) -> Result<Vec<(BatchId, CodeEnding)>, Error> {
    let ids: Vec<i64> = batches.iter().map(|batch| batch.0).collect();
    let day = match conn {
        DbConn::Sqlite(_) => "substr(expires_at, 1, 10)",
        DbConn::Postgres(_) => "date_trunc('day', expires_at, 'UTC')",
    };
    let text = format!(
        "SELECT batch_id, max(CASE WHEN expires_at > :now AND valid_from <= :now AND clean > 0 \
         THEN expires_at END) AS at, \
             CAST(sum(CASE WHEN expires_at > :now AND valid_from <= :now THEN clean ELSE 0 END) \
             AS BIGINT) AS codes \
         FROM ({}) AS windows GROUP BY batch_id, {day} \
         HAVING sum(CASE WHEN expires_at > :now AND valid_from <= :now THEN clean ELSE 0 END) > 0 \
         ORDER BY batch_id, at",
        windows(conn),
    );
    let rows: Vec<EndRow> = ask(conn, PreparedSql::new(text).bind("now", At(now)), scope, &ids)?;
    let end = |At(at): At| Some(at).filter(|at| *at < no_end());
    Ok(rows
        .into_iter()
        .map(|row| (BatchId(row.batch_id), CodeEnding { at: end(row.at), codes: row.codes }))
        .collect())
}

/// Counts the codes of each of these batches at `now`, in their order.
pub fn count(
    conn: &mut DbConn,
    scope: Scope,
    batches: &[Batch],
    now: DateTime<Utc>,
) -> Result<Vec<StockCounts>, Error> {
    if batches.is_empty() {
        return Ok(vec![]);
    }
    let ids: Vec<i64> = batches.iter().map(|batch| batch.id.0).collect();
    let text = format!(
        "SELECT batch_id, \
             CAST(sum(CASE WHEN expires_at > :now AND valid_from <= :now THEN clean ELSE 0 END) \
             AS BIGINT) AS usable, \
             CAST(sum(CASE WHEN expires_at > :now AND valid_from > :now THEN clean ELSE 0 END) AS \
             BIGINT) AS early, \
             CAST(sum(CASE WHEN expires_at <= :now THEN clean ELSE 0 END) AS BIGINT) AS expired, \
             {}, \
             max(CASE WHEN expires_at <= :now AND clean > 0 THEN expires_at END) AS last_expired, \
             min(CASE WHEN expires_at > :now AND valid_from <= :now AND clean > 0 THEN expires_at \
             END) AS first_end, \
             max(CASE WHEN clean > 0 THEN expires_at END) AS last_end, \
             (SELECT w.coupon_to FROM withdrawals w WHERE w.merchant_id = :merchant AND \
             w.batch_id = windows.batch_id AND w.ended_at IS NULL) \
                 AS held_to \
         FROM ({}) AS windows GROUP BY batch_id",
        sums(),
        windows(conn),
    );
    let rows: Vec<StockSums> = ask(conn, PreparedSql::new(text).bind("now", At(now)), scope, &ids)?;
    let mut stocks = Vec::with_capacity(batches.len());
    for batch in batches {
        let row = rows.iter().find(|row| row.batch_id == batch.id.0);
        let mut stock = row.map(|row| stock_of(batch, row, now)).unwrap_or_default();
        // What is being withdrawn is not handed out any more, although it still stands in stock.
        if let Some(held_to) = row.and_then(|row| row.held_to) {
            let usable = if stock.usable > 0 {
                coupons::count_usable_above(conn, scope, batch, held_to, now)?
            } else {
                0
            };
            stock.withdrawn += stock.usable - usable;
            stock.usable = usable;
        }
        stocks.push(stock);
    }
    Ok(stocks)
}

/// Counts the codes of one batch at `now`.
pub fn count_one(
    conn: &mut DbConn,
    scope: Scope,
    batch: &Batch,
    now: DateTime<Utc>,
) -> Result<StockCounts, Error> {
    Ok(count(conn, scope, std::slice::from_ref(batch), now)?.pop().unwrap_or_default())
}

/// The sums look at the coupons' own windows; the batch's limits come on top.
fn stock_of(batch: &Batch, row: &StockSums, now: DateTime<Utc>) -> StockCounts {
    let clean = row.usable + row.early + row.expired;
    let (ended, early) = (batch.window.has_expired(now), !batch.window.has_started(now));
    let (usable, expired, not_started) = match (ended, early) {
        (true, _) => (0, clean, 0),
        (false, true) => (0, row.expired, row.usable + row.early),
        (false, false) => (row.usable, row.expired, row.early),
    };
    let last = if ended { row.last_end } else { row.last_expired };
    let own_end = last.map(|At(at)| at).filter(|at| *at < no_end());
    StockCounts {
        usable,
        expired,
        not_started,
        barred: row.barred,
        redeemed: row.redeemed,
        allocated: row.allocated,
        replaced: row.replaced,
        withdrawn: row.withdrawn,
        first_end: row.first_end.map(|At(at)| at).filter(|at| *at < no_end()),
        last_end: row.last_end.map(|At(at)| at).filter(|at| *at < no_end()),
        last_expired_at: if expired == 0 {
            None
        } else if ended {
            // Those without an end of their own ended with the batch.
            match (own_end, batch.window.until) {
                (Some(own), Some(end)) => Some(own.min(end)),
                (own, end) => own.or(end),
            }
        } else {
            own_end
        },
    }
}

/// What happened to a batch's stock on one day (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    pub batch: BatchId,
    pub day: NaiveDate,
    /// Came into stock.
    pub added: i64,
    /// Left the stock for a reward, reissues among them.
    pub handed_out: i64,
    pub reissued: i64,
    /// How many more, or fewer, were in stock and neither barred nor redeemed at its end than at
    /// its beginning.
    pub clean: i64,
}

#[derive(QueryableByName)]
struct DayRow {
    #[diesel(sql_type = BigInt)]
    batch_id: i64,
    #[diesel(sql_type = Text)]
    day: String,
    #[diesel(sql_type = BigInt)]
    clean: i64,
    #[diesel(sql_type = BigInt)]
    barred: i64,
    #[diesel(sql_type = BigInt)]
    redeemed: i64,
    #[diesel(sql_type = BigInt)]
    allocated: i64,
    #[diesel(sql_type = BigInt)]
    replaced: i64,
    #[diesel(sql_type = BigInt)]
    withdrawn: i64,
}

/// The days from `since` on of each of these batches, oldest first; a day on which nothing happened
/// is left out.
pub fn days(
    conn: &mut DbConn,
    scope: Scope,
    batches: &[BatchId],
    since: NaiveDate,
) -> Result<Vec<Day>, Error> {
    let ids: Vec<i64> = batches.iter().map(|batch| batch.0).collect();
    let among = among(conn);
    let text = format!(
        "SELECT batch_id, day, {} FROM ( \
             SELECT batch_id, day, {} FROM stock_by_day WHERE merchant_id = :merchant AND day >= \
             :since AND batch_id {among} \
             UNION ALL \
             SELECT m.batch_id, m.day, {} FROM stock_movements m WHERE {} AND m.day >= :since \
                 AND {PUBLISHED}) AS parts \
         GROUP BY batch_id, day ORDER BY batch_id, day",
        sums(),
        SUMS.join(", "),
        SUMS.map(|name| format!("m.{name}")).join(", "),
        moved(conn, among),
    );
    let since = since.format("%Y-%m-%d").to_string();
    let rows: Vec<DayRow> = ask(conn, PreparedSql::new(text).bind("since", &since), scope, &ids)?;
    rows.into_iter()
        .map(|row| {
            Ok(Day {
                batch: BatchId(row.batch_id),
                day: row
                    .day
                    .parse()
                    .map_err(|_| Error::Corrupt(format!("{:?} is not a day of stock", row.day)))?,
                added: row.clean
                    + row.barred
                    + row.redeemed
                    + row.allocated
                    + row.replaced
                    + row.withdrawn,
                handed_out: row.allocated + row.replaced,
                reissued: row.replaced,
                clean: row.clean,
            })
        })
        .collect()
}

#[derive(QueryableByName)]
struct EndedRow {
    #[diesel(sql_type = Instant)]
    at: At,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// The moments at which codes that are still in stock have ended by themselves, and how many at
/// each; the latest thousand.
pub fn ended_windows(
    conn: &mut DbConn,
    scope: Scope,
    batch: BatchId,
    now: DateTime<Utc>,
) -> Result<Vec<(DateTime<Utc>, i64)>, Error> {
    let rows: Vec<EndedRow> = PreparedSql::<Untyped>::new(
        "SELECT expires_at AS at, CAST(sum(clean) AS BIGINT) AS n FROM stock_by_window \
         WHERE merchant_id = :merchant AND batch_id = :batch AND expires_at <= :now AND clean > 0 GROUP BY \
         expires_at ORDER BY expires_at DESC LIMIT 1000",
    )
    .bind("merchant", scope.merchant().0)
    .bind("batch", batch.0)
    .bind("now", At(now)).planned_afresh()
    .load(conn)?;
    Ok(rows.into_iter().map(|row| (row.at.0, row.n)).collect())
}

/// The movements that can be added up.
fn finished(conn: &DbConn) -> String {
    let above = match conn {
        DbConn::Sqlite(_) => "true",
        DbConn::Postgres(_) => ABOVE,
    };
    format!("SELECT m.id FROM stock_movements m WHERE {above} AND {PUBLISHED}")
}

/// Whether anything can be added up.
pub fn has_movements(conn: &mut DbConn) -> Result<bool, Error> {
    // What a killed import has left waits for the next import to remove it.
    let some: Vec<Settled> =
        sql_query(format!("{} LIMIT 1", finished(conn).replacen("m.id", "m.id AS n", 1)))
            .load(conn)?;
    Ok(!some.is_empty())
}

/// Adds up to `limit` finished movements to the sums; answers how many there were.
///
/// One at a time on PostgreSQL: two would lock the sums' rows in different orders.
pub fn settle(tx: &mut WriteTx<'_>, limit: i64) -> Result<usize, Error> {
    const ADD: &str = "clean = s.clean + excluded.clean, barred = s.barred + excluded.barred, \
        redeemed = s.redeemed + excluded.redeemed, \
        allocated = s.allocated + excluded.allocated, replaced = s.replaced + excluded.replaced, \
        withdrawn = s.withdrawn + excluded.withdrawn";
    let columns = SUMS.join(", ");
    let (by_window, by_day) =
        ("merchant_id, batch_id, valid_from, expires_at", "merchant_id, batch_id, day");
    let add = |table: &str, key: &str, from: &str| {
        format!(
            "INSERT INTO {table} AS s ({key}, {columns}) SELECT {key}, {} FROM {from} GROUP BY \
             {key} ON CONFLICT ({key}) DO UPDATE SET {ADD}",
            sums()
        )
    };
    let finished = finished(tx);
    AdvisoryLock::StockSums.wait(tx)?;
    match &mut **tx {
        DbConn::Sqlite(conn) => {
            // Nobody else writes between these.
            let some = format!(
                "(SELECT * FROM stock_movements WHERE id IN ({finished} ORDER BY m.id LIMIT \
                 {limit}) AND true)"
            );
            sql_query(add("stock_by_window", by_window, &some)).execute(conn)?;
            sql_query(add("stock_by_day", by_day, &some)).execute(conn)?;
            Ok(sql_query(format!(
                "DELETE FROM stock_movements WHERE id IN ({finished} ORDER BY m.id LIMIT {limit})"
            ))
            .execute(conn)?)
        }
        DbConn::Postgres(conn) => {
            let done: Settled = sql_query(format!(
                "WITH gone AS (DELETE FROM stock_movements WHERE id IN ({finished} ORDER BY m.id \
                 LIMIT {limit}) RETURNING *), \
                     windows AS ({} RETURNING 1), days AS ({} RETURNING 1) \
                 SELECT count(*) AS n FROM gone",
                add("stock_by_window", by_window, "gone"),
                add("stock_by_day", by_day, "gone"),
            ))
            .get_result(conn)?;
            Ok(usize::try_from(done.n).unwrap_or(usize::MAX))
        }
    }
}

#[derive(QueryableByName)]
struct Settled {
    #[diesel(sql_type = BigInt)]
    n: i64,
}
