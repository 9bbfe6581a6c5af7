//! "One of these numbers", as a statement whose text is the same however many there are: prepared
//! once for each connection.
//!
//! Diesel's `eq_any` lists them one by one on SQLite, which parses and plans such a statement again
//! at every call; the profile has five of them. `PostgreSQL` would plan again for a list that it
//! sees (measured: 0.24 ms of planning for 0.03 ms of work); see [`UNSEEN`].

use diesel::{
    QueryResult,
    backend::Backend,
    expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate},
    query_builder::{AstPass, QueryFragment, QueryId},
    serialize::ToSql,
    sql_types::{Bool, HasSqlType, Text},
};

use super::{DbConn, planner::UNSEEN};

/// The condition that `column` is one of some numbers.
#[derive(Debug, Clone)]
pub struct Among<C> {
    column: C,
    /// As `SQLite` reads a list, and as `PostgreSQL` does.
    sqlite: bool,
    list: String,
}

/// `column` is one of `numbers`, for a query on this connection.
pub fn among<C>(conn: &DbConn, column: C, numbers: impl IntoIterator<Item = i64>) -> Among<C> {
    let sqlite = matches!(conn, DbConn::Sqlite(_));
    let (open, close) = if sqlite { ('[', ']') } else { ('{', '}') };
    let mut list = String::from(open);
    for number in numbers {
        if list.len() > 1 {
            list.push(',');
        }
        list.push_str(&number.to_string());
    }
    list.push(close);
    Among { column, sqlite, list }
}

impl<C: Expression> Expression for Among<C> {
    type SqlType = Bool;
}

impl<C: AppearsOnTable<QS>, QS> AppearsOnTable<QS> for Among<C> {}

impl<C: SelectableExpression<QS>, QS> SelectableExpression<QS> for Among<C> {}

impl<C, G> ValidGrouping<G> for Among<C> {
    type IsAggregate = is_aggregate::No;
}

impl<C> QueryId for Among<C> {
    type QueryId = ();
    // The text is the key of the cache: it is another one on the other database.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C, DB> QueryFragment<DB> for Among<C>
where
    DB: Backend + HasSqlType<Text>,
    C: QueryFragment<DB>,
    String: ToSql<Text, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        if self.sqlite {
            out.push_sql(" IN (SELECT value FROM json_each(");
            out.push_bind_param::<Text, String>(&self.list)?;
            out.push_sql("))");
        } else {
            out.push_sql(" = ANY(CAST(");
            out.push_sql(UNSEEN.0);
            out.push_bind_param::<Text, String>(&self.list)?;
            out.push_sql(UNSEEN.1);
            out.push_sql(" AS BIGINT[]))");
        }
        Ok(())
    }
}
