//! Opens the database for a command.

use std::time::Duration;

use super::Refused;
use crate::{
    config::Settings,
    db::{
        Database, DatabaseUrl,
        migrate::{SchemaState, schema_state},
        pooler,
    },
};

/// The database of the settings, its schema not older than this binary. Dropping it closes it: on
/// `SQLite` nothing but the file is left.
pub fn open_current(settings: &Settings) -> Result<Database, Refused> {
    open_limited(settings, None)
}

/// The same, where no statement takes longer than that.
pub fn open_limited(
    settings: &Settings,
    statement_limit: Option<Duration>,
) -> Result<Database, Refused> {
    let url = settings.database()?;
    refuse_missing_file(&url)?;
    let db = Database::open_limited(&url, statement_limit)?;
    refuse_unsaid_pooler(&url)?;
    match schema_state(&db)? {
        SchemaState::Current => Ok(db),
        SchemaState::Newer => {
            tracing::info!(
                "the database's schema is newer than this program: a newer one has been here, and \
                 both can work on it"
            );
            Ok(db)
        }
        SchemaState::Older { missing } => {
            let migrations = if missing == 1 {
                "1 migration is".into()
            } else {
                format!("{missing} migrations are")
            };
            Err(Refused::because(format!(
                "the database's schema is missing or older than this program ({migrations} \
                 missing): run `rewarddesk migrate` first"
            )))
        }
    }
}

/// A typing error in a path must not leave an empty database behind.
pub(super) fn refuse_missing_file(url: &DatabaseUrl) -> Result<(), Refused> {
    match url.sqlite_path() {
        Some(path) if !path.exists() => {
            let path = path.display();
            Err(Refused::because(format!(
                "there is no database {path}: check DATABASE_URL, or run `rewarddesk migrate` to \
                 make it"
            )))
        }
        _ => Ok(()),
    }
}

/// What to do about a pooler that nobody has told the desk of.
pub(super) const UNSAID_POOLER: &str = "DATABASE_URL leads to a pooler of transactions, where one \
    session's statements end up in another's: \
    set REWARDDESK_DATABASE_POOLER=transaction, or name PostgreSQL itself";

/// Before anything is written: with statements kept by name, one could be taken for another's.
pub(super) fn refuse_unsaid_pooler(url: &DatabaseUrl) -> Result<(), Refused> {
    if !url.has_pooler() && pooler::is_between(url)? {
        return Err(Refused::because(UNSAID_POOLER));
    }
    Ok(())
}
