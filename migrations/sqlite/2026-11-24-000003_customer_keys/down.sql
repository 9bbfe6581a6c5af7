-- Twin of migrations/postgres/<same name>.
INSERT INTO customers_search (customers_search, rank) VALUES ('secure-delete', 0);
DROP TABLE customer_keys;
ALTER TABLE customers DROP COLUMN purged_by;
