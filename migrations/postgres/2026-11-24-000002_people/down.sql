-- Twin of migrations/sqlite/<same name>.
DELETE FROM mails WHERE origin = 'account';
ALTER TABLE mails DROP CONSTRAINT mails_origin_check,
    ADD CONSTRAINT mails_origin_check CHECK (origin IN ('reissue', 'resend', 'alert', 'digest'));
DROP TABLE passkeys;
DROP TABLE recovery_codes;
DROP TABLE half_sign_ins;
DROP TABLE account_links;
ALTER TABLE merchants DROP COLUMN requires_second_factor;
ALTER TABLE sessions DROP COLUMN confirmed_at, DROP COLUMN agent, DROP COLUMN address, DROP COLUMN challenge;
DROP INDEX users_by_oidc;
ALTER TABLE users DROP CONSTRAINT users_totp_is_whole, DROP CONSTRAINT users_oidc_is_whole,
    DROP COLUMN last_seen_at, DROP COLUMN unlocked_at, DROP COLUMN password_changed_at, DROP COLUMN totp_secret, DROP COLUMN totp_added_at,
    DROP COLUMN totp_step, DROP COLUMN oidc_issuer, DROP COLUMN oidc_subject;
