-- The initial schema. Twin of migrations/postgres/<same name>: same tables, columns and rules.
--
-- Tables come first, in the order: people, customers, codes, counted stock, emails, imports, audit.
-- Then the indexes, the triggers, and the statistics for SQLite's planner.
--
-- Times are UTC texts of fixed width. "No end" is 9999-12-31, "no start" is 0001-01-01.
-- customer_id and reward_id are the merchant's own references, texts. customer and reward are the
-- rows' ids here.

-- The shops that use this desk. Nearly every other table belongs to one.
CREATE TABLE merchants (
    id INTEGER PRIMARY KEY NOT NULL,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    timezone TEXT NOT NULL,
    ticket_url TEXT,
    account_manager_name TEXT,
    account_manager_email TEXT,
    mail_from TEXT,
    created_at TEXT NOT NULL,
    -- Fewer codes left than this raise an alert, in batches that have no threshold of their own.
    stock_threshold BIGINT NOT NULL DEFAULT 100 CHECK (stock_threshold >= 0),
    -- How many days a customer should have to use a code. A batch that ends sooner is expiring.
    least_days BIGINT NOT NULL DEFAULT 30 CHECK (least_days BETWEEN 0 AND 3650),
    requires_second_factor BOOLEAN NOT NULL DEFAULT FALSE
);

-- The people who work at the desk, whichever merchants they work for.
CREATE TABLE users (
    id INTEGER PRIMARY KEY NOT NULL,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    -- Empty: fits no password. The user has not chosen one yet, or signs in elsewhere.
    password_hash TEXT NOT NULL,
    disabled_at TEXT,
    created_at TEXT NOT NULL,
    last_seen_at TEXT,
    -- When an administrator let the user in again after a long absence.
    unlocked_at TEXT,
    password_changed_at TEXT,
    -- Encrypted under the desk's secret key. Null: no authenticator app.
    totp_secret TEXT,
    totp_added_at TEXT,
    -- The last time step that was used: a code signs in once.
    totp_step BIGINT
);

-- Which role a user has at a merchant.
CREATE TABLE memberships (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    user_id BIGINT NOT NULL REFERENCES users (id),
    role TEXT NOT NULL CHECK (role IN ('support', 'supervisor', 'marketing', 'administrator')),
    -- Set: only offered, and not yet accepted. Until then the role lets its user in nowhere, and
    -- gives the merchant that offers it no say over their account.
    offered_at TEXT,
    UNIQUE (merchant_id, user_id)
);

-- Signed-in browsers.
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    user_id BIGINT NOT NULL REFERENCES users (id),
    created_at TEXT NOT NULL,
    last_used_at TEXT NOT NULL,
    -- When the user last proved to be there. Dangerous acts ask again after a while.
    confirmed_at TEXT,
    -- The browser, as its user may recognise it, and the address it came from.
    agent TEXT NOT NULL DEFAULT '',
    address TEXT NOT NULL DEFAULT '',
    -- The question that a passkey is being asked, encrypted under the desk's secret key.
    challenge TEXT,
    -- The account at the provider that its user has not confirmed yet, encrypted. A column of its
    -- own: a question that is asked meanwhile must not take its place.
    pending_link TEXT
);

-- Pending sign-ins: the password was right and the second factor is still to come. Not sessions, so
-- that nothing can mistake one for a session.
CREATE TABLE half_sign_ins (
    id INTEGER PRIMARY KEY NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    user_id BIGINT NOT NULL REFERENCES users (id),
    created_at TEXT NOT NULL,
    -- Wrong second factors so far.
    failures BIGINT NOT NULL DEFAULT 0,
    challenge TEXT
);

-- Links that let somebody in once: an invitation, a forgotten password, the first user of all.
CREATE TABLE account_links (
    id INTEGER PRIMARY KEY NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    purpose TEXT NOT NULL CHECK (purpose IN ('invite', 'reset', 'setup')),
    user_id BIGINT REFERENCES users (id),
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    used_at TEXT,
    CHECK ((purpose = 'setup') = (user_id IS NULL))
);

-- One-time codes for users who have lost their second factor.
CREATE TABLE recovery_codes (
    id INTEGER PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id),
    code_hash TEXT NOT NULL,
    used_at TEXT,
    UNIQUE (user_id, code_hash)
);

-- Users' passkeys, a second factor.
CREATE TABLE passkeys (
    id INTEGER PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id),
    credential_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    -- The public key and its counter, as JSON.
    credential TEXT NOT NULL,
    created_at TEXT NOT NULL,
    last_used_at TEXT
);

-- Single sign-on: who a user is at the provider. Only issuer and subject count, whatever else the
-- provider says of the person later.
CREATE TABLE identities (
    id INTEGER PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id),
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    linked_at TEXT NOT NULL,
    last_used_at TEXT,
    UNIQUE (issuer, subject),
    -- One person is one subject of a provider: a second one is somebody else.
    UNIQUE (user_id, issuer)
);

-- The merchants' customers.
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
    -- What the search and the sorted lists look at: texts folded by the rules of domain/fold.rs.
    search TEXT NOT NULL,
    first_key TEXT NOT NULL,
    last_key TEXT NOT NULL,
    id_key TEXT NOT NULL,
    created_at TEXT NOT NULL,
    -- Null where it was done at the command line.
    purged_by BIGINT REFERENCES users (id),
    -- By which version of the folding rules the keys were made; see src/db/search_keys.rs. A
    -- version of the program that does not know the column leaves 1 where it adds a row. One that
    -- knows it writes its version as n and -n in turn, so that a change of the keys without a
    -- change of this number shows that an earlier version wrote them: a trigger then notes 0.
    keys_version BIGINT NOT NULL DEFAULT 1,
    CHECK (email IS NOT NULL OR purged_at IS NOT NULL),
    UNIQUE (merchant_id, email),
    -- For foreign keys that include the merchant.
    UNIQUE (merchant_id, id)
);

