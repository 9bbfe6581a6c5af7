//! A database that looks large to its planner: SQLite's migrations say so themselves; PostgreSQL is
//! given the rows.

use super::lists::LARGE;
use crate::support::{Engine, TestDb};

/// A few merchants and batches, and rows by the ten thousand, which the planner takes for millions.
pub fn database(engine: Engine) -> TestDb {
    let db = TestDb::new(engine);
    if engine == Engine::Postgres {
        fill(&db, ROWS);
        // A hundred times as many rows on the same pages.
        for table in LARGE {
            db.exec(&format!(
                "UPDATE pg_class SET reltuples = reltuples * 100 WHERE oid = '{table}'::regclass \
                 OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = '{table}'::regclass)"
            ));
        }
    }
    db
}

/// A PostgreSQL where sixty of a hundred codes are in one batch, and fifteen others are small.
pub fn skewed() -> TestDb {
    let db = TestDb::new(Engine::Postgres);
    fill(&db, SKEWED);
    db
}

/// Puts the rows in, and has PostgreSQL count them in a way that comes out the same each time:
/// every row, not a sample of them, and nobody counts again while plans are read.
fn fill(db: &TestDb, rows: &str) {
    let tables = db.texts(
        "SELECT relname::text AS v FROM pg_class WHERE relkind = 'r' AND \
        relnamespace = 'public'::regnamespace",
    );
    for table in tables {
        // The sample is 300 rows for each entry of the longest list that a column of the table is
        // to have; one column decides for all.
        let first = db
            .text(&format!(
                "SELECT attname::text FROM pg_attribute WHERE attrelid = \
                '{table}'::regclass AND attnum = 1"
            ))
            .unwrap();
        db.exec(&format!(
            "ALTER TABLE {table} SET (autovacuum_enabled = false), ALTER COLUMN \
            {first} SET STATISTICS 1000"
        ));
    }
    // Neither keys nor triggers: the rows need to be many, not true.
    db.exec(&format!(
        "SET session_replication_role = replica; {rows} SET session_replication_role \
        = origin; ANALYZE"
    ));
}

const SKEWED: &str = "
INSERT INTO batches (id, merchant_id, name, valid_from, valid_until, uses_per_code, \
case_sensitive, published_to, created_at)
    SELECT n, 1 + n % 10, 'B' || n, '0001-01-01', '9999-12-31', 1, true, 1000000, now() FROM \
    generate_series(1, 16) AS n;
INSERT INTO coupons (id, merchant_id, batch_id, code, valid_from, expires_at, max_redemptions, \
state, reward, created_at)
    SELECT n, 1 + b % 10, b, 'CODE-' || n, '0001-01-01', '2027-01-01'::date + n * 7919 % 700, 1,
    CASE WHEN n % 3 = 0 THEN 'allocated' ELSE 'available' END, CASE WHEN n % 3 = 0 THEN n END, now()
    FROM (SELECT n, CASE WHEN n % 10 < 6 THEN 1 ELSE 1 + n % 16 END AS b FROM generate_series(1, \
    150000) AS n) AS codes;
";

const ROWS: &str = "
INSERT INTO merchants (id, slug, name, timezone, created_at) SELECT n, 'm' || n, 'M', 'UTC', \
now() FROM generate_series(1, 4) AS n;
INSERT INTO users (id, email, name, password_hash, created_at) SELECT n, n || '@desk.example', \
'U', 'x', now() FROM generate_series(1, 200) AS n;
INSERT INTO memberships (merchant_id, user_id, role) SELECT 1 + n % 4, 1 + n / 4, 'support' FROM \
generate_series(0, 799) AS n;
INSERT INTO sessions (token_hash, user_id, created_at, last_used_at) SELECT 'h' || n, 1 + n % \
200, now(), now() FROM generate_series(1, 5000) AS n;
INSERT INTO customers (id, merchant_id, email, customer_id, first_name, last_name, search, \
first_key, last_key, id_key, created_at, keys_version)
    SELECT n, 1 + n % 4, 'jo' || n || '@customer.example', 'C-' || n, 'Jo', 'Smith', \
    md5(n::text), left(md5(n::text), 3), left(md5((n * 7)::text), 3),
    'c-' || n, now(), CASE WHEN n < 100 THEN 1 ELSE 2 END FROM generate_series(1, 20000) AS n;
