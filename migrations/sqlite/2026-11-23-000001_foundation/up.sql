-- The foundation: merchants and their people, customers, stock, rewards, reissues, mail and the audit log.
-- Twin of migrations/postgres/<same name>. Times are fixed-width UTC text; "no end" is 9999-12-31, "no start" 0001-01-01.
-- The merchant's own references are customer_id and reward_id (text); the desk's numbers are customer and reward.

CREATE TABLE merchants (
    id INTEGER PRIMARY KEY NOT NULL,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    timezone TEXT NOT NULL,
    ticket_url TEXT,
    account_manager_name TEXT,
    account_manager_email TEXT,
    mail_from TEXT,
    created_at TEXT NOT NULL
);

CREATE TABLE users (
    id INTEGER PRIMARY KEY NOT NULL,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    disabled_at TEXT,
    created_at TEXT NOT NULL
);

CREATE TABLE memberships (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    user_id BIGINT NOT NULL REFERENCES users (id),
    role TEXT NOT NULL CHECK (role IN ('support', 'supervisor', 'marketing', 'administrator')),
    UNIQUE (merchant_id, user_id)
);
CREATE INDEX memberships_of_user ON memberships (user_id);

CREATE TABLE sessions (
    id INTEGER PRIMARY KEY NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    user_id BIGINT NOT NULL REFERENCES users (id),
    created_at TEXT NOT NULL,
    last_used_at TEXT NOT NULL
);
CREATE INDEX sessions_of_user ON sessions (user_id);

CREATE TABLE customers (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    email TEXT,
    customer_id TEXT,
    first_name TEXT,
    last_name TEXT,
    locale TEXT,
    receives_emails BOOLEAN NOT NULL DEFAULT TRUE,
    blocked_at TEXT,
    blocked_by BIGINT REFERENCES users (id),
    blocked_reason TEXT,
    purged_at TEXT,
    search TEXT NOT NULL,
    first_key TEXT NOT NULL,
    last_key TEXT NOT NULL,
    id_key TEXT NOT NULL,
    created_at TEXT NOT NULL,
    CHECK (email IS NOT NULL OR purged_at IS NOT NULL),
    UNIQUE (merchant_id, email),
    UNIQUE (merchant_id, id)
);
CREATE INDEX customers_by_first_name ON customers (merchant_id, first_key, id);
CREATE INDEX customers_by_last_name ON customers (merchant_id, last_key, id);
CREATE INDEX customers_by_customer_id ON customers (merchant_id, id_key, id);

CREATE VIRTUAL TABLE customers_search USING fts5 (
    search, content = 'customers', content_rowid = 'id', columnsize = 0, tokenize = 'trigram case_sensitive 1'
);
CREATE TRIGGER customers_search_insert AFTER INSERT ON customers BEGIN
    INSERT INTO customers_search (rowid, search) VALUES (NEW.id, NEW.search);
END;
CREATE TRIGGER customers_search_delete AFTER DELETE ON customers BEGIN
    INSERT INTO customers_search (customers_search, rowid, search) VALUES ('delete', OLD.id, OLD.search);
END;
CREATE TRIGGER customers_search_update AFTER UPDATE OF search ON customers BEGIN
    INSERT INTO customers_search (customers_search, rowid, search) VALUES ('delete', OLD.id, OLD.search);
    INSERT INTO customers_search (rowid, search) VALUES (NEW.id, NEW.search);
END;

CREATE TABLE batches (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    name TEXT NOT NULL,
    valid_from TEXT NOT NULL,
    valid_until TEXT NOT NULL,
    uses_per_code BIGINT NOT NULL CHECK (uses_per_code >= 1),
    case_sensitive BOOLEAN NOT NULL,
    -- Coupons of this batch with a higher id belong to an import that has not finished: nobody may see or allocate them.
    published_to BIGINT NOT NULL DEFAULT 0,
    imported BIGINT NOT NULL DEFAULT 0 CHECK (imported >= 0),
    created_at TEXT NOT NULL,
    CHECK (valid_from < valid_until),
    UNIQUE (merchant_id, name),
    UNIQUE (merchant_id, id)
);

