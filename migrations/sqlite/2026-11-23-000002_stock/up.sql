-- Stock: exact counts without counting, background imports, withdrawals, alerts, and what the shop and the desk disagree on.
-- Twin of migrations/postgres/<same name>.

-- When the state, the bar or the redemptions last changed (an imported reward's: when it was issued); null: never since the import.
ALTER TABLE coupons ADD COLUMN changed_at TEXT;
UPDATE coupons SET changed_at = coalesce(
    (SELECT at FROM reissues WHERE reissues.merchant_id = coupons.merchant_id AND reissues.old_coupon_id = coupons.id),
    (SELECT at FROM reissues WHERE reissues.merchant_id = coupons.merchant_id AND reissues.new_coupon_id = coupons.id),
    (SELECT issued_at FROM rewards WHERE rewards.id = coupons.reward),
    barred_at)
WHERE state <> 'available' OR barred_at IS NOT NULL;

-- Serve a batch's list of codes by condition.
CREATE INDEX coupons_handed_out ON coupons (merchant_id, batch_id, state, expires_at, id) WHERE state IN ('allocated', 'replaced');
CREATE INDEX coupons_barred ON coupons (merchant_id, batch_id, id) WHERE barred_at IS NOT NULL;
CREATE INDEX coupons_redeemed ON coupons (merchant_id, batch_id, id) WHERE redemptions > 0;
CREATE INDEX coupons_withdrawn ON coupons (merchant_id, batch_id, id) WHERE state = 'withdrawn';

-- How many codes of a batch are in which condition, by their own window: whether a clean one is usable is a question of time.
CREATE TABLE stock_by_window (
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    batch_id BIGINT NOT NULL,
    valid_from TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    -- In stock and neither barred nor redeemed; in stock and barred; in stock, redeemed and not barred.
    clean BIGINT NOT NULL,
    barred BIGINT NOT NULL,
    redeemed BIGINT NOT NULL,
    allocated BIGINT NOT NULL,
    replaced BIGINT NOT NULL,
    withdrawn BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, batch_id, valid_from, expires_at),
    FOREIGN KEY (merchant_id, batch_id) REFERENCES batches (merchant_id, id)
);

-- The same counts as changes by day (UTC, YYYY-MM-DD).
CREATE TABLE stock_by_day (
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    batch_id BIGINT NOT NULL,
    day TEXT NOT NULL,
    clean BIGINT NOT NULL,
    barred BIGINT NOT NULL,
    redeemed BIGINT NOT NULL,
    allocated BIGINT NOT NULL,
    replaced BIGINT NOT NULL,
    withdrawn BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, batch_id, day),
    FOREIGN KEY (merchant_id, batch_id) REFERENCES batches (merchant_id, id)
);

-- Changes that are not yet in the two tables above. Counts once the batch's published_to has reached coupon_to:
-- the slices of an import become visible together.
CREATE TABLE stock_movements (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL,
    batch_id BIGINT NOT NULL,
    coupon_to BIGINT NOT NULL DEFAULT 0,
    valid_from TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    day TEXT NOT NULL,
    clean BIGINT NOT NULL,
    barred BIGINT NOT NULL,
    redeemed BIGINT NOT NULL,
    allocated BIGINT NOT NULL,
    replaced BIGINT NOT NULL,
    withdrawn BIGINT NOT NULL
);
CREATE INDEX stock_movements_of_batch ON stock_movements (merchant_id, batch_id);

INSERT INTO stock_by_window
SELECT c.merchant_id, c.batch_id, c.valid_from, c.expires_at,
    sum(c.state = 'available' AND c.barred_at IS NULL AND c.redemptions = 0),
    sum(c.state = 'available' AND c.barred_at IS NOT NULL),
    sum(c.state = 'available' AND c.barred_at IS NULL AND c.redemptions > 0),
    sum(c.state = 'allocated'), sum(c.state = 'replaced'), sum(c.state = 'withdrawn')
FROM coupons c JOIN batches b ON b.id = c.batch_id WHERE c.id <= b.published_to
GROUP BY c.merchant_id, c.batch_id, c.valid_from, c.expires_at;

