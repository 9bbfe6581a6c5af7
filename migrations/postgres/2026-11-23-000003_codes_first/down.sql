-- Twin of migrations/sqlite/<same name>.
ALTER TABLE coupons
    DROP CONSTRAINT coupons_code_key,
    DROP CONSTRAINT coupons_folded_code_key,
    ADD CONSTRAINT coupons_merchant_id_code_key UNIQUE (merchant_id, code),
    ADD CONSTRAINT coupons_merchant_id_folded_code_key UNIQUE (merchant_id, folded_code);
