//! Up to which movement of stock all are added up, on PostgreSQL.
//!
//! What was added up is deleted, and stays in the table and its indexes until it is vacuumed, which
//! an old snapshot (a dump, a long report) can put off for hours. A count would walk over all of
//! it: half a second for half a million (measured). So one row says up to which id nothing is left
//! and nothing will ever appear, and counts begin after it. Each statement sees row and movements
//! at the same moment. On SQLite, which leaves no dead rows, the watermark stays at 0 and nobody
//! asks for it.

use diesel::{
    QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Text},
};

use super::{Database, Error, locks::AdvisoryLock, planner::not_below};
use crate::each;

/// The movements of `m` that are still to be added up.
pub const ABOVE: &str = not_below!("m.id", "(SELECT settled_to + 1 FROM stock_marks WHERE id = 1)");

/// The least step of the watermark: each move leaves an old row that is not vacuumed either.
const MARK_STEP_IDS: i64 = 1_000;

/// Movements that were drawn, and who may still hold one of them that nobody else can see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Horizon {
    drawn: i64,
    writers: Vec<String>,
    /// Which server said so: another one, that took over, may draw the same ids again.
    server: String,
}

#[derive(QueryableByName)]
struct Numbers {
    #[diesel(sql_type = BigInt)]
    drawn: i64,
    #[diesel(sql_type = BigInt)]
    mark: i64,
    #[diesel(sql_type = Text)]
    server: String,
}

#[derive(QueryableByName)]
struct MarkWriterRow {
    #[diesel(sql_type = Text)]
    v: String,
}

impl Horizon {
    /// Up to where all is decided, now that this is the horizon; `None`: somebody of `earlier` is
    /// still writing.
    fn decided(&self, earlier: Option<&Self>) -> Option<i64> {
        if self.writers.is_empty() {
            return Some(self.drawn);
        }
        let earlier = earlier
            .filter(|earlier| earlier.server == self.server && earlier.drawn <= self.drawn)?;
        earlier.writers.iter().all(|writer| !self.writers.contains(writer)).then_some(earlier.drawn)
    }
}

/// Advances the watermark as far as possible; answers the horizon to come back with.
pub fn advance(db: &Database, earlier: Option<Horizon>) -> Result<Option<Horizon>, Error> {
    if db.is_sqlite() {
        return Ok(None);
    }
    let seen: Option<(Horizon, i64)> = db.read(|conn| {
        // In this order: every transaction that holds an id up to `drawn` is among the writers.
        // They are known by their lock on the table, which a transaction takes before it draws an
        // id, and gives back after its movements can be seen.
        let numbers: Numbers = each!(conn, |c| sql_query(
            // The function asks for the right to use the sequence, which an account of its own for
            // `serve` has; a look into it, for another.
            "SELECT CASE WHEN has_sequence_privilege('stock_movements_id_seq', 'USAGE') \
                     THEN coalesce(pg_sequence_last_value('stock_movements_id_seq'), 0) ELSE \
                     m.settled_to END AS drawn, \
                 m.settled_to AS mark, pg_postmaster_start_time()::text AS server FROM \
                 stock_marks m WHERE m.id = 1",
        )
        .get_result(c))?;
        if (0..MARK_STEP_IDS).contains(&(numbers.drawn - numbers.mark)) {
            return Ok::<_, Error>(None);
        }
        let writers: Vec<MarkWriterRow> = each!(conn, |c| sql_query(
            "SELECT virtualtransaction AS v FROM pg_locks WHERE locktype = 'relation' AND \
             relation = 'stock_movements'::regclass \
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND \
             mode = 'RowExclusiveLock' AND granted",
        )
        .load(c))?;
        let writers = writers.into_iter().map(|writer| writer.v).collect();
        Ok(Some((Horizon { drawn: numbers.drawn, writers, server: numbers.server }, numbers.mark)))
    })?;
    let Some((now, mark)) = seen else { return Ok(None) };
    if now.drawn < mark {
        tracing::warn!(
            mark,
            drawn = now.drawn,
            "the numbers of stock movements were set back; all movements are counted again"
        );
        go_back(db)?;
        return Ok(None);
    }
    match now.decided(earlier.as_ref()) {
        Some(to) if to - mark >= MARK_STEP_IDS => {
            move_to(db, to)?;
            Ok(Some(now))
        }
        Some(_) => Ok(Some(now)),
        None => Ok(earlier
            .filter(|earlier| earlier.server == now.server && earlier.drawn <= now.drawn)
            .or(Some(now))),
    }
}

/// Somebody set the sequence back, by hand or with an upgrade that forgot sequences: what is drawn
/// from now on is below the watermark.
fn go_back(db: &Database) -> Result<(), Error> {
    db.write(|tx| {
        AdvisoryLock::StockSums.wait(tx)?;
        each!(&mut **tx, |c| sql_query("UPDATE stock_marks SET settled_to = 0").execute(c))?;
        Ok(())
    })
}

/// Moves the watermark to there, or to just below the first movement that is still to be added up.
fn move_to(db: &Database, to: i64) -> Result<(), Error> {
    db.write(|tx| {
        // Waits for a settling in progress: what it deleted is gone for everybody who sees the
        // watermark.
        AdvisoryLock::StockSums.wait(tx)?;
        each!(&mut **tx, |c| sql_query(format!(
            "UPDATE stock_marks SET settled_to = reached.id FROM (SELECT least($1, (SELECT \
             min(m.id) - 1 FROM stock_movements m WHERE {ABOVE})) AS id) \
             AS reached WHERE reached.id - settled_to >= {MARK_STEP_IDS}"
        ))
        .bind::<BigInt, _>(to)
        .execute(c))?;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_decided_while_somebody_of_then_still_writes() {
        let horizon = |drawn, writers: &[&str], server: &str| Horizon {
            drawn,
            writers: writers.iter().map(|writer| (*writer).to_owned()).collect(),
            server: server.to_owned(),
        };
        let earlier = horizon(10, &["3/7", "4/2"], "a");
        assert_eq!(horizon(20, &[], "a").decided(None), Some(20));
        assert_eq!(horizon(20, &["5/1"], "a").decided(None), None);
        assert_eq!(horizon(20, &["5/1"], "a").decided(Some(&earlier)), Some(10));
        assert_eq!(horizon(20, &["5/1", "4/2"], "a").decided(Some(&earlier)), None);
        assert_eq!(horizon(20, &["5/1"], "b").decided(Some(&earlier)), None, "another server");
        assert_eq!(horizon(9, &["5/1"], "a").decided(Some(&earlier)), None, "ids were drawn again");
    }
}
