-- Twin of migrations/postgres/<same name>.
-- A mail with the heads of the audit logs goes to an address outside the desk: to no customer, and to no user.
CREATE TABLE mails_anew (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    customer BIGINT,
    reward BIGINT,
    coupon_id BIGINT REFERENCES coupons (id),
    reissue_id BIGINT REFERENCES reissues (id),
    origin TEXT NOT NULL CHECK (origin IN ('reissue', 'resend', 'alert', 'digest', 'account', 'heads')),
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
    CHECK ((origin IN ('reissue', 'resend', 'heads')) = (user_id IS NULL)),
    CHECK ((state = 'queued') = (ended_at IS NULL)),
    FOREIGN KEY (merchant_id, customer, reward) REFERENCES rewards (merchant_id, customer, id)
);
INSERT INTO mails_anew (id, merchant_id, customer, reward, coupon_id, reissue_id, origin, asked_by, message_id, sender, recipient, subject,
        text_body, html_body, state, attempts, next_attempt_at, lease_holder, last_error, queued_at, ended_at, user_id)
    SELECT id, merchant_id, customer, reward, coupon_id, reissue_id, origin, asked_by, message_id, sender, recipient, subject,
        text_body, html_body, state, attempts, next_attempt_at, lease_holder, last_error, queued_at, ended_at, user_id FROM mails;
DROP TABLE mails;
ALTER TABLE mails_anew RENAME TO mails;
CREATE UNIQUE INDEX mails_one_per_reissue ON mails (merchant_id, reissue_id) WHERE origin = 'reissue';
-- Serves the mail worker: the due ones first.
CREATE INDEX mails_unsent ON mails (next_attempt_at, id) WHERE state = 'queued';
CREATE INDEX mails_of_customer ON mails (merchant_id, customer, id);
-- When the heads went out last.
CREATE INDEX mails_with_heads ON mails (queued_at) WHERE origin = 'heads';

-- Made up as the others' were (see the migration "stock"); those of mails went with the old table.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('mails', 'mails_of_customer', '300000 15000 1 1'),
    ('mails', 'mails_one_per_reissue', '150000 7500 1'),
    ('mails', 'mails_unsent', '900 1 1'),
    ('mails', 'mails_with_heads', '300 1'),
    ('mails', 'sqlite_autoindex_mails_1', '300000 1');
ANALYZE sqlite_master;
