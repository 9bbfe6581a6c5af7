//! The schema's history, embedded in the binary, and what state a database is in.
//! Must not know the tables themselves.

use diesel::migration::{Migration, MigrationSource};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Database, DbConn, Error};

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
    /// A newer version has been here; that is fine, two versions can share a schema during a deploy.
    Newer,
}

/// Applies what is missing; answers the names of the migrations that ran.
pub fn migrate(db: &Database) -> Result<Vec<String>, Error> {
    let run = |e: Box<dyn std::error::Error + Send + Sync>| Error::Unavailable(format!("a migration did not run: {e}"));
    if db.url().has_pooler() {
        // A session's lock would stay with a server's connection that is another's by then: all in one transaction.
        return db.write(|tx| match &mut **tx {
            DbConn::Sqlite(_) => Ok(vec![]),
            DbConn::Postgres(c) => {
                use diesel::connection::SimpleConnection;
                c.batch_execute("SELECT pg_advisory_xact_lock(7235117)")?;
                c.run_pending_migrations(POSTGRES).map(|v| v.iter().map(ToString::to_string).collect()).map_err(run)
            }
        });
    }
    db.lend(|conn| match conn {
        DbConn::Sqlite(c) => match c.run_pending_migrations(SQLITE).map(|v| v.iter().map(ToString::to_string).collect()) {
            Ok(applied) => Ok(applied),
            // Another process was faster with the same migration: what counts is that none is missing now.
            Err(_) if c.has_pending_migration(SQLITE).is_ok_and(|pending| !pending) => Ok(vec![]),
            Err(error) => Err(run(error)),
        },
        DbConn::Postgres(c) => {
            // Two servers started at once must not migrate at once.
            use diesel::connection::SimpleConnection;
            c.batch_execute("SELECT pg_advisory_lock(7235117)")?;
            let done = c.run_pending_migrations(POSTGRES).map(|v| v.iter().map(ToString::to_string).collect()).map_err(run);
            c.batch_execute("SELECT pg_advisory_unlock(7235117)")?;
            done
        }
    })
}

/// Compares the applied migrations with the embedded ones; changes nothing.
pub fn schema_state(db: &Database) -> Result<SchemaState, Error> {
    let known = known_versions()?;
    let applied: Vec<String> = db.lend(|conn| {
        use diesel::{QueryDsl, RunQueryDsl};
        diesel::table! { __diesel_schema_migrations (version) { version -> Text, } }
        // A database without the table has no schema at all; a database that is away says so on the next line.
        let there: bool = match conn {
            DbConn::Sqlite(c) => exists(c, "SELECT count(*) AS n FROM sqlite_master WHERE name = '__diesel_schema_migrations'")?,
            DbConn::Postgres(c) => exists(c, "SELECT count(*) AS n FROM pg_tables WHERE tablename = '__diesel_schema_migrations'")?,
        };
        if there {
            __diesel_schema_migrations::table.select(__diesel_schema_migrations::version).load(conn).map_err(Error::from)
        } else {
            Ok(vec![])
        }
    })?;
    let missing = known.iter().filter(|version| !applied.contains(version)).count();
    Ok(match missing {
        0 if applied.len() > known.len() => SchemaState::Newer,
        0 => SchemaState::Current,
        missing => SchemaState::Older { missing },
    })
}

fn known_versions() -> Result<Vec<String>, Error> {
    let all: Vec<Box<dyn Migration<diesel::sqlite::Sqlite>>> = SQLITE.migrations().map_err(|e| Error::Corrupt(e.to_string()))?;
    Ok(all.iter().map(|m| m.name().version().to_string()).collect())
}

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    n: i64,
}

fn exists<C>(conn: &mut C, sql: &str) -> Result<bool, Error>
where
    C: diesel::connection::LoadConnection,
    diesel::query_builder::SqlQuery: for<'q> diesel::query_dsl::LoadQuery<'q, C, Count>,
{
    use diesel::RunQueryDsl;
    Ok(diesel::sql_query(sql).get_result::<Count>(conn)?.n > 0)
}