-- Finds customers by any three letters in a row of `search`. Triggers keep it in step.
CREATE VIRTUAL TABLE customers_search USING fts5 (
    search, content = 'customers', content_rowid = 'id', columnsize = 0,
    tokenize = 'trigram case_sensitive 1'
);
-- What leaves the index leaves the file, too: a purged person could be put together again from a
-- mark that only hides it.
INSERT INTO customers_search (customers_search, rank) VALUES ('secure-delete', 1);

-- A key for each customer of whom the audit log holds personal text. It is made with the first such
-- text, and destroyed by a purge: what was encrypted under it can't be read any more.
CREATE TABLE customer_keys (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    customer BIGINT NOT NULL,
    -- Encrypted under the desk's secret key.
    wrapped_key TEXT NOT NULL,
    UNIQUE (merchant_id, customer),
    FOREIGN KEY (merchant_id, customer) REFERENCES customers (merchant_id, id)
);

-- Batches: codes of one kind that were bought or made together.
CREATE TABLE batches (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    name TEXT NOT NULL,
    valid_from TEXT NOT NULL,
    valid_until TEXT NOT NULL,
    uses_per_code BIGINT NOT NULL CHECK (uses_per_code >= 1),
    case_sensitive BOOLEAN NOT NULL,
    -- Coupons of this batch with a higher id belong to an import that has not finished: nobody may
    -- see or allocate them.
    published_to BIGINT NOT NULL DEFAULT 0,
    imported BIGINT NOT NULL DEFAULT 0 CHECK (imported >= 0),
    created_at TEXT NOT NULL,
    -- Null: the merchant's.
    stock_threshold BIGINT CHECK (stock_threshold >= 0),
    -- How many codes reissues may need. Never refuses an import.
    reserve BIGINT NOT NULL DEFAULT 0 CHECK (reserve >= 0),
    CHECK (valid_from < valid_until),
    UNIQUE (merchant_id, name),
    UNIQUE (merchant_id, id)
);

-- What a customer was promised; fulfilled by a coupon of a batch, or by another provider.
CREATE TABLE rewards (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    customer BIGINT NOT NULL,
    reward_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('referrer', 'referee', 'drive_action')),
    title TEXT NOT NULL,
    fulfilment TEXT NOT NULL
        CHECK (fulfilment IN ('batch', 'giftcloud', 'runa', 'shopify', 'other')),
    batch_id BIGINT,
    issued_at TEXT NOT NULL,
    created_at TEXT NOT NULL,
    CHECK ((fulfilment = 'batch') = (batch_id IS NOT NULL)),
    UNIQUE (merchant_id, reward_id),
    UNIQUE (merchant_id, customer, id),
    FOREIGN KEY (merchant_id, customer) REFERENCES customers (merchant_id, id),
    FOREIGN KEY (merchant_id, batch_id) REFERENCES batches (merchant_id, id)
);

-- The codes.
CREATE TABLE coupons (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    batch_id BIGINT NOT NULL,
    code TEXT NOT NULL CHECK (length(code) BETWEEN 3 AND 255),
    -- The letters without case, in batches that ignore case. Null in the others.
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
    -- The one reward this coupon was ever handed to. Never changes once set, not even when the
    -- coupon is replaced.
    reward BIGINT REFERENCES rewards (id),
    created_at TEXT NOT NULL,
    -- When the state, the bar or the redemptions last changed; of an imported reward's coupon, when
    -- it was issued. Null: never since the import.
    changed_at TEXT,
    CHECK (redemptions BETWEEN 0 AND max_redemptions),
    CHECK ((barred_at IS NULL) = (barred_reason IS NULL)),
    CHECK ((state IN ('allocated', 'replaced')) = (reward IS NOT NULL)),
    -- One code occurs once in a merchant; in batches that ignore case, so do its letters.
    UNIQUE (merchant_id, code),
    UNIQUE (merchant_id, folded_code),
    UNIQUE (merchant_id, batch_id, id),
    FOREIGN KEY (merchant_id, batch_id) REFERENCES batches (merchant_id, id)
);

-- A reward's coupon that was replaced by a new one, and the facts at that moment: why the old
-- coupon was unusable, and the window of the new one.
CREATE TABLE reissues (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    customer BIGINT NOT NULL,
    reward BIGINT NOT NULL,
    batch_id BIGINT NOT NULL,
    old_coupon_id BIGINT NOT NULL,
    new_coupon_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id),
    actor_role TEXT NOT NULL
        CHECK (actor_role IN ('support', 'supervisor', 'marketing', 'administrator')),
    at TEXT NOT NULL,
    email_requested BOOLEAN NOT NULL,
    -- Of the form that was sent: sent twice, it reissues once.
    token_hash TEXT NOT NULL,
    old_expires_at TEXT NOT NULL,
    old_barred BOOLEAN NOT NULL,
    old_redemptions BIGINT NOT NULL,
    old_max_redemptions BIGINT NOT NULL,
    new_valid_from TEXT NOT NULL,
    new_expires_at TEXT NOT NULL,
    CHECK (old_coupon_id <> new_coupon_id),
    -- The old one was unusable, the new one was usable.
    CHECK (old_expires_at <= at OR old_barred OR old_redemptions >= old_max_redemptions),
    CHECK (new_valid_from <= at AND at < new_expires_at),
    -- A reward is reissued once, and no coupon takes part in two reissues.
    UNIQUE (merchant_id, reward),
    UNIQUE (merchant_id, old_coupon_id),
    UNIQUE (merchant_id, new_coupon_id),
    UNIQUE (merchant_id, token_hash),
    FOREIGN KEY (merchant_id, customer, reward) REFERENCES rewards (merchant_id, customer, id),
    FOREIGN KEY (merchant_id, batch_id, old_coupon_id)
        REFERENCES coupons (merchant_id, batch_id, id),
    FOREIGN KEY (merchant_id, batch_id, new_coupon_id)
        REFERENCES coupons (merchant_id, batch_id, id)
);

