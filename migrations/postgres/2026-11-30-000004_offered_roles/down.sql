-- Twin of migrations/sqlite/<same name>.
ALTER TABLE memberships DROP COLUMN offered_at;
