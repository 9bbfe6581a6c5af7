-- Twin of migrations/sqlite/<same name>.
ALTER TABLE users
    ADD COLUMN oidc_issuer TEXT COLLATE "C",
    ADD COLUMN oidc_subject TEXT COLLATE "C",
    ADD CONSTRAINT users_oidc_is_whole CHECK ((oidc_issuer IS NULL) = (oidc_subject IS NULL));
CREATE UNIQUE INDEX users_by_oidc ON users (oidc_issuer, oidc_subject) WHERE oidc_subject IS NOT NULL;
DROP TABLE identities;
