//! The database: there, current, safe, and the audit log out of the app's hands.

use super::{CheckResult, files};
use chrono::TimeDelta;

use crate::{
    cli::{
        database::{UNSAID_POOLER, refuse_missing_file},
        outcome::encryption_cure,
    },
    config::Settings,
    db::{
        Database, DatabaseUrl, Error,
        health::{Health, PostgresHealth, SqliteHealth, examine, missing_guards},
        migrate::{SchemaState, schema_state},
        pooler::is_between,
        search_keys::earlier_addresses,
    },
    domain::clock::Clock,
};

pub(super) fn look(settings: &Settings) -> Vec<CheckResult> {
    let url = match settings.database() {
        Ok(url) => url,
        Err(error) => return vec![CheckResult::bad("database", error.to_string())],
    };
    if let Err(refused) = refuse_missing_file(&url) {
        return vec![CheckResult::bad("database", refused.sentence())];
    }
    let mut matters = Vec::new();
    if let Some(path) = url.sqlite_path() {
        matters.extend(files::only_ours("database file", path));
    }
    let health = Database::open(&url).and_then(|db| {
        matters.extend(pooler(&url)?);
        examine(&db).map(|health| (db, health))
    });
    let (db, health) = match health {
        Ok(found) => found,
        Err(error) => {
            let cure = encryption_cure(&error.to_string())
                .unwrap_or("check that it is running and that DATABASE_URL is right");
            matters.push(CheckResult::bad("database", format!("{error}; {cure}")));
            return matters;
        }
    };
    let has_schema = match schema_state(&db) {
        Ok(SchemaState::Current) => Ok(CheckResult::ok("schema", "current")),
        Ok(SchemaState::Newer) => {
            Ok(CheckResult::ok("schema", "newer than this program, which is fine during a deploy"))
        }
        Ok(SchemaState::Older { .. }) => Err(CheckResult::bad(
            "schema",
            "missing or older than this program; run `rewarddesk migrate`",
        )),
        Err(error) => Err(CheckResult::bad("schema", error.to_string())),
    };
    match &health {
        Health::Sqlite(health) => matters.extend(sqlite(health)),
        Health::Postgres(health) => {
            matters.extend(postgres(health, ServerLink::of(settings), has_schema.is_ok()));
        }
    }
    match has_schema {
        Ok(matter) => matters.extend([matter, guards(&db), addresses(&db)]),
        Err(matter) => matters.push(matter),
    }
    matters
}

fn sqlite(health: &SqliteHealth) -> Vec<CheckResult> {
    let SqliteHealth { version, journal_mode, synchronous, foreign_keys } = health;
    let mut matters = vec![CheckResult::ok("database", format!("SQLite {version} answers"))];
    matters.push(match journal_mode.as_str() {
        "wal" => CheckResult::ok("journal", "write-ahead log: readers don't wait for the writer"),
        other => CheckResult::bad(
            "journal",
            format!(
                "journal_mode is {other}; put the file on a local disk, where SQLite can use \
                its write-ahead log"
            ),
        ),
    });
    matters.push(match (synchronous, foreign_keys) {
        (2.., 1) => CheckResult::ok(
            "safety",
            "synchronous=FULL, foreign_keys=ON: confirmed changes are on disk",
        ),
        _ => CheckResult::bad(
            "safety",
            format!(
                "synchronous is {synchronous} and foreign_keys is {foreign_keys}, but the program \
                 sets 2 and 1; report this as a bug"
            ),
        ),
    });
    matters
}

fn postgres(health: &PostgresHealth, way: ServerLink, has_schema: bool) -> Vec<CheckResult> {
    let PostgresHealth {
        version,
        isolation,
        fsync,
        synchronous_commit,
        tls,
        role,
        powers_over_log,
        ..
    } = health;
    let mut matters = vec![CheckResult::ok(
        "database",
        format!("PostgreSQL {version} answers to the role {role}"),
    )];
    matters.push(match isolation.as_str() {
        "read committed" => CheckResult::ok("isolation", "read committed"),
        other => CheckResult::warn(
            "isolation",
            format!(
                "the default is {other}; run ALTER ROLE {role} SET \
                default_transaction_isolation = 'read committed'"
            ),
        ),
    });
    let usual = match &health.usual_synchronous_commit {
        usual if usual == synchronous_commit => String::new(),
        usual => format!(" (set by the program; the default for the role {role} is {usual})"),
    };
    matters.push(match (fsync.as_str(), synchronous_commit.as_str()) {
        ("on", "off") => CheckResult::bad(
            "safety",
            format!(
                "synchronous_commit is off: a crash can lose confirmed changes; run ALTER ROLE \
                 {role} SET synchronous_commit = on"
            ),
        ),
        ("on", commit @ ("local" | "remote_write")) if health.has_standby => CheckResult::bad(
            "safety",
            format!(
                "a synchronous standby is configured, but synchronous_commit={commit} doesn't wait \
                 for its disk; run ALTER ROLE {role} SET synchronous_commit = on"
            ),
        ),
        ("on", commit) if health.has_standby => CheckResult::ok(
            "safety",
            format!(
                "fsync=on, synchronous_commit={commit}{usual}: confirmed changes are on the disks \
                 of this machine and of a standby"
            ),
        ),
        ("on", commit) => CheckResult::ok(
            "safety",
            format!("fsync=on, synchronous_commit={commit}{usual}: confirmed changes are on disk"),
        ),
        _ => CheckResult::bad(
            "safety",
            "fsync is off: a crash can lose everything; set fsync = on in \
            postgresql.conf",
        ),
    });
    matters.extend(waits(health));
    matters.push(encryption(tls, way));
    if has_schema {
        matters.push(if powers_over_log.is_empty() {
            CheckResult::ok(
                "audit log",
                format!("the role {role} can read it and add to it, but can't change it"),
            )
        } else {
            let powers = powers_over_log.join(", ");
            CheckResult::warn(
                "audit log",
                format!(
                    "the role {role} could change it ({powers}): run migrate as the owner, and \
                     serve as a role that can only SELECT and INSERT there"
                ),
            )
        });
    }
    matters
}

