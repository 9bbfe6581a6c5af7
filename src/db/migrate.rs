//! The schema's history, embedded in the binary, and what state a database is in.

mod folded;

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use diesel::{
    PgConnection,
    connection::SimpleConnection,
    migration::{Migration, MigrationSource},
    pg::Pg,
    sqlite::Sqlite,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Database, DbConn, Error, locks::AdvisoryLock, server_messages::ServerMessages};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// How a database's schema compares with this binary's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaState {
    Current,
    /// Migrations are missing: `rewarddesk migrate` applies them.
    Older {
        missing: usize,
    },
    /// A newer version has been here; that is fine, two versions can share a schema during a
    /// deploy.
    Newer,
}

/// How long a migration waits for a table on PostgreSQL. Everybody else's statements queue up
/// behind it meanwhile, and it gives way before the server, which looks for deadlocks after a
/// second, could end one of theirs.
const GIVES_WAY_AFTER: Duration = Duration::from_millis(500);
/// For those who have queued up to be served before the next attempt; twice as long each time,
/// since the holder of a table may be a request that needs another of the migration's, or a backup.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// A backup holds every table from its beginning to its end: then an operator has to decide.
const MIGRATION_LOCK_TIMEOUT: Duration = Duration::from_mins(10);

/// Applies what is missing; answers the versions of the migrations that ran. Other processes may
/// work on the database meanwhile.
pub fn migrate(db: &Database) -> Result<Vec<String>, Error> {
    folded::adopt(db)?;
    if db.url().has_pooler() {
        return behind_pooler(db);
    }
    apply(db, || SQLITE, || POSTGRES)
}

/// Behind a pooler a session's lock would stay with a connection that is another's by then: all in
/// one transaction, which gives way as a whole.
fn behind_pooler(db: &Database) -> Result<Vec<String>, Error> {
    let (begun, mut pause) = (Instant::now(), FIRST_PAUSE);
    loop {
        let gave_way = Cell::new(false);
        let done = db.write_once(|tx| match &mut **tx {
            DbConn::Sqlite(_) => Ok(vec![]),
            DbConn::Postgres(c) => {
                // The lock is waited for; the tables are not.
                c.batch_execute(&format!(
                    "SELECT pg_advisory_xact_lock({}); SET LOCAL lock_timeout = '{}ms'",
                    AdvisoryLock::Migration.number(),
                    GIVES_WAY_AFTER.as_millis()
                ))?;
                let done = c
                    .run_pending_migrations(POSTGRES)
                    .map(|v| v.iter().map(ToString::to_string).collect());
                done.map_err(|error| {
                    gave_way.set(waited_for_a_lock(db, &error.to_string()));
                    did_not_run(error)
                })
            }
        });
        match done {
            Err(_) if gave_way.get() && begun.elapsed() < MIGRATION_LOCK_TIMEOUT => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            done => return done,
        }
    }
}

/// Applies what is missing of the history that is meant for the database's engine, as [`migrate`]
/// does with the embedded one.
pub fn apply<S: MigrationSource<Sqlite>, P: MigrationSource<Pg>>(
    db: &Database,
    sqlite: impl Fn() -> S,
    postgres: impl Fn() -> P,
) -> Result<Vec<String>, Error> {
    db.lend(|conn| match conn {
        DbConn::Sqlite(c) => match c
            .run_pending_migrations(sqlite())
            .map(|v| v.iter().map(ToString::to_string).collect())
        {
            Ok(applied) => Ok(applied),
            // Another process was faster with the same migration: what counts is that none is
            // missing now.
            Err(_) if c.has_pending_migration(sqlite()).is_ok_and(|pending| !pending) => Ok(vec![]),
            Err(error) => Err(did_not_run(error)),
        },
        DbConn::Postgres(c) => {
            // Two servers started at once must not migrate at once.
            AdvisoryLock::Migration.wait_for_session(c)?;
            let done = give_way(db, c, postgres());
            c.batch_execute("RESET lock_timeout")?;
            AdvisoryLock::Migration.give_back(c)?;
            done
        }
    })
}

