-- Twin of migrations/sqlite/<same name>.
DROP TRIGGER coupons_replaced_stay_unusable ON coupons;
ALTER TABLE redemptions DROP CONSTRAINT redemptions_have_happened;
