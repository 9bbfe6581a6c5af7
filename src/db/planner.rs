//! Hints to the two query planners, by name, and why each is there.
//!
//! Neither database takes hints of its own here: the planner is told by how a statement is written.
//! Such writing looks like a mistake to whoever does not know the reason, so statements use the
//! names below. A test reads the plan of every statement on both databases (`tests/it/plans`).
//!
//! Two things make hints needed. A statement is prepared once for each connection, and PostgreSQL
//! then weighs a plan for any values against one for these, guessing where it does not see a value:
//! a range with two ends is narrow, a list has ten entries, each condition leaves a third. And the
//! statistics may be wrong for a while: an import fills tables faster than they are counted, and a
//! database is empty when its first plans are made. SQLite counts nothing by itself: the migrations
//! write the statistics of a large desk into `sqlite_stat1`, so that its plans are those of a large
//! desk from the beginning, and the same everywhere.

use diesel::{
    QueryResult,
    backend::Backend,
    expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate},
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::Bool,
};

/// A numeric column whose indexes and statistics are not to be used: only the other conditions lead
/// to the rows, and the planner does not guess how many this one leaves.
///
/// Without it an index that merely begins with the merchant, or a range of ids that is taken for a
/// narrow one, looks as good as the right index, and a statement reads or sorts a whole batch.
macro_rules! hidden {
    ($column:literal) => {
        concat!($column, " + 0")
    };
}
pub(super) use hidden;

/// The same for a column of text.
macro_rules! hidden_text {
    ($column:literal) => {
        concat!($column, " || ''")
    };
}
pub(super) use hidden_text;

/// Several conditions that the planner takes for one.
///
/// PostgreSQL takes each comparison with a value it cannot see for a third of what is left, and
/// several as one for half. Where many batches are small it would expect a single row of a large
/// one, too, and then sorting looks hardly dearer than walking along an index.
macro_rules! as_one {
    ($($conditions:expr),+ $(,)?) => {
        concat!("CASE WHEN ", $($conditions),+, " THEN true ELSE false END")
    };
}
pub(super) use as_one;

/// A condition that a column is not below a bound, for which an index on the column is used
/// whatever the bound is.
///
/// PostgreSQL takes a range with one end for a third of the table and one with two ends for a
/// narrow one, so this has the highest number there is as its other end.
macro_rules! not_below {
    ($column:literal, $bound:literal) => {
        concat!($column, " BETWEEN ", $bound, " AND 9223372036854775807")
    };
}
pub(super) use not_below;

/// A query that is run once for each row of those before it, and never merged with what is around
/// it: one look into one index each, whatever the statistics say. For PostgreSQL, after `LATERAL`.
/// On SQLite, `CROSS JOIN` does the same: it is done in the order that is written.
macro_rules! one_look_each {
    ($($select:expr),+ $(,)?) => {
        concat!("(", $($select),+, " OFFSET 0)")
    };
}
pub(super) use one_look_each;

/// What stands before and after a value that PostgreSQL is not to see when it plans.
///
/// For a value that it sees it plans again at each call where a plan for any values looks dearer
/// than one for this one. For ranges and lists that is a matter of guesses: the statement that
/// allocates a coupon took as long to plan as to run.
pub(super) const UNSEEN: (&str, &str) = ("(SELECT ", ")");

/// What turns off reading whole tables for the rest of the transaction: a job's plans may be kept
/// from when its tables were empty, those of the triggers among them, and each row would walk
/// through all of a table.
pub(super) const NEVER_WHOLE_TABLES: &str = "SET LOCAL enable_seqscan = off";

/// What turns off compiling statements to machine code. Where statistics lag behind, as under an
/// import, a statement looks so dear that it seems worth it: 80 ms for each slice of 5 ms
/// (measured).
pub(super) const NEVER_COMPILED: &str = "SET jit = off";

/// A condition that is written out, with words of our own in it, in a query that diesel writes.
///
/// An index that holds some rows alone serves only a query that says so in its text: with a value
/// it might be other rows. And PostgreSQL would plan again for each list of values.
#[derive(Debug, Clone)]
pub(super) struct WrittenOut {
    text: String,
    is_kept: bool,
}

impl WrittenOut {
    /// For a statement that a connection keeps, with its plan.
    pub(super) fn kept(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_kept: true }
    }

    /// For one that is planned at each call, for its values and for the tables as they are then.
    pub(super) fn planned_afresh(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_kept: false }
    }
}

impl Expression for WrittenOut {
    type SqlType = Bool;
}

impl<QS> AppearsOnTable<QS> for WrittenOut {}

impl<QS> SelectableExpression<QS> for WrittenOut {}

impl<G> ValidGrouping<G> for WrittenOut {
    type IsAggregate = is_aggregate::No;
}

impl QueryId for WrittenOut {
    type QueryId = ();
    // The text is the key of the cache.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<DB: Backend> QueryFragment<DB> for WrittenOut {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if !self.is_kept {
            out.unsafe_to_cache_prepared();
        }
        out.push_sql(&self.text);
        Ok(())
    }
}
