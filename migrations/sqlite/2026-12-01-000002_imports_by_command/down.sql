-- Twin of migrations/postgres/<same name>.
-- The table stays as it is, which the version before this one can use as well.
DELETE FROM imports WHERE user_id IS NULL;