-- Uses of coupons, as shops report them or people mark them.
CREATE TABLE redemptions (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    coupon_id BIGINT NOT NULL REFERENCES coupons (id),
    redeemed_at TEXT NOT NULL,
    -- Empty: none was reported.
    order_id TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL,
    UNIQUE (merchant_id, coupon_id, redeemed_at, order_id)
);

-- Orders that an earlier version counted more than once: all reports but the first. What was
-- counted stays counted, since nobody can tell which of a coupon's uses were counted on their own
-- and which came with the vouchers file. The pages show these reports at the coupon. Once all its
-- uses are gone, a use that is reported later is recorded in place of one of them. Nothing adds to
-- this table.
CREATE TABLE repeated_redemptions (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL,
    coupon_id BIGINT NOT NULL,
    -- The report that stays the use.
    first_id BIGINT NOT NULL,
    redeemed_at TEXT NOT NULL,
    order_id TEXT NOT NULL,
    created_at TEXT NOT NULL
);

-- Redemption mismatches: the shop reports a code that is unknown here, was never issued, or had
-- been replaced.
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

-- Codes that are taken out of stock on purpose, up to this coupon; done slice by slice.
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

-- How many codes of a batch are in which condition, by their own window: whether a clean one is
-- usable is a question of time. A trigger keeps it in step, so that no page counts coupons.
-- clean: in stock, neither barred nor redeemed. barred: in stock and barred. redeemed: in stock,
-- redeemed and not barred.
CREATE TABLE stock_by_window (
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    batch_id BIGINT NOT NULL,
    valid_from TEXT NOT NULL,
    expires_at TEXT NOT NULL,
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

-- Changes that are not yet in the two tables above. One counts once its batch's published_to has
-- reached coupon_to: the slices of an import become visible together.
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

-- The movement up to which all are added up; one row. Whoever counts looks only at those above it,
-- and so passes by rows that are deleted but not yet cleaned up.
CREATE TABLE stock_marks (
    id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    settled_to BIGINT NOT NULL
);
INSERT INTO stock_marks (id, settled_to) VALUES (1, 0);

-- A threshold that was crossed. Open until the stock is back on the other side; then the next
-- crossing raises a new alert.
CREATE TABLE stock_alerts (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    batch_id BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (
        kind IN ('threshold', 'half', 'tenth', 'run_out', 'reserve', 'expiring', 'expired')),
    codes_left BIGINT NOT NULL,
    raised_at TEXT NOT NULL,
    cleared_at TEXT,
    FOREIGN KEY (merchant_id, batch_id) REFERENCES batches (merchant_id, id)
);

-- Who wants alerts of a merchant's stock: each at once, or all of a day together. No row: none.
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

-- Emails, queued in the transaction that they are about and sent by the mail worker.
CREATE TABLE mails (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    customer BIGINT,
    reward BIGINT,
    coupon_id BIGINT REFERENCES coupons (id),
    reissue_id BIGINT REFERENCES reissues (id),
    -- account: its links are secrets, and its content goes once it is sent. heads: the heads of the
    -- audit chains, to an address outside the desk.
    origin TEXT NOT NULL
        CHECK (origin IN ('reissue', 'resend', 'alert', 'digest', 'account', 'heads')),
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
    CHECK ((origin IN ('reissue', 'resend'))
        = (customer IS NOT NULL AND reward IS NOT NULL AND coupon_id IS NOT NULL)),
    CHECK ((origin IN ('reissue', 'resend', 'heads')) = (user_id IS NULL)),
    CHECK ((state = 'queued') = (ended_at IS NULL)),
    FOREIGN KEY (merchant_id, customer, reward) REFERENCES rewards (merchant_id, customer, id)
);

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
    state TEXT NOT NULL CHECK (
        state IN ('receiving', 'checking', 'checked', 'importing', 'done', 'failed', 'cancelled')),
    file_name TEXT NOT NULL,
    bytes BIGINT NOT NULL DEFAULT 0,
    -- How far the present step is, in whatever unit suits it.
    progress_done BIGINT NOT NULL DEFAULT 0,
    progress_total BIGINT NOT NULL DEFAULT 0,
    cancel_asked BOOLEAN NOT NULL DEFAULT FALSE,
    lease_holder TEXT,
    lease_until TEXT NOT NULL,
    -- JSON objects: what the check found, and what the import brought.
    preview TEXT,
    report TEXT,
    failure TEXT,
    created_at TEXT NOT NULL,
    ended_at TEXT,
    CHECK ((state IN ('done', 'failed', 'cancelled')) = (ended_at IS NOT NULL)),
    FOREIGN KEY (merchant_id, batch_id) REFERENCES batches (merchant_id, id)
);

-- The file as it came, and the rejects, in pieces; removed when they are no longer needed.
CREATE TABLE import_pieces (
    import_id BIGINT NOT NULL REFERENCES imports (id),
    part TEXT NOT NULL CHECK (part IN ('file', 'rejects')),
    seq BIGINT NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (import_id, part, seq)
);

