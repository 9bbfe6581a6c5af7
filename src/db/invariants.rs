//! Looks for rows that contradict the invariants (docs/guarantees.md, section I), as if no
//! constraint and no trigger were there: somebody may have dropped them, edited the data by hand,
//! or restored half a backup. Answers numbers of rows only; codes and people stay where they are.

use diesel::{QueryableByName, RunQueryDsl, sql_types::BigInt};

use super::{DbConn, Error};

mod actors;
mod letters;
mod orders;
mod probes;
mod records;

/// An invariant that `check` proves; I7 is shown by the load and kill tests only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    I1,
    I2,
    I3,
    I4,
    I5,
    I6,
    I8,
    I9,
    I10,
    I12,
}

impl Invariant {
    pub const ALL: [Self; 10] = [
        Self::I1,
        Self::I2,
        Self::I3,
        Self::I4,
        Self::I5,
        Self::I6,
        Self::I8,
        Self::I9,
        Self::I10,
        Self::I12,
    ];
}

/// Rows that contradict an invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What the rows are, as "coupons that …".
    pub what: &'static str,
    pub count: i64,
    /// The first few of their numbers.
    pub ids: Vec<i64>,
}

/// How many ids are named as examples; the rest is only counted.
const MAX_EXAMPLES: usize = 5;

/// A statement that selects the `id` of each row that contradicts an invariant; the same on both
/// databases.
struct InvariantProbe {
    what: &'static str,
    sql: &'static str,
}

#[derive(QueryableByName)]
struct FoundRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// All that contradicts the invariant; best asked inside [`super::Database::snapshot`].
pub fn contradictions(conn: &mut DbConn, invariant: Invariant) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    for probe in probes::of(invariant) {
        findings.extend(run(conn, probe)?);
    }
    match invariant {
        Invariant::I1 => {
            findings.extend(letters::wrongly_folded(conn)?);
            findings.extend(letters::one_code_twice(conn)?);
        }
        Invariant::I5 => findings.extend(records::that_tell_another_story(conn)?),
        Invariant::I10 => findings.extend(actors::without_a_role(conn)?),
        Invariant::I12 => findings.extend(orders::in_another_form(conn)?),
        _ => {}
    }
    Ok(findings)
}

fn run(conn: &mut DbConn, probe: &InvariantProbe) -> Result<Option<Finding>, Error> {
    // The count is asked for only where a row comes out.
    let sql = format!(
        "WITH bad AS ({}) SELECT id, (SELECT count(*) FROM bad) AS n FROM (SELECT id FROM bad \
         ORDER BY id LIMIT {MAX_EXAMPLES}) AS named ORDER BY id",
        probe.sql
    );
    let rows: Vec<FoundRow> = diesel::sql_query(sql).load(conn)?;
    Ok(rows.first().map(|first| Finding {
        what: probe.what,
        count: first.n,
        ids: rows.iter().map(|row| row.id).collect(),
    }))
}

/// A finding from all the ids, found in Rust.
fn finding(what: &'static str, mut ids: Vec<i64>) -> Option<Finding> {
    let count = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    ids.sort_unstable();
    ids.truncate(MAX_EXAMPLES);
    (count > 0).then_some(Finding { what, count, ids })
}
