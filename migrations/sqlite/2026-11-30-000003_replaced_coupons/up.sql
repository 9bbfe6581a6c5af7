-- A replaced coupon stays unusable. Twin of migrations/postgres/<same name>, which locks coupons for this alone.

-- Its customer has another code by then: both would work.
-- Old versions are not hurt: of coupons they refuse the one act that would let two codes live.
CREATE TRIGGER coupons_replaced_stay_unusable BEFORE UPDATE OF barred_at, redemptions, max_redemptions, expires_at ON coupons
WHEN OLD.state = 'replaced' AND ((OLD.barred_at IS NOT NULL AND NEW.barred_at IS NULL) OR NEW.redemptions < OLD.redemptions
    OR NEW.max_redemptions > OLD.max_redemptions OR NEW.expires_at > OLD.expires_at)
BEGIN SELECT RAISE(ABORT, 'coupons_replaced_stay_unusable'); END;
