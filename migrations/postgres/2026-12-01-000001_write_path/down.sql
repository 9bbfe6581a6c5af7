-- Twin of migrations/sqlite/<same name>.
DROP TRIGGER coupons_keep_what_they_are ON coupons;
DROP TRIGGER coupons_go_to_rewards_of_their_batch ON coupons;
DROP TRIGGER coupons_state_is_one_way ON coupons;
DROP FUNCTION coupons_state_is_one_way();
CREATE TRIGGER coupons_state_is_one_way BEFORE UPDATE OF state ON coupons FOR EACH ROW
WHEN (NEW.state <> OLD.state
  AND NOT (OLD.state = 'available' AND NEW.state IN ('allocated', 'withdrawn'))
  AND NOT (OLD.state = 'allocated' AND NEW.state = 'replaced'))
EXECUTE FUNCTION refuse('coupons_state_is_one_way');

CREATE TRIGGER coupons_keep_what_they_are BEFORE UPDATE ON coupons FOR EACH ROW
WHEN (NEW.id <> OLD.id OR NEW.merchant_id <> OLD.merchant_id OR NEW.batch_id <> OLD.batch_id OR NEW.code <> OLD.code
  OR NEW.folded_code IS DISTINCT FROM OLD.folded_code
  OR (OLD.reward IS NOT NULL AND NEW.reward IS DISTINCT FROM OLD.reward))
EXECUTE FUNCTION refuse('coupons_keep_what_they_are');

CREATE OR REPLACE FUNCTION coupons_go_to_rewards_of_their_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM rewards WHERE id = NEW.reward AND merchant_id = NEW.merchant_id AND batch_id = NEW.batch_id) THEN
        RAISE EXCEPTION 'coupons_go_to_rewards_of_their_batch' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER coupons_go_to_rewards_of_their_batch BEFORE UPDATE ON coupons FOR EACH ROW
WHEN (NEW.reward IS NOT NULL AND OLD.reward IS NULL) EXECUTE FUNCTION coupons_go_to_rewards_of_their_batch();

CREATE OR REPLACE FUNCTION coupons_move_stock() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    was coupons;
    became coupons;
BEGIN
    -- One coupon, as in every click: without the sums of the many, which cost a reissue several times as much.
    IF (SELECT count(*) FROM (SELECT 1 FROM new_rows LIMIT 2) AS few) = 1 THEN
        SELECT * INTO was FROM old_rows;
        SELECT * INTO became FROM new_rows;
        IF was.valid_from = became.valid_from AND was.expires_at = became.expires_at THEN
            IF was.state <> became.state OR (became.state = 'available'
                AND ((was.barred_at IS NULL) <> (became.barred_at IS NULL) OR (was.redemptions = 0) <> (became.redemptions = 0))) THEN
                INSERT INTO stock_movements
                    (merchant_id, batch_id, valid_from, expires_at, day, clean, barred, redeemed, allocated, replaced, withdrawn)
                VALUES (became.merchant_id, became.batch_id, became.valid_from, became.expires_at,
                    to_char(coalesce(became.changed_at, became.created_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD'),
                    (became.state = 'available' AND became.barred_at IS NULL AND became.redemptions = 0)::int
                        - (was.state = 'available' AND was.barred_at IS NULL AND was.redemptions = 0)::int,
                    (became.state = 'available' AND became.barred_at IS NOT NULL)::int - (was.state = 'available' AND was.barred_at IS NOT NULL)::int,
                    (became.state = 'available' AND became.barred_at IS NULL AND became.redemptions > 0)::int
                        - (was.state = 'available' AND was.barred_at IS NULL AND was.redemptions > 0)::int,
                    (became.state = 'allocated')::int - (was.state = 'allocated')::int,
                    (became.state = 'replaced')::int - (was.state = 'replaced')::int,
                    (became.state = 'withdrawn')::int - (was.state = 'withdrawn')::int);
            END IF;
            RETURN NULL;
        END IF;
    END IF;
    INSERT INTO stock_movements (merchant_id, batch_id, valid_from, expires_at, day, clean, barred, redeemed, allocated, replaced, withdrawn)
    SELECT * FROM (
        SELECT c.merchant_id, c.batch_id, c.valid_from, c.expires_at, to_char(c.at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day,
            coalesce(sum(c.n) FILTER (WHERE c.state = 'available' AND c.barred_at IS NULL AND c.redemptions = 0), 0) AS clean,
            coalesce(sum(c.n) FILTER (WHERE c.state = 'available' AND c.barred_at IS NOT NULL), 0) AS barred,
            coalesce(sum(c.n) FILTER (WHERE c.state = 'available' AND c.barred_at IS NULL AND c.redemptions > 0), 0) AS redeemed,
            coalesce(sum(c.n) FILTER (WHERE c.state = 'allocated'), 0) AS allocated,
            coalesce(sum(c.n) FILTER (WHERE c.state = 'replaced'), 0) AS replaced,
            coalesce(sum(c.n) FILTER (WHERE c.state = 'withdrawn'), 0) AS withdrawn
        FROM (SELECT -1 AS n, coalesce(n.changed_at, n.created_at) AS at, o.merchant_id, o.batch_id, o.valid_from, o.expires_at, o.state,
                  o.barred_at, o.redemptions
              FROM old_rows o JOIN new_rows n ON n.id = o.id UNION ALL
              SELECT 1, coalesce(changed_at, created_at), merchant_id, batch_id, valid_from, expires_at, state, barred_at, redemptions
              FROM new_rows) AS c
        GROUP BY 1, 2, 3, 4, 5) AS moved
    WHERE (clean, barred, redeemed, allocated, replaced, withdrawn) <> (0, 0, 0, 0, 0, 0);
    RETURN NULL;
END $$;
