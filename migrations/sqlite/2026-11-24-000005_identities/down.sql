-- Twin of migrations/postgres/<same name>.
ALTER TABLE users ADD COLUMN oidc_issuer TEXT;
ALTER TABLE users ADD COLUMN oidc_subject TEXT;
CREATE UNIQUE INDEX users_by_oidc ON users (oidc_issuer, oidc_subject) WHERE oidc_subject IS NOT NULL;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('users', 'users_by_oidc', '200 200 1');
DROP TABLE identities;
