//! What can go wrong with the database, in the few kinds that callers answer differently.
//! Must not know HTTP or words for people.

use diesel::result::{DatabaseErrorKind, Error as Diesel};

/// A fault of the database or of a statement.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database is away, full, read-only or locked beyond patience. Nothing was saved: COMMIT was never sent.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// COMMIT was sent and no answer, or a bad one, came back: the work may or may not be saved.
    #[error("the database did not confirm the commit: {0}")]
    CommitUnknown(String),
    /// A uniqueness or money rule of the schema said no.
    #[error("the database refused a conflicting change: {0}")]
    Conflict(Conflict),
    /// A stored value cannot be read as what it should be.
    #[error("a stored value is unreadable: {0}")]
    Corrupt(String),
    /// Anything else: a defect of ours.
    #[error("a query failed: {0}")]
    Query(Diesel),
}

/// The schema's rule that said no, by its PostgreSQL constraint name or SQLite's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict(pub String);

impl std::fmt::Display for Conflict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Conflict {
    /// Whether the rule is about `table` and, where given, `column`.
    pub fn is_about(&self, table: &str, column: &str) -> bool {
        // PostgreSQL: table_merchant_id_column_key; SQLite: "… table.merchant_id, table.column".
        self.0.contains(&format!("{table}.{column}")) || (self.0.starts_with(table) && self.0.contains(column))
    }
}

impl From<Diesel> for Error {
    fn from(error: Diesel) -> Self {
        match error {
            Diesel::DatabaseError(kind, info) => {
                let message = info.message().to_owned();
                match kind {
                    DatabaseErrorKind::UniqueViolation
                    | DatabaseErrorKind::ForeignKeyViolation
                    | DatabaseErrorKind::CheckViolation
                    | DatabaseErrorKind::RestrictViolation => {
                        Self::Conflict(Conflict(info.constraint_name().map_or(message, ToOwned::to_owned)))
                    }
                    DatabaseErrorKind::ClosedConnection
                    | DatabaseErrorKind::UnableToSendCommand
                    | DatabaseErrorKind::ReadOnlyTransaction
                    | DatabaseErrorKind::SerializationFailure => Self::Unavailable(message),
                    _ if means_unavailable(&message) => Self::Unavailable(message),
                    _ => Self::Query(Diesel::DatabaseError(kind, info)),
                }
            }
            Diesel::DeserializationError(why) => Self::Corrupt(why.to_string()),
            Diesel::BrokenTransactionManager => Self::Unavailable("the connection was lost inside a transaction".into()),
            other => Self::Query(other),
        }
    }
}

impl From<crate::domain::Unfit> for Error {
    fn from(unfit: crate::domain::Unfit) -> Self {
        Self::Corrupt(unfit.0)
    }
}

/// Engine messages that mean "not now", which diesel files under unknown kinds.
fn means_unavailable(message: &str) -> bool {
    const SIGNS: [&str; 25] = [
        "database is locked",
        "database table is locked",
        "disk I/O error",
        "database or disk is full",
        "unable to open database file",
        "attempt to write a readonly database",
        "server closed the connection",
        "terminating connection",
        "no connection to the server",
        "connection not open",
        "could not receive data",
        "could not send data",
        "the database system is",
        "No space left on device",
        "could not extend file",
        "read-only transaction",
        "lock timeout",
        "deadlock detected",
        "remaining connection slots",
        // pgbouncer's, which have no code of their own.
        "query_wait_timeout",
        "server conn crashed",
        "server login has been failing",
        "pgbouncer cannot connect to server",
        "no more connections allowed",
        "client_login_timeout",
    ];
    SIGNS.iter().any(|sign| message.contains(sign))
}
