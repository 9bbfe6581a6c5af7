//! Opens the database for a command.

use std::time::Duration;

use super::outcome::CommandFailure;
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
pub fn open_current(settings: &Settings) -> Result<Database, CommandFailure> {
    open_limited(settings, None)
}

/// The same, where no statement takes longer than that.
pub fn open_limited(
    settings: &Settings,
    statement_limit: Option<Duration>,
) -> Result<Database, CommandFailure> {
    let url = settings.database()?;
    refuse_missing_file(&url)?;
    let db = Database::open_limited(&url, statement_limit)?;
    refuse_unsaid_pooler(&url)?;
    match schema_state(&db)? {
        SchemaState::Current => Ok(db),
        SchemaState::Newer => {
            tracing::info!(
                "the database's schema is newer than this program; that's fine, both versions can \
                 use it"
            );
            Ok(db)
        }
        SchemaState::Older { missing } => {
            let migrations = if missing == 1 {
                "1 migration is".into()
            } else {
                format!("{missing} migrations are")
            };
            Err(CommandFailure::because(format!(
                "the database's schema is missing or older than this program ({migrations} \
                 missing): run `rewarddesk migrate` first"
            )))
        }
    }
}

/// A typing error in a path must not create an empty database.
pub(super) fn refuse_missing_file(url: &DatabaseUrl) -> Result<(), CommandFailure> {
    match url.sqlite_path() {
        Some(path) if !path.exists() => {
            let path = path.display();
            Err(CommandFailure::because(format!(
                "there is no database {path}: check DATABASE_URL, or run `rewarddesk migrate` to \
                 create it"
            )))
        }
        _ => Ok(()),
    }
}

/// What to do about a pooler that nobody has told the desk of.
pub(super) const UNSAID_POOLER: &str = "DATABASE_URL points to a pooler in transaction mode, which \
                                        mixes the sessions' statements: set \
                                        REWARDDESK_DATABASE_POOLER=transaction, or connect to \
                                        PostgreSQL directly";

/// Before anything is written: with statements kept by name, one could be taken for another's.
pub(super) fn refuse_unsaid_pooler(url: &DatabaseUrl) -> Result<(), CommandFailure> {
    if !url.has_pooler() && pooler::is_between(url)? {
        return Err(CommandFailure::because(UNSAID_POOLER));
    }
    Ok(())
}
