DROP TABLE seal_marks;
DROP TABLE audit_seals;
DROP FUNCTION audit_seals_are_gapless;
