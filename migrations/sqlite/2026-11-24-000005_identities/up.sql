-- Single sign-on: who a user is at the provider. Only issuer and subject count, whatever the provider says of the person later.
-- Twin of migrations/postgres/<same name>.

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

-- The places that were kept for this beside the user; nothing was ever written there.
DROP INDEX users_by_oidc;
ALTER TABLE users DROP COLUMN oidc_subject;
ALTER TABLE users DROP COLUMN oidc_issuer;

-- The new table's statistics are made up as the others' were (see the migration "stock").
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('identities', 'sqlite_autoindex_identities_1', '200 200 1'),
    ('identities', 'sqlite_autoindex_identities_2', '200 1 1');
ANALYZE sqlite_master;
