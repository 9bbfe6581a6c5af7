-- What the plans of all statements asked for (see tests/it/plans).
-- Twin of migrations/sqlite/<same name>.
CREATE INDEX sessions_by_age ON sessions (created_at);
CREATE INDEX imports_open ON imports (merchant_id) WHERE ended_at IS NULL;
CREATE INDEX mails_to_users ON mails (merchant_id, user_id, id) WHERE user_id IS NOT NULL;

-- In the order in which the expired ones are listed.
DROP INDEX coupons_set_aside;
CREATE INDEX coupons_set_aside ON coupons (merchant_id, batch_id, expires_at, id)
    WHERE state = 'available' AND (barred_at IS NOT NULL OR redemptions > 0);

-- No statement ever looked for these; every reissue and every imported reward wrote them.
DROP INDEX reissues_of_batch;
DROP INDEX rewards_of_batch;
