//! Values as each engine writes them in a statement.

use chrono::{DateTime, Utc};

use super::Engine;

/// A value for a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Number(i64),
    Flag(bool),
    Text(String),
    At(DateTime<Utc>),
}

/// The value as a literal of that engine.
pub fn literal(engine: Engine, value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Number(number) => number.to_string(),
        Value::Flag(flag) => if *flag { "TRUE" } else { "FALSE" }.into(),
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Value::At(at) => {
            let text = rewarddesk::db::instant::text(*at);
            if engine == Engine::Sqlite {
                format!("'{text}'")
            } else {
                format!("'{text}+00'::timestamptz")
            }
        }
    }
}

macro_rules! from {
    ($($of:ty => $make:expr),+ $(,)?) => {$(
        impl From<$of> for Value {
            fn from(value: $of) -> Self {
                $make(value)
            }
        }
    )+};
}

from! {
    i64 => Value::Number,
    i32 => |n| Value::Number(i64::from(n)),
    bool => Value::Flag,
    &str => |t: &str| Value::Text(t.to_owned()),
    &String => |t: &String| Value::Text(t.to_owned()),
    String => Value::Text,
    DateTime<Utc> => Value::At,
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A row for [`TestDb::insert`](super::TestDb::insert): `row! { merchant_id: 1, code: "ABC-1",
/// expires_at: now }`.
#[macro_export]
macro_rules! row {
    ($($column:ident : $value:expr),* $(,)?) => {
        &[$((stringify!($column), $crate::support::sql::Value::from($value))),*]
    };
}