-- Who may import into a merchant right now. A holder that shows no sign of life until expires_at
-- has died.
CREATE TABLE import_leases (
    merchant_id BIGINT PRIMARY KEY NOT NULL REFERENCES merchants (id),
    holder TEXT NOT NULL,
    expires_at TEXT NOT NULL
);

-- The audit logs: what was done, by whom. Rows are only ever added.
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
    -- A JSON object. Never a person: names, addresses and the customer_id are looked up when the
    -- log is shown.
    details TEXT NOT NULL,
    request_id TEXT,
    CHECK ((actor_kind = 'user') = (user_id IS NOT NULL)),
    CHECK (action <> 'coupon.reissued' OR (merchant_id IS NOT NULL AND reissue_id IS NOT NULL))
);

-- A chain of digests over each audit log; see src/domain/audit_seal.rs. It is made after the
-- records, in the background: whoever writes a record neither reads nor locks anything here.
CREATE TABLE audit_seals (
    -- Each record is in one seal. Every column is part of what is digested.
    record_id INTEGER PRIMARY KEY NOT NULL,
    -- The log: a merchant's id, or 0 for the installation's own.
    chain BIGINT NOT NULL,
    -- Without gaps from 1, in the order of sealing.
    no BIGINT NOT NULL,
    digest TEXT NOT NULL CHECK (length(digest) = 64),
    at TEXT NOT NULL,
    UNIQUE (chain, no)
);

-- The record up to which all are sealed; one row. A record at or below it without a seal was not
-- written by this program.
CREATE TABLE seal_marks (
    id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    sealed_to BIGINT NOT NULL
);
INSERT INTO seal_marks (id, sealed_to) VALUES (1, 0);

-- Indexes.

CREATE INDEX memberships_of_user ON memberships (user_id);
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_by_age ON sessions (created_at);
CREATE INDEX half_sign_ins_of_user ON half_sign_ins (user_id);
CREATE INDEX half_sign_ins_by_age ON half_sign_ins (created_at);
CREATE INDEX account_links_of_user ON account_links (user_id);
CREATE INDEX account_links_by_end ON account_links (expires_at);
CREATE INDEX passkeys_of_user ON passkeys (user_id);

CREATE INDEX customers_by_first_name ON customers (merchant_id, first_key, id);
CREATE INDEX customers_by_last_name ON customers (merchant_id, last_key, id);
CREATE INDEX customers_by_customer_id ON customers (merchant_id, id_key, id);
-- Customers whose search keys an earlier version made; empty once they are made again.
CREATE INDEX customers_with_old_keys ON customers (id) WHERE keys_version > -2 AND keys_version < 2;

-- The next usable code: what ends soonest goes first.
CREATE INDEX coupons_usable ON coupons (merchant_id, batch_id, expires_at, id)
    WHERE state = 'available' AND barred_at IS NULL AND redemptions = 0;
-- A reward has one current coupon at most.
CREATE UNIQUE INDEX coupons_current_of_reward ON coupons (merchant_id, reward)
    WHERE state = 'allocated';
CREATE INDEX coupons_of_reward ON coupons (reward) WHERE reward IS NOT NULL;
-- A batch's codes by condition.
CREATE INDEX coupons_handed_out ON coupons (merchant_id, batch_id, state, expires_at, id)
    WHERE state IN ('allocated', 'replaced');
CREATE INDEX coupons_barred ON coupons (merchant_id, batch_id, id) WHERE barred_at IS NOT NULL;
CREATE INDEX coupons_redeemed ON coupons (merchant_id, batch_id, id) WHERE redemptions > 0;
CREATE INDEX coupons_withdrawn ON coupons (merchant_id, batch_id, id) WHERE state = 'withdrawn';
-- Codes that are left but unusable, in the order in which the expired ones are listed.
CREATE INDEX coupons_set_aside ON coupons (merchant_id, batch_id, expires_at, id)
    WHERE state = 'available' AND (barred_at IS NOT NULL OR redemptions > 0);

-- One order is one use of a coupon, and one mismatch of a code and of a coupon, whatever time is
-- reported for it.
CREATE UNIQUE INDEX redemptions_one_per_order ON redemptions (merchant_id, coupon_id, order_id)
    WHERE order_id <> '';
CREATE INDEX repeated_redemptions_of_coupon ON repeated_redemptions (merchant_id, coupon_id);
CREATE INDEX redemption_findings_by_kind ON redemption_findings (merchant_id, kind, id);
CREATE UNIQUE INDEX redemption_findings_one_per_order
    ON redemption_findings (merchant_id, code, order_id) WHERE order_id <> '';
CREATE UNIQUE INDEX redemption_findings_one_per_coupon_and_order
    ON redemption_findings (merchant_id, coupon_id, order_id)
    WHERE order_id <> '' AND coupon_id IS NOT NULL;

-- A batch has one withdrawal under way at most.
CREATE UNIQUE INDEX withdrawals_at_work ON withdrawals (merchant_id, batch_id)
    WHERE ended_at IS NULL;
CREATE INDEX withdrawals_of_batch ON withdrawals (merchant_id, batch_id, id);
CREATE INDEX stock_movements_of_batch ON stock_movements (merchant_id, batch_id);
-- A threshold that stays crossed raises one alert.
CREATE UNIQUE INDEX stock_alerts_open ON stock_alerts (merchant_id, batch_id, kind)
    WHERE cleared_at IS NULL;
CREATE INDEX stock_alerts_of_merchant ON stock_alerts (merchant_id, id);
CREATE INDEX alert_choices_due ON alert_choices (digest_due_at, id) WHERE mode = 'daily';

CREATE UNIQUE INDEX mails_one_per_reissue ON mails (merchant_id, reissue_id)
    WHERE origin = 'reissue';
