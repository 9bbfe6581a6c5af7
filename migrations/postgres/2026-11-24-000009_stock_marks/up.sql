-- Twin of migrations/sqlite/<same name>.
-- Up to which movement all are added up: one row. Whoever counts looks at those above it only, and passes by what is not vacuumed yet.
CREATE TABLE stock_marks (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    settled_to BIGINT NOT NULL
);
INSERT INTO stock_marks (id, settled_to) VALUES (1, 0);
