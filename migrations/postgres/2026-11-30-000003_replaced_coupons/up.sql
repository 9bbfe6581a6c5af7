-- A replaced coupon stays unusable, and no use is to come. Twin of migrations/sqlite/<same name>. Both lock for a moment only: the work on
-- the rows is done by then.

-- The clock of whoever reports a use may be ahead by five minutes. Uses from before this rule stay as they are.
-- Old versions are not hurt: of redemptions they refuse a whole file, and change nothing, where they would have counted a use to come.
ALTER TABLE redemptions ADD CONSTRAINT redemptions_have_happened CHECK (redeemed_at - created_at <= INTERVAL '5 minutes') NOT VALID;

-- Its customer has another code by then: both would work.
-- Old versions are not hurt: of coupons they refuse the one act that would let two codes live.
CREATE TRIGGER coupons_replaced_stay_unusable BEFORE UPDATE OF barred_at, redemptions, max_redemptions, expires_at ON coupons FOR EACH ROW
WHEN (OLD.state = 'replaced' AND ((OLD.barred_at IS NOT NULL AND NEW.barred_at IS NULL) OR NEW.redemptions < OLD.redemptions
    OR NEW.max_redemptions > OLD.max_redemptions OR NEW.expires_at > OLD.expires_at))
EXECUTE FUNCTION refuse('coupons_replaced_stay_unusable');
