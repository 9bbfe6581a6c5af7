//! What a database says about itself: version, how safely it keeps what it confirms, and who could
//! change the audit log.

use chrono::{DateTime, Utc};
use diesel::{
    QueryableByName, RunQueryDsl, SqliteConnection,
    connection::{AnsiTransactionManager, TransactionManager},
    pg::PgConnection,
    sql_query,
    sql_types::{BigInt, Text},
};

use super::{
    Database, DbConn, Error,
    instant::{At, Instant},
    tx,
};
use crate::each;

/// Answers of either engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    Sqlite(SqliteHealth),
    Postgres(PostgresHealth),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteHealth {
    pub version: String,
    pub journal_mode: String,
    /// 2 is FULL.
    pub synchronous: i64,
    pub foreign_keys: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresHealth {
    pub version: String,
    pub isolation: String,
    pub fsync: String,
    /// In a transaction of the desk that writes.
    pub synchronous_commit: String,
    /// What the server, the database or the role says of it.
    pub usual_synchronous_commit: String,
    /// Whether commits wait for a standby.
    pub has_standby: bool,
    /// A statement that takes longer is cancelled, and so is a commit that waits for a standby;
    /// "0": never.
    pub statement_timeout: String,
    pub jit: String,
    /// The database's clock.
    pub now: DateTime<Utc>,
    /// The protocol, such as `TLSv1.3`; empty without TLS.
    pub tls: String,
    pub role: String,
    /// What the role could do to the audit log against our will, such as "owns it"; empty without a
    /// schema.
    pub powers_over_log: Vec<String>,
}

#[derive(QueryableByName)]
struct SettingRow {
    #[diesel(sql_type = Text)]
    v: String,
}

#[derive(QueryableByName)]
struct Moment {
    #[diesel(sql_type = Instant)]
    at: At,
}

#[derive(QueryableByName)]
struct NumberRow {
    #[diesel(sql_type = BigInt)]
    v: i64,
}

/// Asks the database about itself.
pub fn examine(db: &Database) -> Result<Health, Error> {
    db.read(|conn| match conn {
        DbConn::Sqlite(c) => sqlite(c).map(Health::Sqlite),
        DbConn::Postgres(_) => {
            tx::begin(conn, db.url().pooler(), None)?;
            let in_transaction =
                each!(conn, |c| sql_query("SELECT current_setting('synchronous_commit') AS v")
                    .get_result::<SettingRow>(c));
            let ended = each!(conn, |c| AnsiTransactionManager::rollback_transaction(c));
            let DbConn::Postgres(c) = conn else {
                return Err(Error::Corrupt("it was PostgreSQL a moment ago".into()));
            };
            ended?;
            postgres(c, in_transaction?.v).map(Health::Postgres)
        }
    })
}

fn sqlite(conn: &mut SqliteConnection) -> Result<SqliteHealth, Error> {
    let mut text =
        |sql: &str| diesel::sql_query(sql).get_result::<SettingRow>(conn).map(|said| said.v);
    let version = text("SELECT sqlite_version() AS v")?;
    let journal_mode = text("SELECT journal_mode AS v FROM pragma_journal_mode")?;
    let mut number = |pragma: &str| {
        diesel::sql_query(format!("SELECT {pragma} AS v FROM pragma_{pragma}"))
            .get_result::<NumberRow>(conn)
    };
    Ok(SqliteHealth {
        version,
        journal_mode,
        synchronous: number("synchronous")?.v,
        foreign_keys: number("foreign_keys")?.v,
    })
}

fn postgres(conn: &mut PgConnection, synchronous_commit: String) -> Result<PostgresHealth, Error> {
    let mut text =
        |sql: &str| diesel::sql_query(sql).get_result::<SettingRow>(conn).map(|said| said.v);
    let mut setting = |name: &str| text(&format!("SELECT current_setting('{name}') AS v"));
    let (version, isolation) =
        (setting("server_version")?, setting("default_transaction_isolation")?);
    let fsync = setting("fsync")?;
    let (standbys, statement_timeout) =
        (setting("synchronous_standby_names")?, setting("statement_timeout")?);
    let (has_standby, jit) = (!standbys.is_empty(), setting("jit")?);
    let usual_synchronous_commit =
        text("SELECT reset_val AS v FROM pg_settings WHERE name = 'synchronous_commit'")?;
    let Moment { at: At(now) } =
        diesel::sql_query("SELECT clock_timestamp() AS at").get_result(conn)?;
    let mut text =
        |sql: &str| diesel::sql_query(sql).get_result::<SettingRow>(conn).map(|said| said.v);
    let tls = text(
        "SELECT coalesce((SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl), \
         '') AS v",
    )?;
    let role = text("SELECT current_user::text AS v")?;
    let powers: Vec<SettingRow> = diesel::sql_query(
        "SELECT 'is a superuser' AS v FROM pg_roles WHERE rolname = current_user AND rolsuper \
         UNION ALL SELECT 'owns it' FROM pg_class WHERE oid = to_regclass('audit_records') \
             AND pg_has_role(current_user, relowner, 'USAGE') AND NOT (SELECT rolsuper FROM \
             pg_roles WHERE rolname = current_user) \
         UNION ALL SELECT DISTINCT 'may ' || p FROM unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE', \
         'TRIGGER']) AS p, \
             unnest(ARRAY['audit_records', 'audit_seals']) AS t WHERE \
             has_table_privilege(to_regclass(t), p)",
    )
    .load(conn)?;
    let mut powers_over_log: Vec<String> = powers.into_iter().map(|power| power.v).collect();
    // A superuser or an owner may everything: one word is enough.
    if powers_over_log.first().is_some_and(|power| !power.starts_with("may ")) {
        powers_over_log.truncate(1);
    }
    Ok(PostgresHealth {
        version,
        isolation,
        fsync,
        synchronous_commit,
        usual_synchronous_commit,
        has_standby,
        statement_timeout,
        jit,
        now,
        tls,
        role,
        powers_over_log,
    })
}

/// The triggers that enforce the rules for every connection, on both engines and on each.
const GUARDS: [&str; 15] = [
    "audit_records_never_change",
    "audit_records_are_kept",
    "audit_seals_never_change",
    "audit_seals_are_kept",
    "audit_seals_are_gapless",
    "seal_marks_only_grow",
    "seal_marks_are_kept",
    "coupons_state_is_one_way",
    "coupons_keep_what_they_are",
    "coupons_go_to_rewards_of_their_batch",
    "coupons_start_unattached",
    "coupons_are_kept",
    "reissues_match_their_coupons",
    "reissues_never_change",
    "reissues_are_kept",
];
const SQLITE_GUARDS: [&str; 4] = [
    "audit_records_are_not_replaced",
    "audit_records_one_per_reissue_is_kept",
    "audit_seals_are_not_replaced",
    "seal_marks_are_not_replaced",
];
const POSTGRES_GUARDS: [&str; 5] = [
    "audit_records_are_not_truncated",
    "audit_seals_are_not_truncated",
    "seal_marks_are_not_truncated",
    "coupons_are_not_truncated",
    "reissues_are_not_truncated",
];

/// The triggers of the schema that are missing or switched off.
pub fn missing_guards(db: &Database) -> Result<Vec<&'static str>, Error> {
    let (there, own): (Vec<SettingRow>, &[&'static str]) = db.read(|conn| -> Result<_, Error> {
        Ok(match conn {
            DbConn::Sqlite(c) => (
                diesel::sql_query("SELECT name AS v FROM sqlite_master WHERE type = 'trigger'")
                    .load(c)?,
                SQLITE_GUARDS.as_slice(),
            ),
            DbConn::Postgres(c) => {
                let sql = "SELECT tgname::text AS v FROM pg_trigger WHERE NOT tgisinternal AND \
                    tgenabled IN ('O', 'A')";
                (diesel::sql_query(sql).load(c)?, POSTGRES_GUARDS.as_slice())
            }
        })
    })?;
    let wanted = GUARDS.iter().chain(own);
    Ok(wanted.copied().filter(|name| there.iter().all(|said| said.v != *name)).collect())
}
