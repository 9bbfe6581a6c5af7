//! A point in time as both databases keep it: `timestamptz` on PostgreSQL, fixed-width UTC text on
//! SQLite. Both sort and compare as time does.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    pg::Pg,
    query_builder::QueryId,
    serialize::{self, IsNull, Output, ToSql},
    sql_types::{HasSqlType, SqlType, Text, Timestamptz},
    sqlite::Sqlite,
};

use super::conn::MultiBackend;
use crate::domain::batch::Window;

/// The SQL type of a point in time.
#[derive(Debug, SqlType, QueryId)]
#[diesel(postgres_type(oid = 1184, array_oid = 1185), sqlite_type(name = "Text"))]
pub struct Instant;

/// The Rust side of [`Instant`].
#[derive(AsExpression, FromSqlRow, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[diesel(sql_type = Instant)]
pub struct At(pub DateTime<Utc>);

pub(super) const FORMAT: &str = "%Y-%m-%d %H:%M:%S%.6f";

impl FromSql<Instant, Pg> for At {
    fn from_sql(bytes: <Pg as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        <DateTime<Utc> as FromSql<Timestamptz, Pg>>::from_sql(bytes).map(At)
    }
}

impl ToSql<Instant, Pg> for At {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<Timestamptz, Pg>::to_sql(&self.0, &mut out.reborrow())
    }
}

impl FromSql<Instant, Sqlite> for At {
    fn from_sql(bytes: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let text = <String as FromSql<Text, Sqlite>>::from_sql(bytes)?;
        Ok(At(NaiveDateTime::parse_from_str(&text, FORMAT)?.and_utc()))
    }
}

impl ToSql<Instant, Sqlite> for At {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(text(self.0));
        Ok(IsNull::No)
    }
}

impl HasSqlType<Instant> for MultiBackend {
    fn metadata(lookup: &mut Self::MetadataLookup) -> Self::TypeMetadata {
        Self::lookup_sql_type::<Instant>(lookup)
    }
}

impl FromSql<Instant, MultiBackend> for At {
    fn from_sql(bytes: <MultiBackend as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        bytes.from_sql::<At, Instant>()
    }
}

impl ToSql<Instant, MultiBackend> for At {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
        out.set_value((Instant, self));
        Ok(IsNull::No)
    }
}

/// The fixed-width text that SQLite keeps.
pub fn text(at: DateTime<Utc>) -> String {
    at.format(FORMAT).to_string()
}

/// Stands for "no start" in columns that are never null.
pub fn no_start() -> DateTime<Utc> {
    midnight(1)
}

/// Stands for "no end" in columns that are never null.
pub fn no_end() -> DateTime<Utc> {
    midnight(9999)
}

fn midnight(year: i32) -> DateTime<Utc> {
    let (month, day) = if year > 1 { (12, 31) } else { (1, 1) };
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default().and_time(NaiveTime::MIN).and_utc()
}

/// A validity as its two columns hold it.
pub fn columns_of(window: Window) -> (At, At) {
    (At(window.from.unwrap_or_else(no_start)), At(window.until.unwrap_or_else(no_end)))
}

/// A validity from its two columns.
pub fn window_of(from: At, until: At) -> Window {
    Window {
        from: Some(from.0).filter(|at| *at > no_start()),
        until: Some(until.0).filter(|at| *at < no_end()),
    }
}

impl diesel::sql_types::SqlOrd for Instant {}
