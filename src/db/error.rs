//! What can go wrong with the database, in the few kinds that callers answer differently.

use diesel::result::{DatabaseErrorKind, Error as Diesel};

use super::server_messages::ServerMessages;

/// A fault of the database or of a statement.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database is away, full, read-only, unreadable or locked for too long. Nothing was saved:
    /// COMMIT was never sent.
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
    /// A deadlock or a serialization failure: PostgreSQL undid the transaction in favour of another
    /// one, and it can run again. [`super::Database`] does that, and answers [`Error::Unavailable`]
    /// where it was not enough.
    #[error("the database undid a transaction in favour of another one: {0}")]
    Contention(String),
    /// A statement was ended at its time limit, as where the desk has too much to do. Nothing was
    /// saved.
    #[error("a statement was ended at its time limit: {0}")]
    TimeLimit(String),
    /// The schema is from a version whose migrations this program no longer has.
    #[error("{0}")]
    TooOld(String),
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
        self.0.contains(&format!("{table}.{column}"))
            || (self.0.starts_with(table) && self.0.contains(column))
    }
}

/// An error of a use case that may come from the database.
pub trait Failure: From<Error> {
    /// What the database could not do, where it is that.
    fn fault(&self) -> Option<&Error>;

    /// The same with another word for what the database could not do; any other error stays as it
    /// is.
    #[must_use]
    fn judged(self, judge: impl FnOnce(Error) -> Error) -> Self;
}

impl Failure for Error {
    fn fault(&self) -> Option<&Error> {
        Some(self)
    }

    fn judged(self, judge: impl FnOnce(Error) -> Error) -> Self {
        judge(self)
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
                    | DatabaseErrorKind::RestrictViolation => Self::Conflict(Conflict(
                        info.constraint_name().map_or(message, ToOwned::to_owned),
                    )),
                    DatabaseErrorKind::ClosedConnection
                    | DatabaseErrorKind::UnableToSendCommand
                    | DatabaseErrorKind::ReadOnlyTransaction => Self::Unavailable(message),
                    DatabaseErrorKind::SerializationFailure => Self::Contention(message),
                    _ if SQLITE_CANNOT.contains(&message.as_str()) => Self::Unavailable(message),
                    _ => Self::Query(Diesel::DatabaseError(kind, info)),
                }
            }
            Diesel::DeserializationError(why) => Self::Corrupt(why.to_string()),
            Diesel::BrokenTransactionManager => {
                Self::Unavailable("the connection was lost inside a transaction".into())
            }
            other => Self::Query(other),
        }
    }
}

/// What SQLite's result codes SQLITE_BUSY, _LOCKED, _IOERR, _FULL, _CANTOPEN, _READONLY, _CORRUPT,
/// _NOTADB, _PROTOCOL and _NOMEM are called by the SQLite that is built in. Diesel hands on the
/// name and not the code; names are never translated, and tests provoke them.
const SQLITE_CANNOT: [&str; 10] = [
    "database is locked",
    "database table is locked",
    "disk I/O error",
    "database or disk is full",
    "unable to open database file",
    "attempt to write a readonly database",
    "database disk image is malformed",
    "file is not a database",
    "locking protocol",
    "out of memory",
];

impl Error {
    /// A stored value that its reader outside this module can't read.
    pub fn unreadable(what: &str) -> Self {
        Self::Corrupt(what.to_owned())
    }

    /// A row changed although its lock is held, or again and again. Nothing was saved, and the next
    /// try finds it as it is then.
    pub fn overtaken(how: &str) -> Self {
        Self::Unavailable(how.to_owned())
    }

    /// The kind of an error of PostgreSQL whose SQLSTATE diesel does not hand on; others stay what
    /// they are.
    ///
    /// Diesel 2.3 reads the SQLSTATE, names twelve of them by its kinds and drops the rest: it has
    /// no way to ask for the code, nor has libpq but by an unsafe call, and `lc_messages` can be
    /// set by a superuser alone. So this goes by what is the same in every language:
    /// - a deadlock names the processes that wait in a circle;
    /// - what is wrong with a statement has a place in the statement's text, and what our own
    ///   triggers refuse has the name of their rule;
    /// - a time limit and a wrong value have messages in the server's language, which
    ///   [`ServerMessages`] learns from it;
    /// - anything else is what the server could not do just now: a full or broken disk, no memory,
    ///   a statement that was cancelled, no right to a table.
    #[must_use]
    pub(super) fn judged_on_postgres(self, words: impl FnOnce() -> Option<ServerMessages>) -> Self {
        let Self::Query(Diesel::DatabaseError(DatabaseErrorKind::Unknown, info)) = &self else {
            return self;
        };
        let message = info.message();
        if info.details().is_some_and(is_circle) {
            return Self::Contention(message.to_owned());
        }
        let is_rule =
            message.contains('_') && message.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        if info.statement_position().is_some() || is_rule {
            return self;
        }
        match words() {
            Some(words) if words.is_time_limit(message) => Self::TimeLimit(message.to_owned()),
            Some(words) if words.is_wrong_value(message) => self,
            _ => Self::Unavailable(message.to_owned()),
        }
    }
}

/// Whether these are the lines "Process 4711 waits for …; blocked by process 4712.", in whatever
/// words: two or more, and each has a number in common with the next, the last with the first.
fn is_circle(details: &str) -> bool {
    let numbers = |line: &str| -> Vec<String> {
        line.split(|c: char| !c.is_ascii_digit())
            .filter(|part| !part.is_empty())
            .map(ToOwned::to_owned)
            .collect()
    };
    let lines: Vec<Vec<String>> = details.lines().map(numbers).collect();
    let next = lines.iter().cycle().skip(1);
    lines.len() > 1
        && lines
            .iter()
            .zip(next)
            .all(|(line, next)| line.len() > 1 && line.iter().any(|number| next.contains(number)))
}

impl From<crate::domain::Invalid> for Error {
    fn from(invalid: crate::domain::Invalid) -> Self {
        Self::Corrupt(invalid.0)
    }
}

#[cfg(test)]
mod tests {
    use super::is_circle;

    #[test]
    fn a_deadlock_is_known_by_its_circle_in_any_language() {
        for details in [
            "Process 71 waits for ShareLock on transaction 912; blocked by process 72.\n\
             Process 72 waits for ShareLock on transaction 911; blocked by process 71.",
            "Prozess 71 wartet auf ShareLock-Sperre auf Transaktion 912; blockiert von Prozess \
             72.\n\
             Prozess 72 wartet auf ShareLock-Sperre auf Tupel (0,5) von Relation 16402 der \
             Datenbank 5; blockiert von Prozess 73.\n\
             Prozess 73 wartet auf ShareLock-Sperre auf Transaktion 911; blockiert von Prozess 71.",
        ] {
            assert!(is_circle(details), "{details}");
        }
        for details in [
            "",
            "Key (id)=(71) is not present.",
            "Process 71 waits for 72.\nProcess 73 waits for 74.",
            "one\ntwo",
        ] {
            assert!(!is_circle(details), "{details}");
        }
    }
}
