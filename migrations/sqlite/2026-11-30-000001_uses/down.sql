-- Twin of migrations/postgres/<same name>.
DROP TRIGGER redemptions_have_happened;
DROP INDEX redemptions_one_per_order;
DROP INDEX redemption_findings_one_per_order;
DROP INDEX redemption_findings_one_per_coupon_and_order;
-- What is the same to the letter stays out: the key of this version refuses it.
INSERT OR IGNORE INTO redemptions (merchant_id, coupon_id, redeemed_at, order_id, created_at)
SELECT merchant_id, coupon_id, redeemed_at, order_id, created_at FROM repeated_redemptions ORDER BY id;
DROP TABLE repeated_redemptions;
UPDATE sqlite_stat1 SET stat = '3000000 150000 1 1 1' WHERE idx = 'sqlite_autoindex_redemptions_1';
ANALYZE sqlite_master;