CREATE TABLE rewards (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    customer BIGINT NOT NULL,
    reward_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('referrer', 'referee', 'drive_action')),
    title TEXT NOT NULL,
    fulfilment TEXT NOT NULL CHECK (fulfilment IN ('batch', 'giftcloud', 'runa', 'shopify', 'other')),
    batch_id BIGINT,
    issued_at TEXT NOT NULL,
    created_at TEXT NOT NULL,
    CHECK ((fulfilment = 'batch') = (batch_id IS NOT NULL)),
    UNIQUE (merchant_id, reward_id),
    UNIQUE (merchant_id, customer, id),
    FOREIGN KEY (merchant_id, customer) REFERENCES customers (merchant_id, id),
    FOREIGN KEY (merchant_id, batch_id) REFERENCES batches (merchant_id, id)
);
CREATE INDEX rewards_of_batch ON rewards (merchant_id, batch_id) WHERE batch_id IS NOT NULL;

CREATE TABLE coupons (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    batch_id BIGINT NOT NULL,
    code TEXT NOT NULL CHECK (length(code) BETWEEN 3 AND 255),
    -- The letters without case, in batches that ignore case; null in the others.
    folded_code TEXT,
    pin TEXT,
    valid_from TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    max_redemptions BIGINT NOT NULL CHECK (max_redemptions >= 1),
    redemptions BIGINT NOT NULL DEFAULT 0,
    barred_at TEXT,
    barred_by BIGINT REFERENCES users (id),
    barred_reason TEXT,
    state TEXT NOT NULL CHECK (state IN ('available', 'allocated', 'replaced', 'withdrawn')),
    -- The one reward this coupon was ever handed to. Never changes once set, also after it was replaced.
    reward BIGINT REFERENCES rewards (id),
    created_at TEXT NOT NULL,
    CHECK (redemptions BETWEEN 0 AND max_redemptions),
    CHECK ((barred_at IS NULL) = (barred_reason IS NULL)),
    CHECK ((state IN ('allocated', 'replaced')) = (reward IS NOT NULL)),
    UNIQUE (merchant_id, code),
    UNIQUE (merchant_id, folded_code),
    UNIQUE (merchant_id, batch_id, id),
    FOREIGN KEY (merchant_id, batch_id) REFERENCES batches (merchant_id, id)
);
-- Serves "the next usable code": what ends soonest goes first.
CREATE INDEX coupons_usable ON coupons (merchant_id, batch_id, expires_at, id)
    WHERE state = 'available' AND barred_at IS NULL AND redemptions = 0;
-- Serves "left but unusable, and why".
CREATE INDEX coupons_set_aside ON coupons (merchant_id, batch_id, id)
    WHERE state = 'available' AND (barred_at IS NOT NULL OR redemptions > 0);
-- A reward has one current coupon at most.
CREATE UNIQUE INDEX coupons_current_of_reward ON coupons (merchant_id, reward) WHERE state = 'allocated';
CREATE INDEX coupons_of_reward ON coupons (reward) WHERE reward IS NOT NULL;

CREATE TRIGGER coupons_state_is_one_way BEFORE UPDATE OF state ON coupons
WHEN NEW.state <> OLD.state
 AND NOT (OLD.state = 'available' AND NEW.state IN ('allocated', 'withdrawn'))
 AND NOT (OLD.state = 'allocated' AND NEW.state = 'replaced')
BEGIN SELECT RAISE(ABORT, 'coupons_state_is_one_way'); END;

CREATE TRIGGER coupons_keep_what_they_are BEFORE UPDATE OF id, merchant_id, batch_id, code, folded_code, reward ON coupons
WHEN NEW.id <> OLD.id OR NEW.merchant_id <> OLD.merchant_id OR NEW.batch_id <> OLD.batch_id OR NEW.code <> OLD.code
  OR NEW.folded_code IS NOT OLD.folded_code OR (OLD.reward IS NOT NULL AND NEW.reward IS NOT OLD.reward)
BEGIN SELECT RAISE(ABORT, 'coupons_keep_what_they_are'); END;

