-- Twin of migrations/postgres/<same name>.
DROP INDEX audit_records_of_coupon;
DROP INDEX audit_records_of_reissue;
DROP INDEX audit_records_of_action;
DROP INDEX audit_records_of_no_user;
DROP INDEX audit_records_of_user;
DROP INDEX audit_records_by_time;