INSERT INTO customer_keys (merchant_id, customer, wrapped_key) SELECT 1 + n % 4, n, 'k' FROM \
generate_series(1, 10000) AS n;
INSERT INTO batches (id, merchant_id, name, valid_from, valid_until, uses_per_code, \
case_sensitive, published_to, created_at)
    SELECT n, 1 + (n - 1) % 4, 'B' || n, '0001-01-01', '9999-12-31', 1, n % 2 = 0, 1000000, now() \
    FROM generate_series(1, 8) AS n;
INSERT INTO rewards (id, merchant_id, customer, reward_id, kind, title, fulfilment, batch_id, \
issued_at, created_at)
    SELECT n, 1 + n % 4, 1 + (n - 1) % 20000, 'R-' || n, 'referrer', 'T', CASE WHEN n % 10 = 0 \
    THEN 'runa' ELSE 'batch' END,
    CASE WHEN n % 10 = 0 THEN NULL ELSE 1 + n % 8 END, now(), now() FROM generate_series(1, \
    40000) AS n;
INSERT INTO coupons (id, merchant_id, batch_id, code, folded_code, valid_from, expires_at, \
max_redemptions, redemptions, barred_at, barred_reason, state,
    reward, created_at)
    SELECT n, 1 + n % 4, 1 + n % 8, 'CODE-' || n, CASE WHEN n % 2 = 0 THEN NULL ELSE 'code-' || n \
    END, '0001-01-01', '2026-07-01'::date + n % 300, 1,
    CASE WHEN n % 7 = 5 THEN 1 ELSE 0 END, CASE WHEN n % 6 = 5 THEN now() END, CASE WHEN n % 6 = \
    5 THEN 'lost' END,
    CASE WHEN n <= 40000 THEN 'allocated' WHEN n <= 60000 THEN 'replaced' WHEN n <= 65000 THEN \
    'withdrawn' ELSE 'available' END,
    CASE WHEN n <= 40000 THEN n WHEN n <= 60000 THEN n - 40000 END, now() FROM generate_series(1, \
    120000) AS n;
INSERT INTO redemptions (merchant_id, coupon_id, redeemed_at, order_id, created_at)
    SELECT 1 + n % 4, n, now(), CASE WHEN n % 5 = 0 THEN '' ELSE 'O-' || n END, now() FROM \
    generate_series(1, 30000) AS n;
INSERT INTO redemption_findings (merchant_id, kind, code, coupon_id, redeemed_at, found_at)
    SELECT 1 + n % 100, CASE WHEN n % 3 = 0 THEN 'unknown' ELSE 'replaced' END, 'CODE-' || n, \
    CASE WHEN n % 3 > 0 THEN n END, now(), now() FROM generate_series(1, 20000) AS n;
INSERT INTO reissues (id, merchant_id, customer, reward, batch_id, old_coupon_id, new_coupon_id, \
user_id, actor_role, at, email_requested, token_hash,
    old_expires_at, old_barred, old_redemptions, old_max_redemptions, new_valid_from, \
    new_expires_at)
    SELECT n, 1 + n % 4, n, n, 1 + n % 8, n + 40000, n, 1 + n % 200, 'support', now() - n * \
    interval '1 min', true, 't' || n, now() - interval '1 year', false, 0, 1,
    now() - interval '1 year', now() + interval '1 year' FROM generate_series(1, 20000) AS n;
INSERT INTO mails (merchant_id, customer, reward, coupon_id, reissue_id, origin, message_id, \
sender, recipient, subject, text_body, html_body, state,
    next_attempt_at, queued_at, ended_at)
    SELECT 1 + n % 4, n, n, n, n, 'reissue', 'm' || n, 's', 'r', 's', 't', 'h', CASE WHEN n % 400 \
    = 0 THEN 'queued' ELSE 'sent' END, now(), now(),
    CASE WHEN n % 400 = 0 THEN NULL ELSE now() END FROM generate_series(1, 20000) AS n;