INSERT INTO stock_by_day
SELECT merchant_id, batch_id, day, sum(clean), sum(barred), sum(redeemed), sum(allocated), sum(replaced), sum(withdrawn) FROM (
    SELECT c.merchant_id, c.batch_id, substr(c.created_at, 1, 10) AS day,
        count(*) AS clean, 0 AS barred, 0 AS redeemed, 0 AS allocated, 0 AS replaced, 0 AS withdrawn
    FROM coupons c JOIN batches b ON b.id = c.batch_id WHERE c.id <= b.published_to GROUP BY 1, 2, 3
    UNION ALL
    SELECT c.merchant_id, c.batch_id, substr(coalesce(c.changed_at, c.created_at), 1, 10), -count(*),
        sum(c.state = 'available' AND c.barred_at IS NOT NULL),
        sum(c.state = 'available' AND c.barred_at IS NULL AND c.redemptions > 0),
        sum(c.state = 'allocated'), sum(c.state = 'replaced'), sum(c.state = 'withdrawn')
    FROM coupons c JOIN batches b ON b.id = c.batch_id
    WHERE c.id <= b.published_to AND NOT (c.state = 'available' AND c.barred_at IS NULL AND c.redemptions = 0) GROUP BY 1, 2, 3)
GROUP BY merchant_id, batch_id, day;

-- One writer at a time: the counts are brought up to date on the spot.
CREATE TRIGGER coupons_move_stock AFTER UPDATE OF state, barred_at, redemptions, valid_from, expires_at ON coupons
BEGIN
    INSERT INTO stock_by_window VALUES (OLD.merchant_id, OLD.batch_id, OLD.valid_from, OLD.expires_at,
        -(OLD.state = 'available' AND OLD.barred_at IS NULL AND OLD.redemptions = 0),
        -(OLD.state = 'available' AND OLD.barred_at IS NOT NULL),
        -(OLD.state = 'available' AND OLD.barred_at IS NULL AND OLD.redemptions > 0),
        -(OLD.state = 'allocated'), -(OLD.state = 'replaced'), -(OLD.state = 'withdrawn'))
    ON CONFLICT (merchant_id, batch_id, valid_from, expires_at) DO UPDATE SET clean = clean + excluded.clean,
        barred = barred + excluded.barred, redeemed = redeemed + excluded.redeemed, allocated = allocated + excluded.allocated,
        replaced = replaced + excluded.replaced, withdrawn = withdrawn + excluded.withdrawn;
    INSERT INTO stock_by_window VALUES (NEW.merchant_id, NEW.batch_id, NEW.valid_from, NEW.expires_at,
        NEW.state = 'available' AND NEW.barred_at IS NULL AND NEW.redemptions = 0,
        NEW.state = 'available' AND NEW.barred_at IS NOT NULL,
        NEW.state = 'available' AND NEW.barred_at IS NULL AND NEW.redemptions > 0,
        NEW.state = 'allocated', NEW.state = 'replaced', NEW.state = 'withdrawn')
    ON CONFLICT (merchant_id, batch_id, valid_from, expires_at) DO UPDATE SET clean = clean + excluded.clean,
        barred = barred + excluded.barred, redeemed = redeemed + excluded.redeemed, allocated = allocated + excluded.allocated,
        replaced = replaced + excluded.replaced, withdrawn = withdrawn + excluded.withdrawn;
    INSERT INTO stock_by_day VALUES (NEW.merchant_id, NEW.batch_id, substr(coalesce(NEW.changed_at, NEW.created_at), 1, 10),
        (NEW.state = 'available' AND NEW.barred_at IS NULL AND NEW.redemptions = 0)
            - (OLD.state = 'available' AND OLD.barred_at IS NULL AND OLD.redemptions = 0),
        (NEW.state = 'available' AND NEW.barred_at IS NOT NULL) - (OLD.state = 'available' AND OLD.barred_at IS NOT NULL),
        (NEW.state = 'available' AND NEW.barred_at IS NULL AND NEW.redemptions > 0)
            - (OLD.state = 'available' AND OLD.barred_at IS NULL AND OLD.redemptions > 0),
        (NEW.state = 'allocated') - (OLD.state = 'allocated'), (NEW.state = 'replaced') - (OLD.state = 'replaced'),
        (NEW.state = 'withdrawn') - (OLD.state = 'withdrawn'))
    ON CONFLICT (merchant_id, batch_id, day) DO UPDATE SET clean = clean + excluded.clean,
        barred = barred + excluded.barred, redeemed = redeemed + excluded.redeemed, allocated = allocated + excluded.allocated,
        replaced = replaced + excluded.replaced, withdrawn = withdrawn + excluded.withdrawn;
END;

