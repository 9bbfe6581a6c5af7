//! A database with two merchants and some batches, and imports into the first.

use std::{
    ops::ControlFlow,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use chrono::{DateTime, TimeZone, Utc};
use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    sql_query,
    sql_types::{BigInt, Nullable, Text},
};
use rewarddesk::{
    app::{
        Desk,
        imports::{ImportError, ImportProgress, ImportRequest, ImportStreams, Report, import_file},
    },
    db::{
        Database, DatabaseUrl, DbConn, Scope,
        conn::{ConnectionPurpose, Connector, Pooler, Target},
        merchants::{self, NewMerchant},
        migrate::migrate,
    },
    domain::{
        clock::Clock,
        email::Mailbox,
        import::ImportKind,
        merchant::{Merchant, Slug},
    },
};

use crate::support::{Engine, Fixture};

pub struct World {
    pub desk: Desk,
    pub clock: Clock,
    pub scope: Scope,
    pub merchant: Merchant,
    pub url: String,
    sql: Mutex<DbConn>,
    _dir: Option<tempfile::TempDir>,
    admin: Option<(String, String)>,
}

/// What an import said.
#[derive(Debug)]
pub struct Said {
    pub report: Report,
    pub rejects: Vec<Vec<String>>,
}

impl Said {
    /// New, updated, unchanged, rejected.
    pub fn counts(&self) -> [u64; 4] {
        let Report { new, updated, unchanged, rejected, .. } = self.report;
        [new, updated, unchanged, rejected]
    }

    /// Line and reason of each reject.
    pub fn reasons(&self) -> Vec<(u64, &str)> {
        self.rejects.iter().skip(1).map(|row| (row[0].parse().unwrap(), row[1].as_str())).collect()
    }
}

pub fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 23, 12, 0, 0).unwrap()
}

impl Fixture for World {
    async fn on(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => Self::sqlite(),
            Engine::Postgres => Self::postgres(),
        }
    }
}

