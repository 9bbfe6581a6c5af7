-- Code before merchant: an import looks for codes through these indexes alone, and none of the others, which begin with the
-- merchant, can be mistaken for them while the statistics know nothing of the rows that an import at work has written.
-- Twin of migrations/sqlite/<same name>.

ALTER TABLE coupons
    DROP CONSTRAINT coupons_merchant_id_code_key,
    DROP CONSTRAINT coupons_merchant_id_folded_code_key,
    ADD CONSTRAINT coupons_code_key UNIQUE (code, merchant_id),
    ADD CONSTRAINT coupons_folded_code_key UNIQUE (folded_code, merchant_id);
