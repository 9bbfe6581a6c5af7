-- Twin of migrations/sqlite/<same name>.
DELETE FROM imports WHERE user_id IS NULL;
ALTER TABLE imports
    DROP COLUMN first_coupon,
    DROP COLUMN last_coupon,
    DROP CONSTRAINT imports_without_user_are_done,
    DROP CONSTRAINT imports_kind_check,
    ADD CONSTRAINT imports_kind_check CHECK (kind IN ('vouchers', 'redemptions', 'bars')),
    ALTER COLUMN user_id SET NOT NULL;