/// Applies one migration after the other, each in its own transaction; where somebody holds a table
/// for long, again and again.
fn give_way(
    db: &Database,
    conn: &mut PgConnection,
    source: impl MigrationSource<Pg>,
) -> Result<Vec<String>, Error> {
    let (begun, mut applied) = (Instant::now(), vec![]);
    conn.batch_execute(&format!("SET lock_timeout = '{}ms'", GIVES_WAY_AFTER.as_millis()))?;
    let pending = conn.pending_migrations(source).map_err(did_not_run)?;
    for migration in pending {
        let (mut is_told, mut pause) = (false, FIRST_PAUSE);
        let version = loop {
            match conn.run_migration(&*migration) {
                Ok(version) => break version,
                Err(error)
                    if begun.elapsed() < MIGRATION_LOCK_TIMEOUT
                        && waited_for_a_lock(db, &error.to_string()) =>
                {
                    if !is_told && pause == LONGEST_PAUSE {
                        tracing::warn!(
                            migration = %migration.name(), %error,
                            "a table is in use, as by a backup or by a session idle in a \
                             transaction; trying again until it is free"
                        );
                        is_told = true;
                    }
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(error) => return Err(did_not_run(error)),
            }
        };
        applied.push(version.to_string());
    }
    Ok(applied)
}

/// Whether a migration met `lock_timeout`, by the words of this server for that, since the crate
/// that runs migrations keeps the error to itself. Anything else that went wrong would go wrong
/// again, after as much work. The caller holds
/// [`AdvisoryLock::Migration`].
fn waited_for_a_lock(db: &Database, said: &str) -> bool {
    let words = db.lend(|conn| match conn {
        DbConn::Sqlite(_) => Ok::<_, Error>(None),
        DbConn::Postgres(c) => {
            Ok(ServerMessages::of_lock_limit(c, AdvisoryLock::Migration.number()))
        }
    });
    words.is_ok_and(|words| words.is_some_and(|words| said.contains(&words)))
}

fn did_not_run(error: impl std::fmt::Display) -> Error {
    Error::Unavailable(format!("a migration did not run: {error}"))
}

/// Compares the applied migrations with the embedded ones; changes nothing.
pub fn schema_state(db: &Database) -> Result<SchemaState, Error> {
    db.lend(state_on)
}

/// The same on a connection.
pub(super) fn state_on(conn: &mut DbConn) -> Result<SchemaState, Error> {
    let (known, applied) = (known_versions()?, applied_versions(conn)?);
    let missing = known.iter().filter(|version| !applied.contains(version)).count();
    let is_known =
        |version: &String| known.contains(version) || folded::REPLACED.contains(&version.as_str());
    Ok(match missing {
        0 if !applied.iter().all(is_known) => SchemaState::Newer,
        0 => SchemaState::Current,
        missing => SchemaState::Older { missing },
    })
}

/// The versions that the database has recorded; none where it has no schema at all.
fn applied_versions(conn: &mut DbConn) -> Result<Vec<String>, Error> {
    use diesel::{QueryDsl, RunQueryDsl};
    diesel::table! { __diesel_schema_migrations (version) { version -> Text, } }
    // A database that is away says so here.
    let is_there: bool = match conn {
        DbConn::Sqlite(c) => exists(
            c,
            "SELECT count(*) AS n FROM sqlite_master WHERE name = '__diesel_schema_migrations'",
        )?,
        DbConn::Postgres(c) => exists(
            c,
            "SELECT count(*) AS n FROM pg_tables WHERE tablename = '__diesel_schema_migrations'",
        )?,
    };
    if !is_there {
        return Ok(vec![]);
    }
    Ok(__diesel_schema_migrations::table.select(__diesel_schema_migrations::version).load(conn)?)
}

fn known_versions() -> Result<Vec<String>, Error> {
    let all: Vec<Box<dyn Migration<Sqlite>>> =
        SQLITE.migrations().map_err(|e| Error::Corrupt(e.to_string()))?;
    Ok(all.iter().map(|m| m.name().version().to_string()).collect())
}

#[derive(diesel::QueryableByName)]
struct MigrationCountRow {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    n: i64,
}

fn exists<C>(conn: &mut C, sql: &str) -> Result<bool, Error>
where
    C: diesel::connection::LoadConnection,
    diesel::query_builder::SqlQuery: for<'q> diesel::query_dsl::LoadQuery<'q, C, MigrationCountRow>,
{
    use diesel::RunQueryDsl;
    Ok(diesel::sql_query(sql).get_result::<MigrationCountRow>(conn)?.n > 0)
}
