-- Every import has its row here, those at the server's command line too, with the ids of the coupons that it added.
-- Twin of migrations/postgres/<same name>.

-- Old versions are not hurt: of imports they see those that a user sent, and write them as before.
-- The pieces of files refer to the old table until the new one has its name and its rows.
PRAGMA defer_foreign_keys = ON;
CREATE TABLE imports_kept AS SELECT * FROM imports;
DROP TABLE imports;
CREATE TABLE imports (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    kind TEXT NOT NULL CHECK (kind IN ('customers', 'vouchers', 'rewards', 'redemptions', 'bars', 'purges')),
    batch_id BIGINT,
    -- A JSON object: the settings of a batch that is made when the import is confirmed.
    new_batch TEXT,
    -- Empty: somebody at the command line.
    user_id BIGINT REFERENCES users (id),
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
    -- The ids of the coupons that it added, both included: all of its merchant's coupons between them are its own. Empty where it added
    -- none, and for an import that an earlier version did.
    first_coupon BIGINT,
    last_coupon BIGINT,
    CHECK ((state IN ('done', 'failed', 'cancelled')) = (ended_at IS NOT NULL)),
    CHECK (user_id IS NOT NULL OR state = 'done'),
    CHECK ((first_coupon IS NULL) = (last_coupon IS NULL) AND first_coupon <= last_coupon),
    FOREIGN KEY (merchant_id, batch_id) REFERENCES batches (merchant_id, id)
);
INSERT INTO imports (id, merchant_id, kind, batch_id, new_batch, user_id, request_id, state, file_name, bytes, progress_done,
        progress_total, cancel_asked, lease_holder, lease_until, preview, report, failure, created_at, ended_at)
    SELECT id, merchant_id, kind, batch_id, new_batch, user_id, request_id, state, file_name, bytes, progress_done,
        progress_total, cancel_asked, lease_holder, lease_until, preview, report, failure, created_at, ended_at FROM imports_kept;
DROP TABLE imports_kept;
CREATE INDEX imports_of_merchant ON imports (merchant_id, id);
CREATE INDEX imports_at_work ON imports (lease_until, id) WHERE state IN ('checking', 'importing');
CREATE INDEX imports_unfinished ON imports (created_at, id) WHERE state IN ('receiving', 'checked');
CREATE INDEX imports_open ON imports (merchant_id) WHERE ended_at IS NULL;

-- The table's statistics went with it; they are made up as before (see the other migrations).
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('imports', 'imports_at_work', '10 1 1'),
    ('imports', 'imports_of_merchant', '1000 50 1'),
    ('imports', 'imports_unfinished', '50 1 1'),
    ('imports', 'imports_open', '50 3');
ANALYZE sqlite_master;
