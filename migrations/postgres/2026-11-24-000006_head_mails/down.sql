-- Twin of migrations/sqlite/<same name>.
DELETE FROM mails WHERE origin = 'heads';
DROP INDEX mails_with_heads;
ALTER TABLE mails DROP CONSTRAINT mails_origin_check,
    ADD CONSTRAINT mails_origin_check CHECK (origin IN ('reissue', 'resend', 'alert', 'digest', 'account')),
    DROP CONSTRAINT mails_to_users,
    ADD CONSTRAINT mails_to_users CHECK ((origin IN ('reissue', 'resend')) = (user_id IS NULL));