/// What stands before `PostgreSQL`, which nobody can see for sure.
fn pooler(url: &DatabaseUrl) -> Result<Option<CheckResult>, Error> {
    Ok(match (url.postgres_url().is_some(), url.has_pooler(), is_between(url)?) {
        (false, ..) => None,
        (true, false, true) => Some(CheckResult::bad("pooler", UNSAID_POOLER)),
        (true, true, _) => Some(CheckResult::ok(
            "pooler",
            "transaction mode, as set in REWARDDESK_DATABASE_POOLER: nothing is kept in a session",
        )),
        (true, false, false) => Some(CheckResult::ok("pooler", "no transaction-mode pooler found")),
    })
}

/// Apart by more than this, two servers' clocks could take one another's mail for abandoned.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(5);

/// Times: the clock that leases and expiry go by, what cuts a commit short, what makes short
/// statements long.
fn waits(health: &PostgresHealth) -> Vec<CheckResult> {
    let apart = (Clock::System.now() - health.now).abs();
    let mut matters = vec![if apart < CLOCK_TOLERANCE {
        CheckResult::ok("clock", "this machine's clock and the database's agree")
    } else {
        let seconds = apart.num_seconds();
        CheckResult::bad(
            "clock",
            format!(
                "this machine's clock and the database's are {seconds} s apart: expiry and leases \
                 depend on them; synchronise both with NTP"
            ),
        )
    }];
    let role = &health.role;
    if health.has_standby && health.statement_timeout != "0" {
        let limit = &health.statement_timeout;
        matters.push(CheckResult::warn(
            "patience",
            format!(
                "statement_timeout={limit} also interrupts commits that wait for the standby, and \
                 people then see \"we can't tell\"; run ALTER ROLE {role} SET statement_timeout = 0"
            ),
        ));
    }
    if health.jit != "off" {
        matters.push(CheckResult::warn(
            "jit",
            format!(
                "it is on, and a session can't turn it off behind a pooler: compiling takes longer \
                 than most statements; run ALTER ROLE {role} SET jit = off"
            ),
        ));
    }
    matters
}

fn guards(db: &Database) -> CheckResult {
    match missing_guards(db) {
        Ok(missing) if missing.is_empty() => CheckResult::ok(
            "triggers",
            "all present: coupons are one-way, reissues and audit records never change",
        ),
        Ok(missing) => CheckResult::bad(
            "triggers",
            format!(
                "missing or switched off: {}; run `rewarddesk check`, then recreate them as in the \
                 migrations",
                missing.join(", ")
            ),
        ),
        Err(error) => CheckResult::bad("triggers", error.to_string()),
    }
}

/// Addresses that a version before stored in another form than today's.
fn addresses(db: &Database) -> CheckResult {
    let found = match db.read(earlier_addresses) {
        Ok(found) => found,
        Err(error) => return CheckResult::bad("addresses", error.to_string()),
    };
    let named = |who: &str, ids: &[i64]| {
        let first: Vec<String> = ids.iter().take(5).map(ToString::to_string).collect();
        (!ids.is_empty()).then(|| {
            format!(
                "{} {who} ({}{})",
                ids.len(),
                first.join(", "),
                if ids.len() > 5 { ", …" } else { "" }
            )
        })
    };
    let all: Vec<String> = [named("customers", &found.customers), named("users", &found.users)]
        .into_iter()
        .flatten()
        .collect();
    if all.is_empty() {
        return CheckResult::ok("addresses", "each mailbox is stored in one form");
    }
    CheckResult::warn(
        "addresses",
        format!(
            "the same mailbox also belongs to another customer or user, with its domain written \
             differently: {}; if `rewarddesk migrate` hasn't finished, run it again; otherwise \
             open their pages by number and purge or disable the ones you don't need",
            all.join(" and ")
        ),
    )
}