INSERT INTO mails (merchant_id, user_id, origin, message_id, sender, recipient, subject, \
text_body, html_body, state, next_attempt_at, queued_at, ended_at)
    SELECT 1 + n % 4, 1 + n % 200, 'account', 'a' || n, 's', 'r', 's', 't', 'h', 'sent', now(), \
    now(), now() FROM generate_series(1, 2000) AS n;
INSERT INTO mails (merchant_id, origin, message_id, sender, recipient, subject, text_body, \
html_body, state, next_attempt_at, queued_at, ended_at)
    SELECT 1, 'heads', 'e' || n, 's', 'r', 's', 't', 'h', 'sent', now(), now(), now() FROM \
    generate_series(1, 300) AS n;
INSERT INTO audit_records (id, merchant_id, at, action, actor_kind, user_id, customer, \
reissue_id, details)
    SELECT n, CASE WHEN n % 9 > 0 THEN 1 + n % 4 END, '2027-03-01'::timestamptz - n * interval \
    '10 min', CASE WHEN n <= 20000 AND n % 9 > 0 THEN 'coupon.reissued' WHEN n % 3 = 0 THEN \
    'coupon.barred' ELSE 'session.signed_in' END,
    CASE WHEN n % 5 = 0 THEN 'system' ELSE 'user' END, CASE WHEN n % 5 = 0 THEN NULL ELSE 1 + n % \
    12 END, CASE WHEN n % 2 = 0 THEN 1 + n % 20000 END,
    CASE WHEN n <= 20000 THEN n WHEN n <= 40000 THEN n - 20000 END, CASE WHEN n % 3 = 0 THEN \
    '{\"coupon\":' || n || '}' ELSE '{}' END FROM generate_series(1, 60000) AS n;
INSERT INTO audit_seals (record_id, chain, no, digest, at) SELECT n, 1 + n % 4, 1 + n / 4, \
repeat('a', 64), now() FROM generate_series(1, 60000) AS n;
INSERT INTO stock_by_window SELECT 1 + n % 4, 1 + n % 8, '0001-01-01', '2027-01-01'::date + n / \
8, 1, 1, 1, 1, 1, 1 FROM generate_series(0, 9999) AS n;
INSERT INTO stock_by_day SELECT 1 + n % 4, 1 + n % 8, to_char('2026-01-01'::date + n / 8, \
'YYYY-MM-DD'), 1, 1, 1, 1, 1, 1 FROM generate_series(0, 19999) AS n;
INSERT INTO stock_movements (merchant_id, batch_id, valid_from, expires_at, day, clean, barred, \
redeemed, allocated, replaced, withdrawn)
    SELECT 1 + n % 4, 1 + n % 8, '0001-01-01', '2027-01-01', '2026-01-01', 1, 0, 0, 0, 0, 0 FROM \
    generate_series(1, 5000) AS n;
INSERT INTO imports (id, merchant_id, kind, user_id, state, file_name, lease_until, created_at, \
ended_at)
    SELECT n, 1 + n % 100, 'vouchers', 1, CASE WHEN n % 500 = 0 THEN 'checking' WHEN n % 500 = 1 \
    THEN 'checked' ELSE 'done' END, 'f', now(), now(),
    CASE WHEN n % 500 IN (0, 1) THEN NULL ELSE now() END FROM generate_series(1, 5000) AS n;
INSERT INTO import_pieces SELECT 1 + n % 1000, 'file', n, 'x' FROM generate_series(1, 10000) AS n;
INSERT INTO withdrawals (merchant_id, batch_id, coupon_to, user_id, reason, asked_at, ended_at)
    SELECT 1 + n % 4, 1 + n % 8, 1, 1, 'old', now(), now() FROM generate_series(1, 500) AS n;
INSERT INTO stock_alerts (merchant_id, batch_id, kind, codes_left, raised_at, cleared_at)
    SELECT 1 + n % 20, 1 + n % 8, 'run_out', 0, now(), CASE WHEN n > 40 THEN now() END FROM \
    generate_series(1, 20000) AS n;
";
