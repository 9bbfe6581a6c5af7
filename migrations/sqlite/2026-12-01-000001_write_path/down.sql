-- Twin of migrations/postgres/<same name>.
DROP TRIGGER coupons_go_to_rewards_of_their_batch;
CREATE TRIGGER coupons_go_to_rewards_of_their_batch BEFORE UPDATE OF state, reward ON coupons
WHEN NEW.reward IS NOT NULL AND OLD.reward IS NULL AND NOT EXISTS (
    SELECT 1 FROM rewards WHERE id = NEW.reward AND merchant_id = NEW.merchant_id AND batch_id = NEW.batch_id)
BEGIN SELECT RAISE(ABORT, 'coupons_go_to_rewards_of_their_batch'); END;
