-- Twin of migrations/sqlite/<same name>.
ALTER TABLE sessions DROP COLUMN pending_link;
ALTER TABLE memberships DROP COLUMN offered_at;
