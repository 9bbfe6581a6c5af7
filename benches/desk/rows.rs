//! Plain SQL beside the desk, for making data and for looking at it.

use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection,
    connection::SimpleConnection, sql_query, sql_types::BigInt,
};

#[derive(QueryableByName)]
struct Pair {
    #[diesel(sql_type = BigInt)]
    a: i64,
    #[diesel(sql_type = BigInt)]
    b: i64,
}

/// A connection to SQLite, where the address is one.
pub fn sqlite(url: &str) -> Option<SqliteConnection> {
    let path = url.strip_prefix("sqlite:")?;
    let mut conn = SqliteConnection::establish(path).expect("the file");
    conn.batch_execute("PRAGMA busy_timeout = 30000").expect("a setting");
    Some(conn)
}

/// A connection to PostgreSQL.
pub fn postgres(url: &str) -> PgConnection {
    PgConnection::establish(url).expect("PostgreSQL answers")
}

/// Runs statements without an answer.
pub fn execute(url: &str, sql: &str) {
    match sqlite(url) {
        Some(mut conn) => conn.batch_execute(sql),
        None => postgres(url).batch_execute(sql),
    }
    .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// The rows of a query with two numbers, named `a` and `b`.
pub fn numbers(url: &str, sql: &str) -> Vec<(i64, i64)> {
    let sql =
        &format!("SELECT CAST(a AS BIGINT) AS a, CAST(b AS BIGINT) AS b FROM ({sql}) AS pairs");
    let rows: Vec<Pair> = match sqlite(url) {
        Some(mut conn) => sql_query(sql).load(&mut conn),
        None => sql_query(sql).load(&mut postgres(url)),
    }
    .unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.into_iter().map(|row| (row.a, row.b)).collect()
}
