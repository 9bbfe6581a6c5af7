//! SQL of our own, with named values. Its text never changes: it is prepared once for each
//! connection and then only executed.
//!
//! Diesel's `sql_query` and `update` are parsed and planned again at every call, which on
//! PostgreSQL is a round trip and, for the statement that allocates a coupon, more work than its
//! execution. Where the plan depends on the values, or on how a table has grown since, a statement
//! asks for that.

use std::borrow::Cow;

use diesel::{
    QueryResult, RunQueryDsl,
    backend::Backend,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    serialize::ToSql,
    sql_types::{BigInt, Binary, HasSqlType, Text},
};

use super::{
    DbConn,
    instant::{At, Instant},
    planner::UNSEEN,
};

/// A value of a statement.
#[derive(Debug, Clone, Copy)]
pub enum Bind<'a> {
    Number(i64),
    Moment(At),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl From<i64> for Bind<'_> {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<At> for Bind<'_> {
    fn from(at: At) -> Self {
        Self::Moment(at)
    }
}

impl<'a> From<&'a str> for Bind<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Bind<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Bind<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

/// A statement with its values; `ST` is what its rows hold. A value stands in the text by its name,
/// such as `:now`, as often as it is needed.
#[derive(Debug)]
pub struct PreparedSql<'a, ST = ()> {
    text: Cow<'a, str>,
    values: Vec<(Cow<'a, str>, Bind<'a>)>,
    unseen: bool,
    is_kept: bool,
    rows: std::marker::PhantomData<ST>,
}

impl<'a, ST> PreparedSql<'a, ST> {
    pub fn new(text: impl Into<Cow<'a, str>>) -> Self {
        Self {
            text: text.into(),
            values: vec![],
            unseen: false,
            is_kept: true,
            rows: std::marker::PhantomData,
        }
    }

    /// Gives the value of that name.
    #[must_use]
    pub fn bind(mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Bind<'a>>) -> Self {
        self.values.push((name.into(), value.into()));
        self
    }

    /// The same statement, whose values `PostgreSQL` does not see when it plans; see [`UNSEEN`].
    /// `SQLite` is built so that it never looks at them, and behind a pooler no plan is kept.
    #[must_use]
    pub fn with_unseen_values(self, conn: &DbConn) -> Self {
        Self { unseen: matches!(conn, DbConn::Postgres(_)), ..self }
    }

    /// The same statement, planned at each call for its values and for the tables as they are then.
    #[must_use]
    pub fn planned_afresh(self) -> Self {
        Self { is_kept: false, ..self }
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
    [u8]: ToSql<Binary, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if !self.is_kept {
            out.unsafe_to_cache_prepared();
        }
        for part in parts(&self.text) {
            let name = match part {
                Part::Text(text) => {
                    out.push_sql(text);
                    continue;
                }
                Part::Name(name) => name,
            };
            let Some((_, value)) = self.values.iter().find(|(known, _)| known == name) else {
                return Err(wrong(format!("there is no value for :{name}")));
            };
            if self.unseen {
                out.push_sql(UNSEEN.0);
            }
            match value {
                Bind::Number(number) => out.push_bind_param::<BigInt, _>(number)?,
                Bind::Moment(moment) => out.push_bind_param::<Instant, _>(moment)?,
                Bind::Text(text) => out.push_bind_param::<Text, str>(text)?,
                Bind::Bytes(bytes) => out.push_bind_param::<Binary, [u8]>(bytes)?,
            }
            if self.unseen {
                out.push_sql(UNSEEN.1);
            }
        }
        Ok(())
    }
}

fn wrong(what: String) -> diesel::result::Error {
    diesel::result::Error::QueryBuilderError(what.into())
}

#[derive(Debug, PartialEq, Eq)]
enum Part<'t> {
    Text(&'t str),
    /// Of a value, without its colon.
    Name(&'t str),
}

/// The text between the names of values, and the names. No name begins within quotes or after two
/// colons, which are PostgreSQL's sign for a type.
fn parts(text: &str) -> Vec<Part<'_>> {
    let is_of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let (mut found, mut begin, mut is_quoted) = (vec![], 0, false);
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'\'' => is_quoted = !is_quoted,
            b':' if !is_quoted && at >= begin && bytes[..at].last() != Some(&b':') => {
                let name = text[at + 1..].split(|c: char| !is_of_name(c)).next().unwrap_or("");
                if name.starts_with(|c: char| c.is_ascii_lowercase()) {
                    found.extend([Part::Text(&text[begin..at]), Part::Name(name)]);
                    begin = at + 1 + name.len();
                }
            }
            _ => {}
        }
    }
    found.push(Part::Text(&text[begin..]));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_in_a_text_by_name_but_not_in_quotes_or_types() {
        assert_eq!(
            parts("a = :now AND b = 'x:y''z:w' AND c = 5::bigint AND d = :word0 AND e[1: :now]"),
            [
                Part::Text("a = "),
                Part::Name("now"),
                Part::Text(" AND b = 'x:y''z:w' AND c = 5::bigint AND d = "),
                Part::Name("word0"),
                Part::Text(" AND e[1: "),
                Part::Name("now"),
                Part::Text("]"),
            ]
        );
    }
}
