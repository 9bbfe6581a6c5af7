//! The database: there, current, safe, and the audit log out of the app's hands.

use super::{Matter, files};
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

pub(super) fn look(settings: &Settings) -> Vec<Matter> {
    let url = match settings.database() {
        Ok(url) => url,
        Err(error) => return vec![Matter::bad("database", error.to_string())],
    };
    if let Err(refused) = refuse_missing_file(&url) {
        return vec![Matter::bad("database", refused.sentence())];
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
                .unwrap_or("see that it runs and that DATABASE_URL leads to it");
            matters.push(Matter::bad("database", format!("{error}; {cure}")));
            return matters;
        }
    };
    let has_schema = match schema_state(&db) {
        Ok(SchemaState::Current) => Ok(Matter::ok("schema", "current")),
        Ok(SchemaState::Newer) => {
            Ok(Matter::ok("schema", "newer than this program, which is fine during a deploy"))
        }
        Ok(SchemaState::Older { .. }) => Err(Matter::bad(
            "schema",
            "missing or older than this program; run `rewarddesk migrate`",
        )),
        Err(error) => Err(Matter::bad("schema", error.to_string())),
    };
    match &health {
        Health::Sqlite(health) => matters.extend(sqlite(health)),
        Health::Postgres(health) => {
            matters.extend(postgres(health, PostgresRoute::of(settings), has_schema.is_ok()));
        }
    }
    match has_schema {
        Ok(matter) => matters.extend([matter, guards(&db), addresses(&db)]),
        Err(matter) => matters.push(matter),
    }
    matters
}

fn sqlite(health: &SqliteHealth) -> Vec<Matter> {
    let SqliteHealth { version, journal_mode, synchronous, foreign_keys } = health;
    let mut matters = vec![Matter::ok("database", format!("SQLite {version} answers"))];
    matters.push(match journal_mode.as_str() {
        "wal" => Matter::ok("journal", "write-ahead log: readers do not wait for the writer"),
        other => Matter::bad(
            "journal",
            format!(
                "journal_mode is {other}; put the file on a local disk, where SQLite can use \
                its write-ahead log"
            ),
        ),
    });
    matters.push(match (synchronous, foreign_keys) {
        (2.., 1) => Matter::ok(
            "safety",
            "synchronous=FULL, foreign_keys=ON: what is confirmed is \
            on disk",
        ),
        _ => Matter::bad(
            "safety",
            format!(
                "synchronous is {synchronous} and foreign_keys {foreign_keys}; report this, \
                the program sets 2 and 1"
            ),
        ),
    });
    matters
}

fn postgres(health: &PostgresHealth, way: PostgresRoute, has_schema: bool) -> Vec<Matter> {
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
    let mut matters =
        vec![Matter::ok("database", format!("PostgreSQL {version} answers to the role {role}"))];
    matters.push(match isolation.as_str() {
        "read committed" => Matter::ok("isolation", "read committed"),
        other => Matter::warn(
            "isolation",
            format!(
                "the default is {other}; run ALTER ROLE {role} SET \
                default_transaction_isolation = 'read committed'"
            ),
        ),
    });
    let usual = match &health.usual_synchronous_commit {
        usual if usual == synchronous_commit => String::new(),
        usual => format!(" (the program sets it; it is {usual} for the role {role} otherwise)"),
    };
    matters.push(match (fsync.as_str(), synchronous_commit.as_str()) {
        ("on", "off") => Matter::bad(
            "safety",
            format!(
                "synchronous_commit is off: a crash forgets what was confirmed; run ALTER \
                ROLE {role} SET synchronous_commit = on"
            ),
        ),
        ("on", commit @ ("local" | "remote_write")) if health.has_standby => Matter::bad(
            "safety",
            format!(
                "there is to be a synchronous standby, but synchronous_commit={commit} does not \
                 wait for its disk; run ALTER ROLE {role} SET synchronous_commit = on"
            ),
        ),
        ("on", commit) if health.has_standby => Matter::ok(
            "safety",
            format!(
                "fsync=on, synchronous_commit={commit}{usual}: what is confirmed is on the \
                disks of this machine and of a standby"
            ),
        ),
        ("on", commit) => Matter::ok(
            "safety",
            format!(
                "fsync=on, \
            synchronous_commit={commit}{usual}: what is confirmed is on disk"
            ),
        ),
        _ => Matter::bad(
            "safety",
            "fsync is off: a crash can lose everything; set fsync = on in \
            postgresql.conf",
        ),
    });
    matters.extend(waits(health));
    matters.push(encryption(tls, way));
    if has_schema {
        matters.push(if powers_over_log.is_empty() {
            Matter::ok(
                "audit log",
                format!(
                    "the role {role} can add to it and read it, and \
                cannot change it"
                ),
            )
        } else {
            let powers = powers_over_log.join(", ");
            Matter::warn(
                "audit log",
                format!(
                    "the role {role} could change it ({powers}): \
                migrate as its owner, and serve as a role that may only SELECT and INSERT there"
                ),
            )
        });
    }
    matters
}

/// What stands before `PostgreSQL`, which nobody can see for sure.
fn pooler(url: &DatabaseUrl) -> Result<Option<Matter>, Error> {
    Ok(match (url.postgres_url().is_some(), url.has_pooler(), is_between(url)?) {
        (false, ..) => None,
        (true, false, true) => Some(Matter::bad("pooler", UNSAID_POOLER)),
        (true, true, _) => Some(Matter::ok(
            "pooler",
            "of transactions, as REWARDDESK_DATABASE_POOLER says: nothing is kept in a session",
        )),
        (true, false, false) => Some(Matter::ok("pooler", "none of transactions is seen")),
    })
}

