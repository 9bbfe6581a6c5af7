-- Every import has its row here, those at the server's command line too, with the ids of the coupons that it added.
-- Twin of migrations/sqlite/<same name>.

-- user_id is empty for somebody at the command line. first_coupon and last_coupon are the ids of the coupons that the import added, both
-- included: all of its merchant's coupons between them are its own. Empty where it added none, and for an import that an earlier version
-- did.
-- Old versions are not hurt: of imports they see those that a user sent, and write them as before.
ALTER TABLE imports
    ALTER COLUMN user_id DROP NOT NULL,
    ADD COLUMN first_coupon BIGINT,
    ADD COLUMN last_coupon BIGINT,
    DROP CONSTRAINT imports_kind_check,
    ADD CONSTRAINT imports_kind_check CHECK (kind IN ('customers', 'vouchers', 'rewards', 'redemptions', 'bars', 'purges')),
    ADD CONSTRAINT imports_without_user_are_done CHECK (user_id IS NOT NULL OR state = 'done'),
    ADD CONSTRAINT imports_coupons_are_a_range CHECK ((first_coupon IS NULL) = (last_coupon IS NULL) AND first_coupon <= last_coupon);
