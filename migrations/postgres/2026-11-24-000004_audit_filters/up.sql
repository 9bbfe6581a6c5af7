-- The audit log's page: an index for each filter, in the order in which the page shows the log.
-- Twin of migrations/sqlite/<same name>.
CREATE INDEX audit_records_by_time ON audit_records (merchant_id, at, id);
CREATE INDEX audit_records_of_user ON audit_records (merchant_id, user_id, at, id) WHERE user_id IS NOT NULL;
CREATE INDEX audit_records_of_no_user ON audit_records (merchant_id, actor_kind, at, id) WHERE user_id IS NULL;
CREATE INDEX audit_records_of_action ON audit_records (merchant_id, action, at, id);
CREATE INDEX audit_records_of_reissue ON audit_records (merchant_id, reissue_id, id) WHERE reissue_id IS NOT NULL;
-- The coupon that a record names; in a text, a quotation mark has a backslash before it. The expression stands in src/db/audit_log.rs, too.
CREATE INDEX audit_records_of_coupon ON audit_records (merchant_id, (substring(details from '"coupon":([0-9]+)')), id)
    WHERE substring(details from '"coupon":([0-9]+)') IS NOT NULL;