/// Apart by more than this, two servers' clocks could take one another's mail for abandoned.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(5);

/// Times: the clock that leases and expiry go by, what cuts a commit short, what makes short
/// statements long.
fn waits(health: &PostgresHealth) -> Vec<Matter> {
    let apart = (Clock::System.now() - health.now).abs();
    let mut matters = vec![if apart < CLOCK_TOLERANCE {
        Matter::ok("clock", "this machine's and the database's agree")
    } else {
        let seconds = apart.num_seconds();
        Matter::bad(
            "clock",
            format!(
                "this machine's and the database's are {seconds} s apart: expiry and leases go by \
                 it; set both by NTP"
            ),
        )
    }];
    let role = &health.role;
    if health.has_standby && health.statement_timeout != "0" {
        let limit = &health.statement_timeout;
        matters.push(Matter::warn(
            "patience",
            format!(
                "statement_timeout={limit} also cuts commits short that wait for the standby: \
                people are told \"we can't tell\"; run ALTER ROLE {role} SET statement_timeout = \
                0"
            ),
        ));
    }
    if health.jit != "off" {
        matters.push(Matter::warn(
            "jit",
            format!(
                "it is on, and a pooler lets no session turn it off: compiling takes longer \
                than most statements; run ALTER ROLE {role} SET jit = off"
            ),
        ));
    }
    matters
}

fn guards(db: &Database) -> Matter {
    match missing_guards(db) {
        Ok(missing) if missing.is_empty() => Matter::ok(
            "triggers",
            "all there: coupons are one-way, reissues and audit records never change",
        ),
        Ok(missing) => Matter::bad(
            "triggers",
            format!(
                "missing or switched off: {}; run `rewarddesk check`, then make them again as in \
                 the migrations",
                missing.join(", ")
            ),
        ),
        Err(error) => Matter::bad("triggers", error.to_string()),
    }
}

/// Addresses that a version before stored in another form than today's.
fn addresses(db: &Database) -> Matter {
    let found = match db.read(earlier_addresses) {
        Ok(found) => found,
        Err(error) => return Matter::bad("addresses", error.to_string()),
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
        return Matter::ok("addresses", "each mailbox is written in one way");
    }
    Matter::warn(
        "addresses",
        format!(
            "the same mailbox belongs to another customer or user too, its domain written in the \
             other way: {}; run `rewarddesk migrate` if it has not ended, else open their pages \
             by number and purge or disable those that are not needed",
            all.join(" and ")
        ),
    )
}

/// The way to PostgreSQL, as `DATABASE_URL` has it.
#[derive(Debug, Clone, Copy)]
struct PostgresRoute {
    is_far: bool,
    /// The server has to prove that it is the one that was meant.
    is_proved: bool,
}

impl PostgresRoute {
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
fn encryption(protocol: &str, way: PostgresRoute) -> Matter {
    let about = "tls to the database";
    match (protocol, way) {
        ("", PostgresRoute { is_far: false, .. }) => {
            Matter::ok(about, "not encrypted, and need not be on this machine")
        }
        ("", _) => Matter::warn(
            about,
            "not encrypted: codes cross the network in the clear (sslmode=disable); build with \
             `--features pg-tls` and say sslmode=verify-full",
        ),
        (_, PostgresRoute { is_proved: true, .. }) => Matter::ok(
            about,
            format!("encrypted, {protocol}; the server's certificate and name are checked"),
        ),
        (_, PostgresRoute { is_far: false, .. }) => {
            Matter::ok(about, format!("encrypted, {protocol}"))
        }
        _ => Matter::warn(
            about,
            format!(
                "encrypted, {protocol}, but whoever stands in between can pose as the server: say \
                 sslmode=verify-full, and let sslrootcert \
                 name the authority that signed its certificate"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::Level;

    #[test]
    fn encryption_is_judged_by_the_way_and_by_the_proof() {
        let told = |protocol, is_far, is_proved| {
            encryption(protocol, PostgresRoute { is_far, is_proved }).line()
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

    fn ails(health: &PostgresHealth) -> Vec<(Level, &'static str)> {
        postgres(health, PostgresRoute { is_far: true, is_proved: true }, true)
            .iter()
            .filter(|matter| matter.level != Level::Ok)
            .map(|matter| (matter.level, matter.about))
            .collect()
    }

    #[test]
    fn what_could_lose_or_delay_a_commit_is_said() {
        let text = ToOwned::to_owned;
        assert_eq!(ails(&sound()), []);
        assert_eq!(
            ails(&PostgresHealth { synchronous_commit: text("off"), ..sound() }),
            [(Level::Bad, "safety")]
        );
        assert_eq!(
            ails(&PostgresHealth { synchronous_commit: text("local"), ..sound() }),
            [(Level::Bad, "safety")]
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
            [(Level::Warn, "patience")]
        );
        assert_eq!(
            ails(&PostgresHealth { statement_timeout: text("5s"), has_standby: false, ..sound() }),
            []
        );
        assert_eq!(ails(&PostgresHealth { jit: text("on"), ..sound() }), [(Level::Warn, "jit")]);
        for apart in [-30, 30] {
            let now = Clock::System.now() + TimeDelta::seconds(apart);
            assert_eq!(ails(&PostgresHealth { now, ..sound() }), [(Level::Bad, "clock")]);
        }
    }
}
