//! Where the database is: the checked `DATABASE_URL`, and what is between it and the desk.

use std::path::{Path, PathBuf};

use super::conn::{Pooler, Target};
use crate::domain::Invalid;

/// A checked `DATABASE_URL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseUrl(pub(super) Target);

impl DatabaseUrl {
    /// Takes `sqlite:PATH`, `postgres://…` or `postgresql://…`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path.contains('\0') || path.starts_with(':') {
                return Err(Invalid::because(
                    "sqlite: must be followed by a file path, such as sqlite:rewarddesk.db",
                ));
            }
            return Ok(Self(Target::Sqlite(PathBuf::from(path))));
        }
        if let Some(rest) =
            text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"))
        {
            check_address(rest)?;
            return Ok(Self(Target::Postgres(text.to_owned(), Pooler::None)));
        }
        Err(Invalid::because(
            "a database address must start with sqlite:, postgres:// or postgresql://",
        ))
    }

    /// The file, where it is SQLite.
    pub fn sqlite_path(&self) -> Option<&Path> {
        match &self.0 {
            Target::Sqlite(path) => Some(path),
            Target::Postgres(..) => None,
        }
    }

    /// The connection string, where it is PostgreSQL. Holds a password: never log it.
    pub fn postgres_url(&self) -> Option<&str> {
        match &self.0 {
            Target::Sqlite(_) => None,
            Target::Postgres(url, _) => Some(url),
        }
    }

    /// The same address, with this between it and the desk.
    pub fn behind(self, pooler: Pooler) -> Self {
        match self.0 {
            Target::Postgres(url, _) => Self(Target::Postgres(url, pooler)),
            Target::Sqlite(_) => self,
        }
    }

    /// Whether a session lasts no longer than a transaction.
    pub fn has_pooler(&self) -> bool {
        self.pooler() == Pooler::Transaction
    }

    pub(super) fn pooler(&self) -> Pooler {
        match &self.0 {
            Target::Postgres(_, pooler) => *pooler,
            Target::Sqlite(_) => Pooler::None,
        }
    }
}

/// Refuses what libpq would refuse with a message that quotes the address, password and all.
fn check_address(rest: &str) -> Result<(), Invalid> {
    let hex = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let bytes = rest.as_bytes();
    let encoded = (0..bytes.len())
        .filter(|at| bytes[*at] == b'%')
        .all(|at| hex(bytes.get(at + 1)) && hex(bytes.get(at + 2)));
    if !encoded || rest.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Invalid::because(
            "it contains a space, or a % that isn't followed by two hex digits; write % as %25 and \
             a space as %20",
        ));
    }
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if authority.matches('@').count() > 1 {
        return Err(Invalid::because(
            "there is more than one @ before the database name; write an @ in a password as %40",
        ));
    }
    Ok(())
}
