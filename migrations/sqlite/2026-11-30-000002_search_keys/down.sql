-- Twin of migrations/postgres/<same name>.
DELETE FROM sqlite_stat1 WHERE idx = 'customers_with_old_keys';
DROP TRIGGER customers_note_old_keys;
DROP INDEX customers_with_old_keys;
ALTER TABLE customers DROP COLUMN keys_version;
