DROP TABLE seal_marks;
DROP TABLE audit_seals;