-- For the mail worker: those that are due first.
CREATE INDEX mails_unsent ON mails (next_attempt_at, id) WHERE state = 'queued';
CREATE INDEX mails_of_customer ON mails (merchant_id, customer, id);
-- When the heads went out last.
CREATE INDEX mails_with_heads ON mails (queued_at) WHERE origin = 'heads';
CREATE INDEX mails_to_users ON mails (merchant_id, user_id, id) WHERE user_id IS NOT NULL;

CREATE INDEX imports_of_merchant ON imports (merchant_id, id);
CREATE INDEX imports_at_work ON imports (lease_until, id) WHERE state IN ('checking', 'importing');
CREATE INDEX imports_unfinished ON imports (created_at, id)
    WHERE state IN ('receiving', 'checked');
CREATE INDEX imports_open ON imports (merchant_id) WHERE ended_at IS NULL;

CREATE INDEX audit_records_of_merchant ON audit_records (merchant_id, id);
CREATE INDEX audit_records_of_customer ON audit_records (merchant_id, customer, id)
    WHERE customer IS NOT NULL;
CREATE UNIQUE INDEX audit_records_one_per_reissue ON audit_records (merchant_id, reissue_id)
    WHERE action = 'coupon.reissued';
-- One for each filter of the audit log's page, in the order in which the page shows the log.
CREATE INDEX audit_records_by_time ON audit_records (merchant_id, at, id);
CREATE INDEX audit_records_of_user ON audit_records (merchant_id, user_id, at, id)
    WHERE user_id IS NOT NULL;
CREATE INDEX audit_records_of_no_user ON audit_records (merchant_id, actor_kind, at, id)
    WHERE user_id IS NULL;
CREATE INDEX audit_records_of_action ON audit_records (merchant_id, action, at, id);
CREATE INDEX audit_records_of_reissue ON audit_records (merchant_id, reissue_id, id)
    WHERE reissue_id IS NOT NULL;
-- The coupon that a record names; null where somebody has changed the details into no JSON. The
-- same expression is in src/db/audit_log.rs.
CREATE INDEX audit_records_of_coupon ON audit_records
    (merchant_id, (CASE WHEN json_valid(details) THEN json_extract(details, '$.coupon') END), id)
    WHERE (CASE WHEN json_valid(details) THEN json_extract(details, '$.coupon') END) IS NOT NULL;

-- Triggers. Each rule refuses with its own name. Where rows may not go, there is one more rule:
-- INSERT OR REPLACE deletes without firing a DELETE trigger unless recursive_triggers is on, and
-- other programs' connections do not set that.

CREATE TRIGGER customers_search_insert AFTER INSERT ON customers BEGIN
    INSERT INTO customers_search (rowid, search) VALUES (NEW.id, NEW.search);
END;
CREATE TRIGGER customers_search_delete AFTER DELETE ON customers BEGIN
    INSERT INTO customers_search (customers_search, rowid, search)
        VALUES ('delete', OLD.id, OLD.search);
END;
CREATE TRIGGER customers_search_update AFTER UPDATE OF search ON customers BEGIN
    INSERT INTO customers_search (customers_search, rowid, search)
        VALUES ('delete', OLD.id, OLD.search);
    INSERT INTO customers_search (rowid, search) VALUES (NEW.id, NEW.search);
END;
-- See customers.keys_version.
CREATE TRIGGER customers_note_old_keys AFTER UPDATE OF search ON customers
WHEN NEW.search <> OLD.search AND NEW.search <> '' AND NEW.keys_version = OLD.keys_version
BEGIN UPDATE customers SET keys_version = 0 WHERE id = NEW.id; END;

-- A coupon is handed out once, to a reward of its batch, and never goes back into stock.
CREATE TRIGGER coupons_state_is_one_way BEFORE UPDATE OF state ON coupons
WHEN NEW.state <> OLD.state
 AND NOT (OLD.state = 'available' AND NEW.state IN ('allocated', 'withdrawn'))
 AND NOT (OLD.state = 'allocated' AND NEW.state = 'replaced')
BEGIN SELECT RAISE(ABORT, 'coupons_state_is_one_way'); END;
CREATE TRIGGER coupons_keep_what_they_are
BEFORE UPDATE OF id, merchant_id, batch_id, code, folded_code, reward ON coupons
WHEN NEW.id <> OLD.id OR NEW.merchant_id <> OLD.merchant_id OR NEW.batch_id <> OLD.batch_id
  OR NEW.code <> OLD.code OR NEW.folded_code IS NOT OLD.folded_code
  OR (OLD.reward IS NOT NULL AND NEW.reward IS NOT OLD.reward)
BEGIN SELECT RAISE(ABORT, 'coupons_keep_what_they_are'); END;
CREATE TRIGGER coupons_go_to_rewards_of_their_batch BEFORE UPDATE OF state, reward ON coupons
WHEN NEW.reward IS NOT NULL AND OLD.reward IS NULL AND NOT EXISTS (
    SELECT 1 FROM rewards
    WHERE id = NEW.reward AND merchant_id = NEW.merchant_id AND batch_id = NEW.batch_id)
BEGIN SELECT RAISE(ABORT, 'coupons_go_to_rewards_of_their_batch'); END;
CREATE TRIGGER coupons_start_unattached BEFORE INSERT ON coupons WHEN NEW.state <> 'available'
BEGIN SELECT RAISE(ABORT, 'coupons_start_unattached'); END;
-- Only codes that nobody has seen may be deleted: those that a killed import left behind.
CREATE TRIGGER coupons_are_kept BEFORE DELETE ON coupons
WHEN OLD.state <> 'available'
  OR OLD.id <= (SELECT published_to FROM batches WHERE id = OLD.batch_id)
