-- Twin of migrations/postgres/<same name>.
ALTER TABLE memberships DROP COLUMN offered_at;
