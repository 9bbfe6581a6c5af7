-- Twin of migrations/sqlite/<same name>.
CREATE INDEX rewards_of_batch ON rewards (merchant_id, batch_id) WHERE batch_id IS NOT NULL;
CREATE INDEX reissues_of_batch ON reissues (merchant_id, batch_id, at);
DROP INDEX coupons_set_aside;
CREATE INDEX coupons_set_aside ON coupons (merchant_id, batch_id, id)
    WHERE state = 'available' AND (barred_at IS NOT NULL OR redemptions > 0);
DROP INDEX mails_to_users;
DROP INDEX imports_open;
DROP INDEX sessions_by_age;
