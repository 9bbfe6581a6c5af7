DELETE FROM mails WHERE customer IS NULL;
ALTER TABLE mails DROP CONSTRAINT mails_to_users, DROP CONSTRAINT mails_to_customers, DROP COLUMN user_id, DROP CONSTRAINT mails_origin_check,
    ADD CONSTRAINT mails_origin_check CHECK (origin IN ('reissue', 'resend')),
    ALTER COLUMN customer SET NOT NULL, ALTER COLUMN reward SET NOT NULL, ALTER COLUMN coupon_id SET NOT NULL;
DROP TABLE stock_alerts;
DROP TABLE alert_choices;
DROP TABLE redemption_findings;
DROP TABLE import_pieces;
DROP TABLE imports;
DROP TABLE withdrawals;
DROP TRIGGER batches_count_what_they_publish ON batches;
DROP FUNCTION batches_count_what_they_publish;
ALTER TABLE batches DROP COLUMN reserve;
ALTER TABLE batches DROP COLUMN stock_threshold;
ALTER TABLE merchants DROP COLUMN least_days;
ALTER TABLE merchants DROP COLUMN stock_threshold;
DROP TRIGGER coupons_move_stock ON coupons;
DROP FUNCTION coupons_move_stock;
DROP TABLE stock_movements;
DROP TABLE stock_by_day;
DROP TABLE stock_by_window;
DROP INDEX coupons_withdrawn;
DROP INDEX coupons_redeemed;
DROP INDEX coupons_barred;
DROP INDEX coupons_handed_out;
ALTER TABLE coupons DROP COLUMN changed_at;
