//! The migrations that `initial_schema` has replaced: a database that has them all has its schema
//! already.

use diesel::connection::SimpleConnection;

use super::applied_versions;
use crate::{
    db::{Database, Error},
    each,
};

/// The migration that makes all that the others made.
const INITIAL_SCHEMA: &str = "20261201000000";

/// What it replaced.
pub(super) const REPLACED: [&str; 16] = [
    "20261123000001",
    "20261123000002",
    "20261123000003",
    "20261124000001",
    "20261124000002",
    "20261124000003",
    "20261124000004",
    "20261124000005",
    "20261124000006",
    "20261124000007",
    "20261124000008",
    "20261124000009",
    "20261130000001",
    "20261130000002",
    "20261130000003",
    "20261130000004",
];

/// The last version of the program that can apply them.
const LAST_WITH_THEM: &str = "0.1.0 (commit b93adee)";

/// Records `initial_schema` in a database that has all that it replaced, and refuses one that has
/// only some. Their own records stay, so that the version before still finds its schema complete.
pub(super) fn adopt(db: &Database) -> Result<(), Error> {
    db.lend(|conn| {
        let applied = applied_versions(conn)?;
        let has = |version: &str| applied.iter().any(|one| one == version);
        let missing = REPLACED.iter().filter(|version| !has(version)).count();
        if has(INITIAL_SCHEMA) || missing == REPLACED.len() {
            return Ok(());
        }
        if missing > 0 {
            return Err(Error::TooOld(format!(
                "this database was made by an earlier version, and {missing} of that version's \
                 {} migrations are missing; upgrade it with Reward Desk {LAST_WITH_THEM} first, \
                 then run this again",
                REPLACED.len()
            )));
        }
        // Two may do this at once.
        let record = format!(
            "INSERT INTO __diesel_schema_migrations (version) VALUES ('{INITIAL_SCHEMA}') \
             ON CONFLICT (version) DO NOTHING"
        );
        Ok(each!(conn, |c| c.batch_execute(&record))?)
    })
}
