-- Twin of migrations/postgres/<same name>.
DROP TABLE stock_marks;