-- What becomes visible is counted: an older version of the desk, which does not count, may not publish beside this one.
CREATE TRIGGER batches_count_what_they_publish BEFORE UPDATE OF imported ON batches
WHEN NEW.imported > OLD.imported AND NEW.imported <>
    (SELECT coalesce(sum(clean + barred + redeemed + allocated + replaced + withdrawn), 0) FROM stock_by_window WHERE merchant_id = NEW.merchant_id AND batch_id = NEW.id)
  + (SELECT coalesce(sum(clean + barred + redeemed + allocated + replaced + withdrawn), 0) FROM stock_movements
     WHERE merchant_id = NEW.merchant_id AND batch_id = NEW.id AND coupon_to <= NEW.published_to)
BEGIN SELECT RAISE(ABORT, 'batches_count_what_they_publish'); END;

-- Lines of a merchant and of a batch. Null: the merchant's.
ALTER TABLE merchants ADD COLUMN stock_threshold BIGINT NOT NULL DEFAULT 100 CHECK (stock_threshold >= 0);
-- How many days a customer should have to use a code; a batch that ends sooner is expiring.
ALTER TABLE merchants ADD COLUMN least_days BIGINT NOT NULL DEFAULT 30 CHECK (least_days BETWEEN 0 AND 3650);
ALTER TABLE batches ADD COLUMN stock_threshold BIGINT CHECK (stock_threshold >= 0);
-- What reissues may need; never refuses an import.
ALTER TABLE batches ADD COLUMN reserve BIGINT NOT NULL DEFAULT 0 CHECK (reserve >= 0);

-- Codes taken out of stock on purpose, up to this coupon; done slice by slice.
CREATE TABLE withdrawals (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    batch_id BIGINT NOT NULL,
    coupon_to BIGINT NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id),
    reason TEXT NOT NULL,
    request_id TEXT,
    asked_at TEXT NOT NULL,
    withdrawn BIGINT NOT NULL DEFAULT 0,
    ended_at TEXT,
    FOREIGN KEY (merchant_id, batch_id) REFERENCES batches (merchant_id, id)
);
CREATE UNIQUE INDEX withdrawals_at_work ON withdrawals (merchant_id, batch_id) WHERE ended_at IS NULL;
CREATE INDEX withdrawals_of_batch ON withdrawals (merchant_id, batch_id, id);

-- Imports from the browser: received, checked, shown, and only then done, in the background.
CREATE TABLE imports (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    kind TEXT NOT NULL CHECK (kind IN ('vouchers', 'redemptions', 'bars')),
    batch_id BIGINT,
    -- A JSON object: the settings of a batch that is made when the import is confirmed.
    new_batch TEXT,
    user_id BIGINT NOT NULL REFERENCES users (id),
    request_id TEXT,
    state TEXT NOT NULL CHECK (state IN ('receiving', 'checking', 'checked', 'importing', 'done', 'failed', 'cancelled')),
    file_name TEXT NOT NULL,
    bytes BIGINT NOT NULL DEFAULT 0,
    -- How far the work at hand is, in what unit it likes.
    progress_done BIGINT NOT NULL DEFAULT 0,
    progress_total BIGINT NOT NULL DEFAULT 0,
    cancel_asked BOOLEAN NOT NULL DEFAULT FALSE,
    lease_holder TEXT,
    lease_until TEXT NOT NULL,
    -- A JSON object: what the check found, and what the import brought.
    preview TEXT,
    report TEXT,
    failure TEXT,
    created_at TEXT NOT NULL,
    ended_at TEXT,
    CHECK ((state IN ('done', 'failed', 'cancelled')) = (ended_at IS NOT NULL)),
    FOREIGN KEY (merchant_id, batch_id) REFERENCES batches (merchant_id, id)
);
CREATE INDEX imports_of_merchant ON imports (merchant_id, id);
CREATE INDEX imports_at_work ON imports (lease_until, id) WHERE state IN ('checking', 'importing');
CREATE INDEX imports_unfinished ON imports (created_at, id) WHERE state IN ('receiving', 'checked');

-- The file as it came, and the rejects, in pieces; removed when they have served.
CREATE TABLE import_pieces (
    import_id BIGINT NOT NULL REFERENCES imports (id),
    part TEXT NOT NULL CHECK (part IN ('file', 'rejects')),
    seq BIGINT NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (import_id, part, seq)
);

