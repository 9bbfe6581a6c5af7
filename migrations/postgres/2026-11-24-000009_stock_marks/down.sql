-- Twin of migrations/sqlite/<same name>.
DROP TABLE stock_marks;