CREATE TRIGGER coupons_go_to_rewards_of_their_batch BEFORE UPDATE OF state, reward ON coupons
WHEN NEW.reward IS NOT NULL AND OLD.reward IS NULL AND NOT EXISTS (
    SELECT 1 FROM rewards WHERE id = NEW.reward AND merchant_id = NEW.merchant_id AND batch_id = NEW.batch_id)
BEGIN SELECT RAISE(ABORT, 'coupons_go_to_rewards_of_their_batch'); END;

CREATE TRIGGER coupons_start_unattached BEFORE INSERT ON coupons WHEN NEW.state <> 'available'
BEGIN SELECT RAISE(ABORT, 'coupons_start_unattached'); END;

CREATE TRIGGER coupons_are_kept BEFORE DELETE ON coupons
WHEN OLD.state <> 'available' OR OLD.id <= (SELECT published_to FROM batches WHERE id = OLD.batch_id)
BEGIN SELECT RAISE(ABORT, 'coupons_are_kept'); END;

CREATE TABLE redemptions (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    coupon_id BIGINT NOT NULL REFERENCES coupons (id),
    redeemed_at TEXT NOT NULL,
    order_id TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL,
    UNIQUE (merchant_id, coupon_id, redeemed_at, order_id)
);

CREATE TABLE reissues (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    customer BIGINT NOT NULL,
    reward BIGINT NOT NULL,
    batch_id BIGINT NOT NULL,
    old_coupon_id BIGINT NOT NULL,
    new_coupon_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id),
    actor_role TEXT NOT NULL CHECK (actor_role IN ('support', 'supervisor', 'marketing', 'administrator')),
    at TEXT NOT NULL,
    email_requested BOOLEAN NOT NULL,
    token_hash TEXT NOT NULL,
    -- The facts at commit: why the old coupon was unusable, and the window of the new one.
    old_expires_at TEXT NOT NULL,
    old_barred BOOLEAN NOT NULL,
    old_redemptions BIGINT NOT NULL,
    old_max_redemptions BIGINT NOT NULL,
    new_valid_from TEXT NOT NULL,
    new_expires_at TEXT NOT NULL,
    CHECK (old_coupon_id <> new_coupon_id),
    CHECK (old_expires_at <= at OR old_barred OR old_redemptions >= old_max_redemptions),
    CHECK (new_valid_from <= at AND at < new_expires_at),
    UNIQUE (merchant_id, reward),
    UNIQUE (merchant_id, old_coupon_id),
    UNIQUE (merchant_id, new_coupon_id),
    UNIQUE (merchant_id, token_hash),
    FOREIGN KEY (merchant_id, customer, reward) REFERENCES rewards (merchant_id, customer, id),
    FOREIGN KEY (merchant_id, batch_id, old_coupon_id) REFERENCES coupons (merchant_id, batch_id, id),
    FOREIGN KEY (merchant_id, batch_id, new_coupon_id) REFERENCES coupons (merchant_id, batch_id, id)
);
CREATE INDEX reissues_of_batch ON reissues (merchant_id, batch_id, at);

CREATE TRIGGER reissues_match_their_coupons BEFORE INSERT ON reissues
WHEN NOT EXISTS (SELECT 1 FROM coupons WHERE id = NEW.old_coupon_id AND state = 'replaced' AND reward = NEW.reward)
  OR NOT EXISTS (SELECT 1 FROM coupons WHERE id = NEW.new_coupon_id AND state = 'allocated' AND reward = NEW.reward)
BEGIN SELECT RAISE(ABORT, 'reissues_match_their_coupons'); END;
CREATE TRIGGER reissues_never_change BEFORE UPDATE ON reissues
BEGIN SELECT RAISE(ABORT, 'reissues_never_change'); END;
CREATE TRIGGER reissues_are_kept BEFORE DELETE ON reissues
BEGIN SELECT RAISE(ABORT, 'reissues_are_kept'); END;
-- INSERT OR REPLACE deletes without firing the trigger above unless recursive_triggers is on, and other connections do not set it.
CREATE TRIGGER reissues_are_not_replaced BEFORE INSERT ON reissues WHEN EXISTS (SELECT 1 FROM reissues WHERE id = NEW.id)
  OR EXISTS (SELECT 1 FROM reissues WHERE merchant_id = NEW.merchant_id AND reward = NEW.reward)
  OR EXISTS (SELECT 1 FROM reissues WHERE merchant_id = NEW.merchant_id AND token_hash = NEW.token_hash)
