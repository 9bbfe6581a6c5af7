//! SQL of our own whose text never changes: prepared once for each connection and then only
//! executed.
//!
//! Diesel's `sql_query` and `update` are parsed and planned again at every call, which on
//! PostgreSQL is a round trip and, for the statement that allocates a coupon, more work than its
//! execution.

use diesel::{
    QueryResult, RunQueryDsl,
    backend::Backend,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    serialize::ToSql,
    sql_types::{BigInt, HasSqlType, Text},
};

use super::{
    DbConn,
    instant::{At, Instant},
    planner::UNSEEN,
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
    unseen: bool,
    rows: std::marker::PhantomData<ST>,
}

impl<'a, ST> PreparedSql<'a, ST> {
    pub fn new(text: &'a str, binds: &'a [Bind<'a>]) -> Self {
        Self { text, binds, unseen: false, rows: std::marker::PhantomData }
    }

    /// The same statement, whose values `PostgreSQL` does not see when it plans; see [`UNSEEN`].
    /// `SQLite` is built so that it never looks at them, and behind a pooler no plan is kept.
    pub fn with_unseen_values(self, conn: &DbConn) -> Self {
        Self { unseen: matches!(conn, DbConn::Postgres(_)), ..self }
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
                if self.unseen {
                    out.push_sql(UNSEEN.0);
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
                if self.unseen {
                    out.push_sql(UNSEEN.1);
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