BEGIN SELECT RAISE(ABORT, 'coupons_are_kept'); END;
-- Its customer has another code by then: both would work.
CREATE TRIGGER coupons_replaced_stay_unusable
BEFORE UPDATE OF barred_at, redemptions, max_redemptions, expires_at ON coupons
WHEN OLD.state = 'replaced' AND ((OLD.barred_at IS NOT NULL AND NEW.barred_at IS NULL)
    OR NEW.redemptions < OLD.redemptions OR NEW.max_redemptions > OLD.max_redemptions
    OR NEW.expires_at > OLD.expires_at)
BEGIN SELECT RAISE(ABORT, 'coupons_replaced_stay_unusable'); END;

-- Counts the stock. SQLite has one writer at a time, so the sums are brought up to date at once.
CREATE TRIGGER coupons_move_stock
AFTER UPDATE OF state, barred_at, redemptions, valid_from, expires_at ON coupons
BEGIN
    INSERT INTO stock_by_window VALUES (
        OLD.merchant_id, OLD.batch_id, OLD.valid_from, OLD.expires_at,
        -(OLD.state = 'available' AND OLD.barred_at IS NULL AND OLD.redemptions = 0),
        -(OLD.state = 'available' AND OLD.barred_at IS NOT NULL),
        -(OLD.state = 'available' AND OLD.barred_at IS NULL AND OLD.redemptions > 0),
        -(OLD.state = 'allocated'), -(OLD.state = 'replaced'), -(OLD.state = 'withdrawn'))
    ON CONFLICT (merchant_id, batch_id, valid_from, expires_at) DO UPDATE SET
        clean = clean + excluded.clean, barred = barred + excluded.barred,
        redeemed = redeemed + excluded.redeemed, allocated = allocated + excluded.allocated,
        replaced = replaced + excluded.replaced, withdrawn = withdrawn + excluded.withdrawn;
    INSERT INTO stock_by_window VALUES (
        NEW.merchant_id, NEW.batch_id, NEW.valid_from, NEW.expires_at,
        NEW.state = 'available' AND NEW.barred_at IS NULL AND NEW.redemptions = 0,
        NEW.state = 'available' AND NEW.barred_at IS NOT NULL,
        NEW.state = 'available' AND NEW.barred_at IS NULL AND NEW.redemptions > 0,
        NEW.state = 'allocated', NEW.state = 'replaced', NEW.state = 'withdrawn')
    ON CONFLICT (merchant_id, batch_id, valid_from, expires_at) DO UPDATE SET
        clean = clean + excluded.clean, barred = barred + excluded.barred,
        redeemed = redeemed + excluded.redeemed, allocated = allocated + excluded.allocated,
        replaced = replaced + excluded.replaced, withdrawn = withdrawn + excluded.withdrawn;
    INSERT INTO stock_by_day VALUES (
        NEW.merchant_id, NEW.batch_id, substr(coalesce(NEW.changed_at, NEW.created_at), 1, 10),
        (NEW.state = 'available' AND NEW.barred_at IS NULL AND NEW.redemptions = 0)
            - (OLD.state = 'available' AND OLD.barred_at IS NULL AND OLD.redemptions = 0),
        (NEW.state = 'available' AND NEW.barred_at IS NOT NULL)
            - (OLD.state = 'available' AND OLD.barred_at IS NOT NULL),
        (NEW.state = 'available' AND NEW.barred_at IS NULL AND NEW.redemptions > 0)
            - (OLD.state = 'available' AND OLD.barred_at IS NULL AND OLD.redemptions > 0),
        (NEW.state = 'allocated') - (OLD.state = 'allocated'),
        (NEW.state = 'replaced') - (OLD.state = 'replaced'),
        (NEW.state = 'withdrawn') - (OLD.state = 'withdrawn'))
    ON CONFLICT (merchant_id, batch_id, day) DO UPDATE SET
        clean = clean + excluded.clean, barred = barred + excluded.barred,
        redeemed = redeemed + excluded.redeemed, allocated = allocated + excluded.allocated,
        replaced = replaced + excluded.replaced, withdrawn = withdrawn + excluded.withdrawn;
END;
-- What an import makes visible is counted.
CREATE TRIGGER batches_count_what_they_publish BEFORE UPDATE OF imported ON batches
WHEN NEW.imported > OLD.imported AND NEW.imported <>
    (SELECT coalesce(sum(clean + barred + redeemed + allocated + replaced + withdrawn), 0)
     FROM stock_by_window WHERE merchant_id = NEW.merchant_id AND batch_id = NEW.id)
  + (SELECT coalesce(sum(clean + barred + redeemed + allocated + replaced + withdrawn), 0)
     FROM stock_movements
     WHERE merchant_id = NEW.merchant_id AND batch_id = NEW.id AND coupon_to <= NEW.published_to)
BEGIN SELECT RAISE(ABORT, 'batches_count_what_they_publish'); END;

-- A reissue agrees with its coupons, and stays.
CREATE TRIGGER reissues_match_their_coupons BEFORE INSERT ON reissues
WHEN NOT EXISTS (SELECT 1 FROM coupons
    WHERE id = NEW.old_coupon_id AND state = 'replaced' AND reward = NEW.reward)
  OR NOT EXISTS (SELECT 1 FROM coupons
    WHERE id = NEW.new_coupon_id AND state = 'allocated' AND reward = NEW.reward)
