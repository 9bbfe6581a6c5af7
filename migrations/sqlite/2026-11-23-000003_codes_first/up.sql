-- Nothing to do here: SQLite's statistics are given by the migrations and do not change under an import.
-- Twin of migrations/postgres/<same name>.
SELECT 1;
