-- What every reissue pays for the rules on coupons. Twin of migrations/postgres/<same name>, where most of the work is: here the other
-- triggers list their columns already, and a statement that is kept holds all of its triggers' conditions ready.

-- Old versions are not hurt: coupons take all that they took, and refuse all that they refused.
DROP TRIGGER coupons_go_to_rewards_of_their_batch;
CREATE TRIGGER coupons_go_to_rewards_of_their_batch BEFORE UPDATE OF reward ON coupons
WHEN NEW.reward IS NOT NULL AND OLD.reward IS NULL AND NOT EXISTS (
    SELECT 1 FROM rewards WHERE id = NEW.reward AND merchant_id = NEW.merchant_id AND batch_id = NEW.batch_id)
BEGIN SELECT RAISE(ABORT, 'coupons_go_to_rewards_of_their_batch'); END;
