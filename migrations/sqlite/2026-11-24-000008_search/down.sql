-- Nothing here: FTS5 answers from the newest customer on.
-- Twin of migrations/postgres/<same name>.
SELECT 1;