BEGIN SELECT RAISE(ABORT, 'reissues_match_their_coupons'); END;
CREATE TRIGGER reissues_never_change BEFORE UPDATE ON reissues
BEGIN SELECT RAISE(ABORT, 'reissues_never_change'); END;
CREATE TRIGGER reissues_are_kept BEFORE DELETE ON reissues
BEGIN SELECT RAISE(ABORT, 'reissues_are_kept'); END;
CREATE TRIGGER reissues_are_not_replaced BEFORE INSERT ON reissues
WHEN EXISTS (SELECT 1 FROM reissues WHERE id = NEW.id)
  OR EXISTS (SELECT 1 FROM reissues WHERE merchant_id = NEW.merchant_id AND reward = NEW.reward)
  OR EXISTS (SELECT 1 FROM reissues
    WHERE merchant_id = NEW.merchant_id AND token_hash = NEW.token_hash)
BEGIN SELECT RAISE(ABORT, 'reissues_are_not_replaced'); END;

-- No use is in the future; the reporter's clock may be ahead by five minutes. Thousandths are
-- rounded up.
CREATE TRIGGER redemptions_have_happened BEFORE INSERT ON redemptions
WHEN NEW.redeemed_at > strftime('%Y-%m-%d %H:%M:%f', NEW.created_at, '+5 minutes') || '999'
BEGIN SELECT RAISE(ABORT, 'redemptions_have_happened'); END;

-- Audit records and their seals are only ever added, and a reissue has one record.
CREATE TRIGGER audit_records_never_change BEFORE UPDATE ON audit_records
BEGIN SELECT RAISE(ABORT, 'audit_records_never_change'); END;
CREATE TRIGGER audit_records_are_kept BEFORE DELETE ON audit_records
BEGIN SELECT RAISE(ABORT, 'audit_records_are_kept'); END;
CREATE TRIGGER audit_records_are_not_replaced BEFORE INSERT ON audit_records
WHEN EXISTS (SELECT 1 FROM audit_records WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'audit_records_are_not_replaced'); END;
CREATE TRIGGER audit_records_one_per_reissue_is_kept BEFORE INSERT ON audit_records
WHEN NEW.action = 'coupon.reissued' AND EXISTS (SELECT 1 FROM audit_records
    WHERE merchant_id = NEW.merchant_id AND reissue_id = NEW.reissue_id
      AND action = 'coupon.reissued')
BEGIN SELECT RAISE(ABORT, 'audit_records_one_per_reissue'); END;

CREATE TRIGGER audit_seals_never_change BEFORE UPDATE ON audit_seals
BEGIN SELECT RAISE(ABORT, 'audit_seals_never_change'); END;
CREATE TRIGGER audit_seals_are_kept BEFORE DELETE ON audit_seals
BEGIN SELECT RAISE(ABORT, 'audit_seals_are_kept'); END;
CREATE TRIGGER audit_seals_are_not_replaced BEFORE INSERT ON audit_seals
WHEN EXISTS (SELECT 1 FROM audit_seals WHERE record_id = NEW.record_id)
BEGIN SELECT RAISE(ABORT, 'audit_seals_are_not_replaced'); END;
CREATE TRIGGER audit_seals_are_gapless BEFORE INSERT ON audit_seals
WHEN NEW.no IS NOT coalesce((SELECT max(no) FROM audit_seals WHERE chain = NEW.chain), 0) + 1
BEGIN SELECT RAISE(ABORT, 'audit_seals_are_gapless'); END;

CREATE TRIGGER seal_marks_only_grow BEFORE UPDATE ON seal_marks WHEN NEW.sealed_to < OLD.sealed_to
BEGIN SELECT RAISE(ABORT, 'seal_marks_only_grow'); END;
CREATE TRIGGER seal_marks_are_kept BEFORE DELETE ON seal_marks
BEGIN SELECT RAISE(ABORT, 'seal_marks_are_kept'); END;
CREATE TRIGGER seal_marks_are_not_replaced BEFORE INSERT ON seal_marks
WHEN EXISTS (SELECT 1 FROM seal_marks)
BEGIN SELECT RAISE(ABORT, 'seal_marks_are_not_replaced'); END;