impl World {
    pub fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("desk.db").display());
        Self::at(url, Some(dir), None)
    }

    pub fn postgres() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let admin = std::env::var("REWARDDESK_TEST_POSTGRES")
            .expect("REWARDDESK_TEST_POSTGRES: a PostgreSQL to make databases on");
        let name =
            format!("import_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        PgConnection::establish(&admin)
            .unwrap()
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .unwrap();
        let (server, _) = admin.rsplit_once('/').unwrap();
        Self::at(format!("{server}/{name}"), None, Some((admin.clone(), name)))
    }

    fn at(url: String, dir: Option<tempfile::TempDir>, admin: Option<(String, String)>) -> Self {
        let db = Database::open(&DatabaseUrl::parse(&url).unwrap()).unwrap();
        migrate(&db).unwrap();
        let clock = Clock::fixed(noon());
        let desk = Desk::new(
            db,
            clock.clone(),
            Mailbox::parse("rewards@desk.example").unwrap(),
            "0123456789abcdef0123456789abcdef",
        );
        for (slug, zone) in [("acme", chrono_tz::Europe::London), ("other", chrono_tz::UTC)] {
            let slug = Slug::parse(slug).unwrap();
            let new = NewMerchant {
                slug: &slug,
                name: "Ltd",
                zone,
                ticket_url: None,
                account_manager: None,
                mail_from: None,
            };
            desk.db.write(|tx| merchants::add(tx, &new, noon())).unwrap();
        }
        let (scope, merchant) =
            desk.db.read(|conn| merchants::for_operator(conn, "acme")).unwrap().unwrap();
        let target = match url.strip_prefix("sqlite:") {
            Some(path) => Target::Sqlite(path.into()),
            None => Target::Postgres(url.clone(), Pooler::None),
        };
        let sql = Mutex::new(
            Connector {
                target,
                purpose: ConnectionPurpose::Write,
                statement_limit: None,
                open: std::sync::Arc::default(),
            }
            .open()
            .unwrap(),
        );
        let world = Self { desk, clock, scope, merchant, url, sql, _dir: dir, admin };
        for (merchant, name, uses, sensitive) in [
            (1, "Spring", 1, false),
            (1, "Exact", 5, true),
            (1, "Autumn", 2, false),
            (2, "Spring", 1, false),
        ] {
            world.run(&format!(
                "INSERT INTO batches (merchant_id, name, valid_from, valid_until, uses_per_code, \
                 case_sensitive, created_at) \
                 VALUES ({merchant}, '{name}', {}, {}, {uses}, {sensitive}, {})",
                world.at_time("0001-01-01"),
                world.at_time("9999-12-31"),
                world.at_time("2026-01-01")
            ));
        }
        world
    }

    pub fn is_sqlite(&self) -> bool {
        self.admin.is_none()
    }

    /// A day's first instant in UTC as this database writes it.
    pub fn at_time(&self, day: &str) -> String {
        format!("'{day} 00:00:00.000000{}'", if self.is_sqlite() { "" } else { "+00" })
    }

    /// A time column as `YYYY-MM-DD HH:MM:SS` in UTC.
    pub fn shown(&self, column: &str) -> String {
        if self.is_sqlite() {
            format!("substr({column}, 1, 19)")
        } else {
            format!("to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')")
        }
    }

    pub fn run(&self, sql: &str) {
        match &mut *self.sql.lock().unwrap() {
            DbConn::Sqlite(conn) => conn.batch_execute(sql).unwrap(),
            DbConn::Postgres(conn) => conn.batch_execute(sql).unwrap(),
        }
    }

    pub fn count(&self, from_where: &str) -> i64 {
        #[derive(QueryableByName)]
        struct N {
            #[diesel(sql_type = BigInt)]
            n: i64,
        }
        let sql = format!("SELECT count(*) AS n FROM {from_where}");
        sql_query(sql).get_result::<N>(&mut *self.sql.lock().unwrap()).unwrap().n
    }

    /// One text a row; null is "-". Name the column `t`.
    pub fn texts(&self, sql: &str) -> Vec<String> {
        #[derive(QueryableByName)]
        struct T {
            #[diesel(sql_type = Nullable<Text>)]
            t: Option<String>,
        }
        let rows: Vec<T> = sql_query(sql).load(&mut *self.sql.lock().unwrap()).unwrap();
        rows.into_iter().map(|row| row.t.unwrap_or_else(|| "-".into())).collect()
    }

    /// Codes that the desk may show and allocate, of all batches.
    pub fn visible(&self) -> i64 {
        self.count("coupons c JOIN batches b ON b.id = c.batch_id WHERE c.id <= b.published_to")
    }

    pub fn order<'a>(&'a self, kind: ImportKind, batch: Option<&'a str>) -> ImportRequest<'a> {
        ImportRequest::of_operator(self.scope, &self.merchant, kind, batch)
    }

    pub fn ordered(
        &self,
        order: &ImportRequest<'_>,
        bytes: &[u8],
        watch: &mut dyn FnMut(ImportProgress) -> ControlFlow<()>,
    ) -> Result<Said, ImportError> {
        let mut rejects = Vec::new();
        let report = import_file(
            &self.desk,
            order,
            ImportStreams { source: &mut &*bytes, rejects: &mut rejects, watch },
        )?;
        assert_eq!(
            report.new + report.updated + report.unchanged + report.rejected,
            report.rows,
            "{report:?}"
        );
        let rejects: Vec<Vec<String>> = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(rejects.as_slice())
            .records()
            .map(|record| record.unwrap().iter().map(ToOwned::to_owned).collect())
            .collect();
        assert_eq!(rejects.len().saturating_sub(1) as u64, report.rejected);
        Ok(Said { report, rejects })
    }

    pub fn import(
        &self,
        kind: ImportKind,
        batch: Option<&str>,
        bytes: impl AsRef<[u8]>,
    ) -> Result<Said, ImportError> {
        self.ordered(&self.order(kind, batch), bytes.as_ref(), &mut |_| ControlFlow::Continue(()))
    }

    pub fn dry(
        &self,
        kind: ImportKind,
        batch: Option<&str>,
        bytes: impl AsRef<[u8]>,
    ) -> Result<Said, ImportError> {
        self.ordered(
            &ImportRequest { dry_run: true, ..self.order(kind, batch) },
            bytes.as_ref(),
            &mut |_| ControlFlow::Continue(()),
        )
    }

    pub fn vouchers(&self, batch: &str, text: &str) -> Said {
        self.import(ImportKind::Vouchers, Some(batch), text).unwrap()
    }

    pub fn customers(&self, text: &str) -> Said {
        self.import(ImportKind::Customers, None, text).unwrap()
    }

    pub fn rewards(&self, text: &str) -> Said {
        self.import(ImportKind::Rewards, None, text).unwrap()
    }

    pub fn redemptions(&self, text: &str) -> Said {
        self.import(ImportKind::Redemptions, None, text).unwrap()
    }

    /// Hands one of Spring's codes to a customer, and replaces it by another on 20 November 2026.
    pub fn reissue(&self, old: &str, new: &str) {
        self.customers("email\njo@x.example\n");
        self.rewards(&format!(
            "reward_id,email,kind,title,fulfilment,batch,code,issued_at\nR-1,jo@x.example,referrer,20 off,batch,Spring,{old},2024-02-01\n"
        ));
        let (at, day) = (self.at_time("2026-11-20"), self.at_time("2026-01-01"));
        self.run(&format!(
            "INSERT INTO users (email, name, password_hash, created_at) VALUES ('a@b.example', \
             'A', 'x', {at}); \
             UPDATE coupons SET state = 'replaced' WHERE code = '{old}'; \
             UPDATE coupons SET state = 'allocated', reward = 1 WHERE code = '{new}'; \
             INSERT INTO reissues (merchant_id, customer, reward, batch_id, old_coupon_id, \
             new_coupon_id, user_id, actor_role, at, email_requested, \
                 token_hash, old_expires_at, old_barred, old_redemptions, old_max_redemptions, \
                 new_valid_from, new_expires_at) \
             SELECT 1, r.customer, r.id, 1, o.id, n.id, 1, 'support', {at}, false, 'h', {day}, \
             false, 0, 1, {day}, n.expires_at \
             FROM rewards r, coupons o, coupons n WHERE o.code = '{old}' AND n.code = '{new}'"
        ));
    }

    /// Everything that an import may change, as text: two equal pictures mean that nothing was
    /// changed.
    pub fn picture(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (table, columns) in [
            (
                "coupons",
                "code || '|' || batch_id || '|' || coalesce(folded_code, '-') || '|' || \
                 coalesce(pin, '-') || '|' || expires_at || '|' || redemptions || '|' || state || \
                 '|' || coalesce(barred_reason, '-') || '|' || coalesce(reward, 0)",
            ),
            (
                "customers",
                "coalesce(email, '-') || '|' || coalesce(customer_id, '-') || '|' || \
                 coalesce(first_name, '-') || '|' || receives_emails || '|' || search",
            ),
            (
                "rewards",
                "reward_id || '|' || customer || '|' || title || '|' || coalesce(batch_id, 0) || \
                 '|' || issued_at",
            ),
            ("redemptions", "coupon_id || '|' || redeemed_at || '|' || order_id"),
            ("redemption_findings", "kind || '|' || code || '|' || redeemed_at || '|' || order_id"),
            ("batches", "name || '|' || published_to || '|' || imported"),
            ("import_leases", "holder"),
        ] {
            let columns = if self.is_sqlite() {
                columns.to_owned()
            } else {
                columns.replace("|| expires_at", "|| expires_at::text")
            };
            all.push(table.to_owned());
            all.extend(self.texts(&format!("SELECT {columns} AS t FROM {table} ORDER BY 1")));
        }
        all
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some((admin, name)) = &self.admin
            && let Ok(mut conn) = PgConnection::establish(admin)
        {
            let _ = conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}
