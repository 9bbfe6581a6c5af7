-- Twin of migrations/sqlite/<same name>.
DROP TRIGGER customers_note_old_keys ON customers;
DROP FUNCTION customers_note_old_keys();
DROP INDEX customers_with_old_keys;
ALTER TABLE customers DROP COLUMN keys_version;