-- Statistics. Without them SQLite takes every merchant for ten rows, and walks through all of one's
-- coupons for a handful of ids. These are a large desk's, made up once: a small desk is quick in
-- any order. A new index needs a line of its own here, in the migration that makes it. Rows, then
-- rows that are alike in the first column, in the first two, and so on.
-- ANALYZE makes the tables of statistics; on rows it would replace these.
ANALYZE;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('merchants', 'sqlite_autoindex_merchants_1', '20 1'),
    ('users', 'sqlite_autoindex_users_1', '200 1'),
    ('memberships', 'sqlite_autoindex_memberships_1', '400 20 1'),
    ('memberships', 'memberships_of_user', '400 2'),
    ('sessions', 'sqlite_autoindex_sessions_1', '200 1'),
    ('sessions', 'sessions_of_user', '200 1'),
    ('sessions', 'sessions_by_age', '200 1'),
    ('half_sign_ins', 'sqlite_autoindex_half_sign_ins_1', '20 1'),
    ('half_sign_ins', 'half_sign_ins_of_user', '20 1'),
    ('half_sign_ins', 'half_sign_ins_by_age', '20 1'),
    ('account_links', 'sqlite_autoindex_account_links_1', '50 1'),
    ('account_links', 'account_links_of_user', '50 1'),
    ('account_links', 'account_links_by_end', '50 1'),
    ('recovery_codes', 'sqlite_autoindex_recovery_codes_1', '2000 10 1'),
    ('passkeys', 'sqlite_autoindex_passkeys_1', '300 1'),
    ('passkeys', 'passkeys_of_user', '300 2'),
    ('identities', 'sqlite_autoindex_identities_1', '200 200 1'),
    ('identities', 'sqlite_autoindex_identities_2', '200 1 1'),
    ('customers', 'sqlite_autoindex_customers_1', '1000000 50000 1'),
    ('customers', 'sqlite_autoindex_customers_2', '1000000 50000 1'),
    ('customers', 'customers_by_first_name', '1000000 50000 125 1'),
    ('customers', 'customers_by_last_name', '1000000 50000 125 1'),
    ('customers', 'customers_by_customer_id', '1000000 50000 1 1'),
    ('customers', 'customers_with_old_keys', '500 1'),
    ('customer_keys', 'sqlite_autoindex_customer_keys_1', '20000 1000 1'),
    ('batches', 'sqlite_autoindex_batches_1', '1000 50 1'),
    ('batches', 'sqlite_autoindex_batches_2', '1000 50 1'),
    ('rewards', 'sqlite_autoindex_rewards_1', '3000000 150000 1'),
    ('rewards', 'sqlite_autoindex_rewards_2', '3000000 150000 3 1'),
    ('coupons', 'sqlite_autoindex_coupons_1', '12000000 600000 1'),
    ('coupons', 'sqlite_autoindex_coupons_2', '12000000 600000 1'),
    ('coupons', 'sqlite_autoindex_coupons_3', '12000000 600000 12000 1'),
    ('coupons', 'coupons_usable', '6000000 300000 6000 20 1'),
    ('coupons', 'coupons_current_of_reward', '3000000 150000 1'),
    ('coupons', 'coupons_of_reward', '3600000 1'),
    ('coupons', 'coupons_handed_out', '3600000 180000 3600 1200 4 1'),
    ('coupons', 'coupons_barred', '120000 6000 120 1'),
    ('coupons', 'coupons_redeemed', '2400000 120000 2400 1'),
    ('coupons', 'coupons_withdrawn', '600000 30000 600 1'),
    ('coupons', 'coupons_set_aside', '120000 6000 120 4 1'),
    ('reissues', 'sqlite_autoindex_reissues_1', '300000 15000 1'),
    ('reissues', 'sqlite_autoindex_reissues_2', '300000 15000 1'),
    ('reissues', 'sqlite_autoindex_reissues_3', '300000 15000 1'),
    ('reissues', 'sqlite_autoindex_reissues_4', '300000 15000 1'),
    ('redemptions', 'sqlite_autoindex_redemptions_1', '3000000 150000 2 1 1'),
    ('redemptions', 'redemptions_one_per_order', '2900000 145000 2 1'),
    ('repeated_redemptions', 'repeated_redemptions_of_coupon', '1000 50 1'),
    ('redemption_findings', 'sqlite_autoindex_redemption_findings_1', '100000 5000 1 1 1'),
    ('redemption_findings', 'redemption_findings_by_kind', '100000 5000 1666 1'),
    ('redemption_findings', 'redemption_findings_one_per_order', '90000 4500 1 1'),
    ('redemption_findings', 'redemption_findings_one_per_coupon_and_order', '60000 3000 1 1'),
    ('withdrawals', 'withdrawals_at_work', '2 1 1'),
    ('withdrawals', 'withdrawals_of_batch', '100 5 1 1'),
    ('stock_by_window', 'sqlite_autoindex_stock_by_window_1', '10000 500 10 3 1'),
    ('stock_by_day', 'sqlite_autoindex_stock_by_day_1', '100000 5000 100 1'),
    ('stock_movements', 'stock_movements_of_batch', '1000 50 2'),
    ('stock_alerts', 'stock_alerts_open', '1000 50 1 1'),
    ('stock_alerts', 'stock_alerts_of_merchant', '10000 500 1'),
    ('alert_choices', 'sqlite_autoindex_alert_choices_1', '400 20 1'),
    ('alert_choices', 'alert_choices_due', '200 1 1'),
    ('mails', 'sqlite_autoindex_mails_1', '300000 1'),
    ('mails', 'mails_one_per_reissue', '150000 7500 1'),
    ('mails', 'mails_unsent', '900 1 1'),
    ('mails', 'mails_of_customer', '300000 15000 1 1'),
    ('mails', 'mails_with_heads', '300 1'),
    ('mails', 'mails_to_users', '20000 1000 5 1'),
    ('imports', 'imports_of_merchant', '1000 50 1'),
    ('imports', 'imports_at_work', '10 1 1'),
    ('imports', 'imports_unfinished', '50 1 1'),
    ('imports', 'imports_open', '50 3'),
    ('import_pieces', 'sqlite_autoindex_import_pieces_1', '10000 10 5 1'),
    ('import_leases', 'sqlite_autoindex_import_leases_1', '20 1'),
    ('audit_records', 'audit_records_of_merchant', '1000000 50000 1'),
    ('audit_records', 'audit_records_of_customer', '500000 25000 1 1'),
    ('audit_records', 'audit_records_one_per_reissue', '300000 15000 1'),
    ('audit_records', 'audit_records_by_time', '1000000 50000 1 1'),
    ('audit_records', 'audit_records_of_user', '600000 30000 600 1 1'),
    ('audit_records', 'audit_records_of_no_user', '400000 20000 10000 1 1'),
    ('audit_records', 'audit_records_of_action', '1000000 50000 2000 1 1'),
    ('audit_records', 'audit_records_of_reissue', '500000 25000 2 1'),
    ('audit_records', 'audit_records_of_coupon', '100000 5000 2 1'),
    ('audit_seals', 'sqlite_autoindex_audit_seals_1', '1000000 50000 1');
-- This connection has read the statistics already: it reads them again.
ANALYZE sqlite_master;
