-- Twin of migrations/sqlite/<same name>.
-- A mail with the heads of the audit logs goes to an address outside the desk: to no customer, and to no user.
ALTER TABLE mails DROP CONSTRAINT mails_origin_check,
    ADD CONSTRAINT mails_origin_check CHECK (origin IN ('reissue', 'resend', 'alert', 'digest', 'account', 'heads')),
    DROP CONSTRAINT mails_to_users,
    ADD CONSTRAINT mails_to_users CHECK ((origin IN ('reissue', 'resend', 'heads')) = (user_id IS NULL));
-- When the heads went out last.
CREATE INDEX mails_with_heads ON mails (queued_at) WHERE origin = 'heads';
