-- What every reissue pays for the rules on coupons. The rules stay; only where they stand changes. Twin of migrations/sqlite/<same name>.
--
-- PostgreSQL reads a trigger's WHEN anew from its stored text in every statement, and it read four long ones in each of a reissue's two. A
-- trigger that lists its columns is passed by where a statement sets none of them, and a function is read once for each connection.

-- Old versions are not hurt: coupons take all that they took, and refuse all that they refused, under the same names.
DROP TRIGGER coupons_keep_what_they_are ON coupons;
CREATE TRIGGER coupons_keep_what_they_are BEFORE UPDATE OF id, merchant_id, batch_id, code, folded_code ON coupons FOR EACH ROW
WHEN (NEW.id <> OLD.id OR NEW.merchant_id <> OLD.merchant_id OR NEW.batch_id <> OLD.batch_id OR NEW.code <> OLD.code
  OR NEW.folded_code IS DISTINCT FROM OLD.folded_code)
EXECUTE FUNCTION refuse('coupons_keep_what_they_are');

CREATE OR REPLACE FUNCTION coupons_go_to_rewards_of_their_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.reward IS NOT NULL THEN
        IF NEW.reward IS DISTINCT FROM OLD.reward THEN
            RAISE EXCEPTION 'coupons_keep_what_they_are' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    ELSIF NEW.reward IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM rewards WHERE id = NEW.reward AND merchant_id = NEW.merchant_id AND batch_id = NEW.batch_id) THEN
        RAISE EXCEPTION 'coupons_go_to_rewards_of_their_batch' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER coupons_go_to_rewards_of_their_batch ON coupons;
CREATE TRIGGER coupons_go_to_rewards_of_their_batch BEFORE UPDATE OF reward ON coupons FOR EACH ROW
EXECUTE FUNCTION coupons_go_to_rewards_of_their_batch();

CREATE FUNCTION coupons_state_is_one_way() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> OLD.state
        AND OLD.state || '-' || NEW.state NOT IN ('available-allocated', 'available-withdrawn', 'allocated-replaced') THEN
        RAISE EXCEPTION 'coupons_state_is_one_way' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER coupons_state_is_one_way ON coupons;
CREATE TRIGGER coupons_state_is_one_way BEFORE UPDATE OF state ON coupons FOR EACH ROW EXECUTE FUNCTION coupons_state_is_one_way();

-- A statement's changes are one row a window, and no row that others wait for: a background job adds them up.
CREATE OR REPLACE FUNCTION coupons_move_stock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- One coupon, as in every click: in one statement, and without the sums of the many, which cost a reissue several times as much.
    INSERT INTO stock_movements (merchant_id, batch_id, valid_from, expires_at, day, clean, barred, redeemed, allocated, replaced, withdrawn)
    SELECT n.merchant_id, n.batch_id, n.valid_from, n.expires_at,
        to_char(coalesce(n.changed_at, n.created_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD'),
        (n.state = 'available' AND n.barred_at IS NULL AND n.redemptions = 0)::int
            - (o.state = 'available' AND o.barred_at IS NULL AND o.redemptions = 0)::int,
        (n.state = 'available' AND n.barred_at IS NOT NULL)::int - (o.state = 'available' AND o.barred_at IS NOT NULL)::int,
        (n.state = 'available' AND n.barred_at IS NULL AND n.redemptions > 0)::int
            - (o.state = 'available' AND o.barred_at IS NULL AND o.redemptions > 0)::int,
        (n.state = 'allocated')::int - (o.state = 'allocated')::int,
        (n.state = 'replaced')::int - (o.state = 'replaced')::int,
        (n.state = 'withdrawn')::int - (o.state = 'withdrawn')::int
    FROM old_rows o, new_rows n
    WHERE NOT EXISTS (SELECT 1 FROM new_rows OFFSET 1) AND n.valid_from = o.valid_from AND n.expires_at = o.expires_at
        AND (n.state <> o.state OR (n.state = 'available'
            AND ((n.barred_at IS NULL) <> (o.barred_at IS NULL) OR (n.redemptions = 0) <> (o.redemptions = 0))));
    IF FOUND THEN
        RETURN NULL;
    END IF;
    -- One coupon again, of which nothing has changed that counts. It must not get further: the plan of what follows is kept from the first
    -- statement that got there, and one for a single row would take hours for many.
    IF EXISTS (SELECT 1 FROM old_rows o, new_rows n
        WHERE NOT EXISTS (SELECT 1 FROM new_rows OFFSET 1) AND n.valid_from = o.valid_from AND n.expires_at = o.expires_at) THEN
        RETURN NULL;
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