-- What the shop and the desk disagree on: an unknown code, one that was never issued, one that had been replaced.
CREATE TABLE redemption_findings (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    kind TEXT NOT NULL CHECK (kind IN ('unknown', 'not_issued', 'replaced')),
    code TEXT NOT NULL,
    coupon_id BIGINT REFERENCES coupons (id),
    redeemed_at TEXT NOT NULL,
    order_id TEXT NOT NULL DEFAULT '',
    found_at TEXT NOT NULL,
    CHECK ((kind = 'unknown') = (coupon_id IS NULL)),
    UNIQUE (merchant_id, code, redeemed_at, order_id)
);
CREATE INDEX redemption_findings_by_kind ON redemption_findings (merchant_id, kind, id);

-- Who wants alerts of a merchant's stock, each at once or all of a day together. Nobody who is not here.
CREATE TABLE alert_choices (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    user_id BIGINT NOT NULL REFERENCES users (id),
    mode TEXT NOT NULL CHECK (mode IN ('each', 'daily')),
    -- Alerts up to this one have been in a digest, or were raised before the choice.
    digested_to BIGINT NOT NULL DEFAULT 0,
    digest_due_at TEXT NOT NULL,
    UNIQUE (merchant_id, user_id)
);
CREATE INDEX alert_choices_due ON alert_choices (digest_due_at, id) WHERE mode = 'daily';

-- A line that was crossed; open until the stock is back on the other side, which arms it again.
CREATE TABLE stock_alerts (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    batch_id BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('threshold', 'half', 'tenth', 'run_out', 'reserve', 'expiring', 'expired')),
    codes_left BIGINT NOT NULL,
    raised_at TEXT NOT NULL,
    cleared_at TEXT,
    FOREIGN KEY (merchant_id, batch_id) REFERENCES batches (merchant_id, id)
);
CREATE UNIQUE INDEX stock_alerts_open ON stock_alerts (merchant_id, batch_id, kind) WHERE cleared_at IS NULL;
CREATE INDEX stock_alerts_of_merchant ON stock_alerts (merchant_id, id);

-- Mails to users beside those to customers: SQLite cannot drop NOT NULL, so the table is made anew.
CREATE TABLE mails_anew (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    customer BIGINT,
    reward BIGINT,
    coupon_id BIGINT REFERENCES coupons (id),
    reissue_id BIGINT REFERENCES reissues (id),
    origin TEXT NOT NULL CHECK (origin IN ('reissue', 'resend', 'alert', 'digest')),
    asked_by BIGINT REFERENCES users (id),
    message_id TEXT NOT NULL UNIQUE,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    text_body TEXT NOT NULL,
    html_body TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'failed', 'cancelled')),
    attempts BIGINT NOT NULL DEFAULT 0,
    next_attempt_at TEXT NOT NULL,
    lease_holder TEXT,
    last_error TEXT,
    queued_at TEXT NOT NULL,
    ended_at TEXT,
    -- The user it goes to, where it does not go to a customer.
    user_id BIGINT REFERENCES users (id),
    CHECK (origin <> 'reissue' OR reissue_id IS NOT NULL),
    CHECK ((origin IN ('reissue', 'resend')) = (customer IS NOT NULL AND reward IS NOT NULL AND coupon_id IS NOT NULL)),
    CHECK ((origin IN ('reissue', 'resend')) = (user_id IS NULL)),
    CHECK ((state = 'queued') = (ended_at IS NULL)),
    FOREIGN KEY (merchant_id, customer, reward) REFERENCES rewards (merchant_id, customer, id)
);
INSERT INTO mails_anew SELECT id, merchant_id, customer, reward, coupon_id, reissue_id, origin, asked_by, message_id, sender,
    recipient, subject, text_body, html_body, state, attempts, next_attempt_at, lease_holder, last_error, queued_at, ended_at, NULL FROM mails;
DROP TABLE mails;
ALTER TABLE mails_anew RENAME TO mails;
CREATE UNIQUE INDEX mails_one_per_reissue ON mails (merchant_id, reissue_id) WHERE origin = 'reissue';
-- Serves the mail worker: the due ones first.
CREATE INDEX mails_unsent ON mails (next_attempt_at, id) WHERE state = 'queued';
CREATE INDEX mails_of_customer ON mails (merchant_id, customer, id);

