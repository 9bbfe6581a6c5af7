//! PostgreSQL for tests: a throw-away cluster that `scripts/test` starts, one migrated template
//! database in it a run, and a copy of that for each test.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_types,
};
use rewarddesk::db::{Database, DatabaseUrl, migrate};

use super::sqlite::fingerprint;

/// A database that is dropped with this value.
pub struct OwnDatabase {
    name: String,
}

impl OwnDatabase {
    /// With the schema.
    pub fn migrated() -> Self {
        Self::copy_of(template())
    }

    /// Without a schema.
    pub fn empty() -> Self {
        Self::copy_of("template0")
    }

    fn copy_of(template: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut admin = admin();
        // A process id may come back after a killed run.
        let made = (0..50).any(|_| {
            let drop = admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
            let made = drop.and_then(|()| {
                admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}"))
            });
            // A vacuum worker in the template makes it busy for a moment.
            made.inspect_err(|_| std::thread::sleep(Duration::from_millis(100))).is_ok()
        });
        assert!(made, "PostgreSQL made no database from {template}");
        Self { name }
    }

    pub fn url(&self) -> String {
        url_of(&self.name)
    }
}

impl Drop for OwnDatabase {
    fn drop(&mut self) {
        if let Err(error) =
            admin().batch_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name))
        {
            eprintln!("{} was left behind: {error}", self.name);
        }
    }
}

pub fn open(url: &str) -> PgConnection {
    let mut conn = PgConnection::establish(url)
        .unwrap_or_else(|e| panic!("PostgreSQL did not let us in: {e}"));
    conn.batch_execute("SET client_min_messages = warning").expect("a setting");
    conn
}

/// The cluster's address, for its superuser.
pub fn admin_url() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| {
        std::env::var("REWARDDESK_TEST_POSTGRES").expect(
            "this test needs a throw-away PostgreSQL: run scripts/test, or set \
                REWARDDESK_TEST_POSTGRES to the address of one",
        )
    })
}

pub fn admin() -> PgConnection {
    let rewarddesk::db::DbConn::Postgres(conn) =
        super::statements::mute(rewarddesk::db::DbConn::Postgres(open(admin_url())))
    else {
        unreachable!("it was one of PostgreSQL")
    };
    conn
}

/// The cluster's address with another database's name in it.
pub fn url_of(database: &str) -> String {
    let mut url = url::Url::parse(admin_url()).expect(
        "REWARDDESK_TEST_POSTGRES is an address like postgres://postgres@127.0.0.1:5432/postgres",
    );
    url.set_path(database);
    url.into()
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = sql_types::BigInt)]
    n: i64,
}

/// The migrated database that copies are made of, made by whichever test comes first.
fn template() -> &'static str {
    static TEMPLATE: OnceLock<String> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let name = format!("template_{}", fingerprint("postgres"));
        let mut admin = admin();
        admin.batch_execute("SELECT pg_advisory_lock(5501)").expect("a lock");
        let there: Count = diesel::sql_query(format!(
            "SELECT count(*) AS n FROM pg_database WHERE datname = '{name}'"
        ))
        .get_result(&mut admin)
        .expect("a list of databases");
        if there.n == 0 {
            let draft = format!("{name}_draft");
            admin
                .batch_execute(&format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)"))
                .expect("a draft can go");
            admin
                .batch_execute(&format!("CREATE DATABASE {draft} TEMPLATE template0"))
                .expect("a draft can be made");
            let db = Database::open(&DatabaseUrl::parse(&url_of(&draft)).expect("our own address"))
                .expect("the draft opens");
            migrate::migrate(&db).expect("the migrations run");
            drop(db);
            // The pool's connections take a moment to end.
            let renamed = (0..100).any(|_| {
                let renamed =
                    admin.batch_execute(&format!("ALTER DATABASE {draft} RENAME TO {name}"));
                renamed.inspect_err(|_| std::thread::sleep(Duration::from_millis(50))).is_ok()
            });
            assert!(renamed, "the template database stayed busy");
        }
        admin.batch_execute("SELECT pg_advisory_unlock(5501)").expect("a lock");
        name
    })
}
