//! SQL of our own whose text never changes: prepared once for each connection and then only
//! executed.
//!
//! Diesel's `sql_query` and `update` are parsed and planned again at every call, which on
//! PostgreSQL is a round trip and, for the statement that allocates a coupon, more work than its
//! execution.

use diesel::{
    QueryResult, RunQueryDsl,
    backend::Backend,
    expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate},
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    serialize::ToSql,
    sql_types::{BigInt, Bool, HasSqlType, Text},
};

use super::{
    DbConn,
    instant::{At, Instant},
};

/// A value for one of the placeholders.
#[derive(Debug, Clone, Copy)]
pub enum Bind<'a> {
    Number(i64),
    Moment(At),
    Text(&'a str),
}

/// A statement with its values; `ST` is what its rows hold. The text has a `?` as
/// the placeholder of each value, in the values' order, and no other `?`.
#[derive(Debug)]
pub struct PreparedSql<'a, ST = ()> {
    text: &'a str,
    binds: &'a [Bind<'a>],
    opaque: bool,
    rows: std::marker::PhantomData<ST>,
}

impl<'a, ST> PreparedSql<'a, ST> {
    pub fn new(text: &'a str, binds: &'a [Bind<'a>]) -> Self {
        Self { text, binds, opaque: false, rows: std::marker::PhantomData }
    }

    /// The same statement, whose values `PostgreSQL` does not see when it plans. It plans again at
    /// each call where a plan for any values looks dearer than one for these, which for ranges and
    /// lists is a matter of guesses: the statement that allocates a coupon took as long to plan as
    /// to run. `SQLite` is built so that it never looks at them, and behind a pooler no plan is
    /// kept.
    pub fn with_opaque_values(self, conn: &DbConn) -> Self {
        Self { opaque: matches!(conn, DbConn::Postgres(_)), ..self }
    }
}

impl<ST> QueryId for PreparedSql<'_, ST> {
    type QueryId = ();
    // The text is the key of the cache.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<ST> Query for PreparedSql<'_, ST> {
    type SqlType = ST;
}

impl<Conn, ST> RunQueryDsl<Conn> for PreparedSql<'_, ST> {}

impl<DB, ST> QueryFragment<DB> for PreparedSql<'_, ST>
where
    DB: Backend + HasSqlType<Instant>,
    i64: ToSql<BigInt, DB>,
    At: ToSql<Instant, DB>,
    str: ToSql<Text, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let mut binds = self.binds.iter();
        for (at, piece) in self.text.split('?').enumerate() {
            if at > 0 {
                if self.opaque {
                    out.push_sql("(SELECT ");
                }
                match binds.next() {
                    Some(Bind::Number(number)) => out.push_bind_param::<BigInt, _>(number)?,
                    Some(Bind::Moment(moment)) => out.push_bind_param::<Instant, _>(moment)?,
                    Some(Bind::Text(text)) => out.push_bind_param::<Text, str>(text)?,
                    None => {
                        return Err(diesel::result::Error::QueryBuilderError(
                            "a mark without a value".into(),
                        ));
                    }
                }
                if self.opaque {
                    out.push_sql(")");
                }
            }
            out.push_sql(piece);
        }
        if binds.next().is_some() {
            return Err(diesel::result::Error::QueryBuilderError("a value without a mark".into()));
        }
        Ok(())
    }
}

/// A condition whose text never changes, for a query that diesel writes and a connection keeps:
/// with a `sql` of diesel's it would not be kept. What stands there as a word and not as a value
/// can choose an index that holds some rows alone, in a plan for any values too.
#[derive(Debug, Clone)]
pub struct RawCondition(pub String);

impl Expression for RawCondition {
    type SqlType = Bool;
}

impl<QS> AppearsOnTable<QS> for RawCondition {}

impl<QS> SelectableExpression<QS> for RawCondition {}

impl<G> ValidGrouping<G> for RawCondition {
    type IsAggregate = is_aggregate::No;
}

impl QueryId for RawCondition {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<DB: Backend> QueryFragment<DB> for RawCondition {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(&self.0);
        Ok(())
    }
}

/// A text whose values have names, such as `:now`, as one with placeholders, and the values in the
/// placeholders' order.
pub fn named<'a>(text: &str, values: &[(&str, Bind<'a>)]) -> (String, Vec<Bind<'a>>) {
    let (mut marked, mut binds) = (String::with_capacity(text.len()), vec![]);
    let mut rest = text;
    while let Some(at) = rest.find(':') {
        let name =
            rest[at + 1..].split(|c: char| !c.is_ascii_lowercase()).next().unwrap_or_default();
        marked.push_str(&rest[..at]);
        match values.iter().find(|(known, _)| *known == name) {
            Some((_, bind)) => {
                marked.push('?');
                binds.push(*bind);
            }
            None => marked.push_str(&rest[at..=at + name.len()]),
        }
        rest = &rest[at + 1 + name.len()..];
    }
    marked.push_str(rest);
    (marked, binds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_marks_in_the_order_in_which_they_stand() {
        let values = [("merchant", Bind::Number(7)), ("now", Bind::Text("noon"))];
        let (text, binds) = named("a = :now AND b = :merchant AND c = :now AND d = 'x:y'", &values);
        assert_eq!(text, "a = ? AND b = ? AND c = ? AND d = 'x:y'");
        assert!(matches!(
            binds.as_slice(),
            [Bind::Text("noon"), Bind::Number(7), Bind::Text("noon")]
        ));
    }
}
