-- Twin of migrations/sqlite/<same name>.
DROP TRIGGER customers_note_changed ON customers;
DROP TRIGGER customers_note_added ON customers;
DROP FUNCTION customers_note_changed();
DROP FUNCTION customers_note_added();
DROP TABLE customer_stretch_changes;
DROP TABLE customer_stretches;
