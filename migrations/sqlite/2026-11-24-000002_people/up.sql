-- People and access: invitations, second factors, single sign-on, and what a session has proved.
-- Twin of migrations/postgres/<same name>.

-- An empty password_hash fits no password: the user has not chosen one yet, or signs in elsewhere.
ALTER TABLE users ADD COLUMN last_seen_at TEXT;
-- An administrator has let the user in again after a long absence.
ALTER TABLE users ADD COLUMN unlocked_at TEXT;
ALTER TABLE users ADD COLUMN password_changed_at TEXT;
-- Encrypted under the desk's secret key; null: no authenticator app.
ALTER TABLE users ADD COLUMN totp_secret TEXT;
ALTER TABLE users ADD COLUMN totp_added_at TEXT;
-- The last time step that was used: a code signs in once.
ALTER TABLE users ADD COLUMN totp_step BIGINT;
ALTER TABLE users ADD COLUMN oidc_issuer TEXT;
ALTER TABLE users ADD COLUMN oidc_subject TEXT;
CREATE UNIQUE INDEX users_by_oidc ON users (oidc_issuer, oidc_subject) WHERE oidc_subject IS NOT NULL;
UPDATE users SET last_seen_at = (SELECT max(last_used_at) FROM sessions WHERE sessions.user_id = users.id),
    -- When they were here before is not known of most: nobody is locked out by this change.
    unlocked_at = strftime('%Y-%m-%d %H:%M:%f000', 'now');

-- When the user last proved to be there; dangerous acts ask again after a while.
ALTER TABLE sessions ADD COLUMN confirmed_at TEXT;
-- The browser, as its user may recognise it, and the address it came from.
ALTER TABLE sessions ADD COLUMN agent TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT '';
-- The question that a passkey is being asked, encrypted under the desk's secret key.
ALTER TABLE sessions ADD COLUMN challenge TEXT;

ALTER TABLE merchants ADD COLUMN requires_second_factor BOOLEAN NOT NULL DEFAULT FALSE;

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
CREATE INDEX account_links_of_user ON account_links (user_id);
CREATE INDEX account_links_by_end ON account_links (expires_at);

-- Whoever has given the right password and is yet to give the second factor. Not a session: nothing can mistake it for one.
CREATE TABLE half_sign_ins (
    id INTEGER PRIMARY KEY NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    user_id BIGINT NOT NULL REFERENCES users (id),
    created_at TEXT NOT NULL,
    -- Wrong second factors so far.
    failures BIGINT NOT NULL DEFAULT 0,
    challenge TEXT
);
CREATE INDEX half_sign_ins_of_user ON half_sign_ins (user_id);
CREATE INDEX half_sign_ins_by_age ON half_sign_ins (created_at);

CREATE TABLE recovery_codes (
    id INTEGER PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id),
    code_hash TEXT NOT NULL,
    used_at TEXT,
    UNIQUE (user_id, code_hash)
);

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
CREATE INDEX passkeys_of_user ON passkeys (user_id);

-- Mails about an account; their links are secrets, so that their content goes once they are sent.
CREATE TABLE mails_anew (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    customer BIGINT,
    reward BIGINT,
    coupon_id BIGINT REFERENCES coupons (id),
    reissue_id BIGINT REFERENCES reissues (id),
    origin TEXT NOT NULL CHECK (origin IN ('reissue', 'resend', 'alert', 'digest', 'account')),
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
INSERT INTO mails_anew SELECT * FROM mails;
DROP TABLE mails;
ALTER TABLE mails_anew RENAME TO mails;
CREATE UNIQUE INDEX mails_one_per_reissue ON mails (merchant_id, reissue_id) WHERE origin = 'reissue';
-- Serves the mail worker: the due ones first.
CREATE INDEX mails_unsent ON mails (next_attempt_at, id) WHERE state = 'queued';
CREATE INDEX mails_of_customer ON mails (merchant_id, customer, id);

-- The new tables' statistics are made up as the others' were (see the migration "stock"); those of mails went with the old table.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('users', 'users_by_oidc', '200 200 1'),
    ('account_links', 'account_links_by_end', '50 1'),
    ('account_links', 'account_links_of_user', '50 1'),
    ('account_links', 'sqlite_autoindex_account_links_1', '50 1'),
    ('half_sign_ins', 'half_sign_ins_by_age', '20 1'),
    ('half_sign_ins', 'half_sign_ins_of_user', '20 1'),
    ('half_sign_ins', 'sqlite_autoindex_half_sign_ins_1', '20 1'),
    ('recovery_codes', 'sqlite_autoindex_recovery_codes_1', '2000 10 1'),
    ('passkeys', 'passkeys_of_user', '300 2'),
    ('passkeys', 'sqlite_autoindex_passkeys_1', '300 1'),
    ('mails', 'mails_of_customer', '300000 15000 1 1'),
    ('mails', 'mails_one_per_reissue', '150000 7500 1'),
    ('mails', 'mails_unsent', '900 1 1'),
    ('mails', 'sqlite_autoindex_mails_1', '300000 1');
ANALYZE sqlite_master;
