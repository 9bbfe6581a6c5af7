-- Twin of migrations/postgres/<same name>.
SELECT 1;
