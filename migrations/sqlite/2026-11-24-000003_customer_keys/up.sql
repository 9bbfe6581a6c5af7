-- Customers' rights: a key for each customer of whom the audit log holds personal text, and who purged whom.
-- Twin of migrations/postgres/<same name>.

-- Null where it was done at the command line.
ALTER TABLE customers ADD COLUMN purged_by BIGINT REFERENCES users (id);

-- Made when the first such text is written, destroyed by a purge: what was encrypted under it can't be read any more.
CREATE TABLE customer_keys (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL REFERENCES merchants (id),
    customer BIGINT NOT NULL,
    -- Encrypted under the desk's secret key.
    wrapped_key TEXT NOT NULL,
    UNIQUE (merchant_id, customer),
    FOREIGN KEY (merchant_id, customer) REFERENCES customers (merchant_id, id)
);

-- What leaves the search index leaves the file: a mark over it would let a purged person be put together again. What such marks
-- lie over so far goes with the index as it was.
INSERT INTO customers_search (customers_search, rank) VALUES ('secure-delete', 1);
INSERT INTO customers_search (customers_search) VALUES ('rebuild');

-- The new table's statistics are made up as the others' were (see the migration "stock").
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('customer_keys', 'sqlite_autoindex_customer_keys_1', '20000 1000 1');
ANALYZE sqlite_master;
