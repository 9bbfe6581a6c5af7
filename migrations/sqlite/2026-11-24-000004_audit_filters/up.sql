-- The audit log's page: an index for each filter, in the order in which the page shows the log.
-- Twin of migrations/postgres/<same name>.
CREATE INDEX audit_records_by_time ON audit_records (merchant_id, at, id);
CREATE INDEX audit_records_of_user ON audit_records (merchant_id, user_id, at, id) WHERE user_id IS NOT NULL;
CREATE INDEX audit_records_of_no_user ON audit_records (merchant_id, actor_kind, at, id) WHERE user_id IS NULL;
CREATE INDEX audit_records_of_action ON audit_records (merchant_id, action, at, id);
CREATE INDEX audit_records_of_reissue ON audit_records (merchant_id, reissue_id, id) WHERE reissue_id IS NOT NULL;
-- The coupon that a record names; nothing for details that somebody changed into no JSON. The expression stands in src/db/audit_log.rs, too.
CREATE INDEX audit_records_of_coupon ON audit_records (merchant_id, (CASE WHEN json_valid(details) THEN json_extract(details, '$.coupon') END), id)
    WHERE (CASE WHEN json_valid(details) THEN json_extract(details, '$.coupon') END) IS NOT NULL;

-- The statistics are made up as the others' were (see the migration "stock").
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('audit_records', 'audit_records_by_time', '1000000 50000 1 1'),
    ('audit_records', 'audit_records_of_user', '600000 30000 600 1 1'),
    ('audit_records', 'audit_records_of_no_user', '400000 20000 10000 1 1'),
    ('audit_records', 'audit_records_of_action', '1000000 50000 2000 1 1'),
    ('audit_records', 'audit_records_of_reissue', '500000 25000 2 1'),
    ('audit_records', 'audit_records_of_coupon', '100000 5000 2 1');
ANALYZE sqlite_master;
