-- Twin of migrations/sqlite/<same name>.
DROP TABLE customer_keys;
ALTER TABLE customers DROP COLUMN purged_by;