-- Without statistics SQLite takes every merchant for ten rows and walks through all of one's coupons for a handful of numbers.
-- These are a large desk's, made up once: a small one is quick in any order. ANALYZE makes the table and would replace them.
ANALYZE;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('merchants', 'sqlite_autoindex_merchants_1', '20 1'),
    ('users', 'sqlite_autoindex_users_1', '200 1'),
    ('memberships', 'memberships_of_user', '400 2'),
    ('memberships', 'sqlite_autoindex_memberships_1', '400 20 1'),
    ('sessions', 'sessions_of_user', '200 1'),
    ('sessions', 'sqlite_autoindex_sessions_1', '200 1'),
    ('customers', 'customers_by_customer_id', '1000000 50000 1 1'),
    ('customers', 'customers_by_first_name', '1000000 50000 125 1'),
    ('customers', 'customers_by_last_name', '1000000 50000 125 1'),
    ('customers', 'sqlite_autoindex_customers_1', '1000000 50000 1'),
    ('customers', 'sqlite_autoindex_customers_2', '1000000 50000 1'),
    ('batches', 'sqlite_autoindex_batches_1', '1000 50 1'),
    ('batches', 'sqlite_autoindex_batches_2', '1000 50 1'),
    ('rewards', 'rewards_of_batch', '2700000 135000 2700'),
    ('rewards', 'sqlite_autoindex_rewards_1', '3000000 150000 1'),
    ('rewards', 'sqlite_autoindex_rewards_2', '3000000 150000 3 1'),
    ('coupons', 'coupons_barred', '120000 6000 120 1'),
    ('coupons', 'coupons_current_of_reward', '3000000 150000 1'),
    ('coupons', 'coupons_handed_out', '3600000 180000 3600 1200 4 1'),
    ('coupons', 'coupons_of_reward', '3600000 1'),
    ('coupons', 'coupons_redeemed', '2400000 120000 2400 1'),
    ('coupons', 'coupons_set_aside', '120000 6000 120 1'),
    ('coupons', 'coupons_usable', '6000000 300000 6000 20 1'),
    ('coupons', 'coupons_withdrawn', '600000 30000 600 1'),
    ('coupons', 'sqlite_autoindex_coupons_1', '12000000 600000 1'),
    ('coupons', 'sqlite_autoindex_coupons_2', '12000000 600000 1'),
    ('coupons', 'sqlite_autoindex_coupons_3', '12000000 600000 12000 1'),
    ('redemptions', 'sqlite_autoindex_redemptions_1', '3000000 150000 1 1 1'),
    ('reissues', 'reissues_of_batch', '300000 15000 300 1'),
    ('reissues', 'sqlite_autoindex_reissues_1', '300000 15000 1'),
    ('reissues', 'sqlite_autoindex_reissues_2', '300000 15000 1'),
    ('reissues', 'sqlite_autoindex_reissues_3', '300000 15000 1'),
    ('reissues', 'sqlite_autoindex_reissues_4', '300000 15000 1'),
    ('audit_records', 'audit_records_of_customer', '500000 25000 1 1'),
    ('audit_records', 'audit_records_of_merchant', '1000000 50000 1'),
    ('audit_records', 'audit_records_one_per_reissue', '300000 15000 1'),
    ('import_leases', 'sqlite_autoindex_import_leases_1', '20 1'),
    ('stock_by_window', 'sqlite_autoindex_stock_by_window_1', '10000 500 10 3 1'),
    ('stock_by_day', 'sqlite_autoindex_stock_by_day_1', '100000 5000 100 1'),
    ('stock_movements', 'stock_movements_of_batch', '1000 50 2'),
    ('withdrawals', 'withdrawals_at_work', '2 1 1'),
    ('withdrawals', 'withdrawals_of_batch', '100 5 1 1'),
    ('imports', 'imports_at_work', '10 1 1'),
    ('imports', 'imports_of_merchant', '1000 50 1'),
    ('imports', 'imports_unfinished', '50 1 1'),
    ('import_pieces', 'sqlite_autoindex_import_pieces_1', '10000 10 5 1'),
    ('redemption_findings', 'redemption_findings_by_kind', '100000 5000 1666 1'),
    ('redemption_findings', 'sqlite_autoindex_redemption_findings_1', '100000 5000 1 1 1'),
    ('alert_choices', 'alert_choices_due', '200 1 1'),
    ('alert_choices', 'sqlite_autoindex_alert_choices_1', '400 20 1'),
    ('stock_alerts', 'stock_alerts_of_merchant', '10000 500 1'),
    ('stock_alerts', 'stock_alerts_open', '1000 50 1 1'),
    ('mails', 'mails_of_customer', '300000 15000 1 1'),
    ('mails', 'mails_one_per_reissue', '150000 7500 1'),
    ('mails', 'mails_unsent', '900 1 1'),
    ('mails', 'sqlite_autoindex_mails_1', '300000 1');
-- This connection has read the statistics already: it reads them again.
ANALYZE sqlite_master;
