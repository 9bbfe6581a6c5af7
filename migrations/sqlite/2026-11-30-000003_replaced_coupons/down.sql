-- Twin of migrations/postgres/<same name>.
DROP TRIGGER coupons_replaced_stay_unusable;