/// The way to PostgreSQL, as `DATABASE_URL` has it.
#[derive(Debug, Clone, Copy)]
struct ServerLink {
    is_far: bool,
    /// The server has to prove that it is the one that was meant.
    is_proved: bool,
}

impl ServerLink {
    fn of(settings: &Settings) -> Self {
        let url = settings.database().ok();
        let asks = |about: fn(&str) -> bool| {
            url.as_ref().and_then(|url| url.postgres_url()).is_some_and(about)
        };
        Self {
            is_far: asks(crate::config::is_far),
            is_proved: asks(crate::config::proves_the_server),
        }
    }
}

/// `protocol` is what the database says of this very connection; empty: none.
fn encryption(protocol: &str, way: ServerLink) -> CheckResult {
    let about = "tls to the database";
    match (protocol, way) {
        ("", ServerLink { is_far: false, .. }) => {
            CheckResult::ok(about, "not encrypted, which is fine on this machine")
        }
        ("", _) => CheckResult::warn(
            about,
            "not encrypted: codes cross the network in the clear (sslmode=disable); build with \
             `--features pg-tls` and set sslmode=verify-full",
        ),
        (_, ServerLink { is_proved: true, .. }) => CheckResult::ok(
            about,
            format!("encrypted, {protocol}; the server's certificate and name are checked"),
        ),
        (_, ServerLink { is_far: false, .. }) => {
            CheckResult::ok(about, format!("encrypted, {protocol}"))
        }
        _ => CheckResult::warn(
            about,
            format!(
                "encrypted, {protocol}, but someone in between could pose as the server: set \
                 sslmode=verify-full, and set sslrootcert to the authority that signed its \
                 certificate"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::CheckLevel;

    #[test]
    fn encryption_is_judged_by_the_way_and_by_the_proof() {
        let told = |protocol, is_far, is_proved| {
            encryption(protocol, ServerLink { is_far, is_proved }).line()
        };
        assert!(told("", false, false).starts_with("ok    tls to the database: not encrypted"));
        assert!(told("", true, false).starts_with("warn  tls to the database: not encrypted"));
        assert!(
            told("TLSv1.3", true, false)
                .starts_with("warn  tls to the database: encrypted, TLSv1.3, but")
        );
        assert!(
            told("TLSv1.3", false, false)
                .starts_with("ok    tls to the database: encrypted, TLSv1.3")
        );
        assert!(told("TLSv1.3", true, true).contains("certificate and name are checked"));
    }

    fn sound() -> PostgresHealth {
        let text = ToOwned::to_owned;
        PostgresHealth {
            version: text("15"),
            isolation: text("read committed"),
            fsync: text("on"),
            synchronous_commit: text("on"),
            usual_synchronous_commit: text("on"),
            has_standby: true,
            statement_timeout: text("0"),
            jit: text("off"),
            now: Clock::System.now(),
            tls: text("TLSv1.3"),
            role: text("desk"),
            powers_over_log: vec![],
        }
    }

    fn ails(health: &PostgresHealth) -> Vec<(CheckLevel, &'static str)> {
        postgres(health, ServerLink { is_far: true, is_proved: true }, true)
            .iter()
            .filter(|matter| matter.level != CheckLevel::Ok)
            .map(|matter| (matter.level, matter.about))
            .collect()
    }

    #[test]
    fn what_could_lose_or_delay_a_commit_is_said() {
        let text = ToOwned::to_owned;
        assert_eq!(ails(&sound()), []);
        assert_eq!(
            ails(&PostgresHealth { synchronous_commit: text("off"), ..sound() }),
            [(CheckLevel::Bad, "safety")]
        );
        assert_eq!(
            ails(&PostgresHealth { synchronous_commit: text("local"), ..sound() }),
            [(CheckLevel::Bad, "safety")]
        );
        assert_eq!(
            ails(&PostgresHealth {
                synchronous_commit: text("local"),
                has_standby: false,
                ..sound()
            }),
            []
        );
        assert_eq!(
            ails(&PostgresHealth { statement_timeout: text("5s"), ..sound() }),
            [(CheckLevel::Warn, "patience")]
        );
        assert_eq!(
            ails(&PostgresHealth { statement_timeout: text("5s"), has_standby: false, ..sound() }),
            []
        );
        assert_eq!(
            ails(&PostgresHealth { jit: text("on"), ..sound() }),
            [(CheckLevel::Warn, "jit")]
        );
        for apart in [-30, 30] {
            let now = Clock::System.now() + TimeDelta::seconds(apart);
            assert_eq!(ails(&PostgresHealth { now, ..sound() }), [(CheckLevel::Bad, "clock")]);
        }
    }
}
