-- Twin of migrations/postgres/<same name>.
-- The mails' table stays as it is, which the version before this one can use as well.
DELETE FROM mails WHERE origin = 'heads';
DROP INDEX mails_with_heads;
