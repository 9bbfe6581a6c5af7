-- Twin of migrations/postgres/<same name>.
-- The mails' table stays as it is, which the version before this one can use as well.
DELETE FROM mails WHERE origin = 'account';
DROP TABLE passkeys;
DROP TABLE recovery_codes;
DROP TABLE half_sign_ins;
DROP TABLE account_links;
ALTER TABLE merchants DROP COLUMN requires_second_factor;
ALTER TABLE sessions DROP COLUMN challenge;
ALTER TABLE sessions DROP COLUMN address;
ALTER TABLE sessions DROP COLUMN agent;
ALTER TABLE sessions DROP COLUMN confirmed_at;
DROP INDEX users_by_oidc;
ALTER TABLE users DROP COLUMN oidc_subject;
ALTER TABLE users DROP COLUMN oidc_issuer;
ALTER TABLE users DROP COLUMN totp_step;
ALTER TABLE users DROP COLUMN totp_added_at;
ALTER TABLE users DROP COLUMN totp_secret;
ALTER TABLE users DROP COLUMN password_changed_at;
ALTER TABLE users DROP COLUMN unlocked_at;
ALTER TABLE users DROP COLUMN last_seen_at;