BEGIN SELECT RAISE(ABORT, 'reissues_are_not_replaced'); END;

CREATE TABLE mails (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    customer BIGINT NOT NULL,
    reward BIGINT NOT NULL,
    coupon_id BIGINT NOT NULL REFERENCES coupons (id),
    reissue_id BIGINT REFERENCES reissues (id),
    origin TEXT NOT NULL CHECK (origin IN ('reissue', 'resend')),
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
    CHECK (origin <> 'reissue' OR reissue_id IS NOT NULL),
    CHECK ((state = 'queued') = (ended_at IS NULL)),
    FOREIGN KEY (merchant_id, customer, reward) REFERENCES rewards (merchant_id, customer, id)
);
CREATE UNIQUE INDEX mails_one_per_reissue ON mails (merchant_id, reissue_id) WHERE origin = 'reissue';
-- Serves the mail worker: the due ones first.
CREATE INDEX mails_unsent ON mails (next_attempt_at, id) WHERE state = 'queued';
CREATE INDEX mails_of_customer ON mails (merchant_id, customer, id);

CREATE TABLE audit_records (
    id INTEGER PRIMARY KEY NOT NULL,
    -- Null: the installation's own log.
    merchant_id BIGINT REFERENCES merchants (id),
    at TEXT NOT NULL,
    action TEXT NOT NULL,
    actor_kind TEXT NOT NULL CHECK (actor_kind IN ('user', 'cli', 'system')),
    user_id BIGINT REFERENCES users (id),
    customer BIGINT,
    reward BIGINT,
    batch_id BIGINT,
    reissue_id BIGINT,
    -- A JSON object. Never a person: names, addresses and the customer_id are looked up when the log is shown.
    details TEXT NOT NULL,
    request_id TEXT,
    CHECK ((actor_kind = 'user') = (user_id IS NOT NULL)),
    CHECK (action <> 'coupon.reissued' OR (merchant_id IS NOT NULL AND reissue_id IS NOT NULL))
);
CREATE INDEX audit_records_of_merchant ON audit_records (merchant_id, id);
CREATE INDEX audit_records_of_customer ON audit_records (merchant_id, customer, id) WHERE customer IS NOT NULL;
CREATE UNIQUE INDEX audit_records_one_per_reissue ON audit_records (merchant_id, reissue_id) WHERE action = 'coupon.reissued';

CREATE TRIGGER audit_records_never_change BEFORE UPDATE ON audit_records
BEGIN SELECT RAISE(ABORT, 'audit_records_never_change'); END;
CREATE TRIGGER audit_records_are_kept BEFORE DELETE ON audit_records
BEGIN SELECT RAISE(ABORT, 'audit_records_are_kept'); END;
-- INSERT OR REPLACE deletes without firing the trigger above unless recursive_triggers is on, and other connections do not set it.
CREATE TRIGGER audit_records_are_not_replaced BEFORE INSERT ON audit_records
WHEN EXISTS (SELECT 1 FROM audit_records WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'audit_records_are_not_replaced'); END;
CREATE TRIGGER audit_records_one_per_reissue_is_kept BEFORE INSERT ON audit_records
WHEN NEW.action = 'coupon.reissued' AND EXISTS (SELECT 1 FROM audit_records
    WHERE merchant_id = NEW.merchant_id AND reissue_id = NEW.reissue_id AND action = 'coupon.reissued')
BEGIN SELECT RAISE(ABORT, 'audit_records_one_per_reissue'); END;

-- Who may import into a merchant right now; a holder that shows no sign of life until expires_at has died.
CREATE TABLE import_leases (
    merchant_id BIGINT PRIMARY KEY NOT NULL REFERENCES merchants (id),
    holder TEXT NOT NULL,
    expires_at TEXT NOT NULL
);
