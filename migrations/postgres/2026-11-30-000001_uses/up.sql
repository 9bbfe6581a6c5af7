-- One order is one use of a coupon, whatever time is reported for it; no use is in the future; a replaced coupon stays unusable.
-- Twin of migrations/sqlite/<same name>.

-- Nobody reports a use until the rule holds; everybody may read. Coupons are locked last and for a moment only: clicks go on meanwhile.
LOCK TABLE redemptions, redemption_findings IN SHARE ROW EXCLUSIVE MODE;

-- Trimmed, and in Unicode's form NFC, as the program does it: white space, control and invisible characters around it go. ASCII is in
-- that form already, and was trimmed before it was stored.
CREATE FUNCTION order_number(given TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN octet_length(given) = length(given) THEN given
        ELSE normalize(regexp_replace(given, '^' || around || '|' || around || '$', '', 'g'), NFC) END
    FROM (SELECT E'[\\s\\u0001-\\u0020\\u007f-\\u00a0\\u00ad\\u034f\\u061c\\u115f\\u1160\\u1680\\u17b4\\u17b5\\u180b-\\u180f\\u2000-\\u200f'
        || E'\\u2028-\\u202f\\u205f-\\u206f\\u2800\\u3000\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb\\U0001bca0-\\U0001bca3'
        || E'\\U0001d159\\U0001d173-\\U0001d17a\\U000e0000-\\U000e0fff]+' AS around) AS edges
$$;

-- Orders that were reported more than once, and so counted more than once: all reports but the first. What was counted stays counted,
-- since nobody can tell here which of a coupon's uses were counted on their own and which came with the vouchers file. The desk shows
-- these reports at the coupon; once all its uses are gone, a use that is reported later is recorded in the place of one of them.
-- Nothing adds to this table.
CREATE TABLE repeated_redemptions (
    id BIGINT PRIMARY KEY,
    -- No foreign keys to merchants and coupons, which would lock those tables; the rows are made from redemptions, which have them.
    merchant_id BIGINT NOT NULL,
    coupon_id BIGINT NOT NULL,
    -- The report that stays the use.
    first_id BIGINT NOT NULL REFERENCES redemptions (id),
    redeemed_at TIMESTAMPTZ NOT NULL,
    order_id TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX repeated_redemptions_of_coupon ON repeated_redemptions (merchant_id, coupon_id);

INSERT INTO repeated_redemptions (id, merchant_id, coupon_id, first_id, redeemed_at, order_id, created_at)
SELECT id, merchant_id, coupon_id, first_id, redeemed_at, order_id, created_at FROM (
    SELECT *, min(id) OVER (PARTITION BY merchant_id, coupon_id, number, CASE WHEN number = '' THEN redeemed_at END) AS first_id
    FROM (SELECT *, order_number(order_id) AS number FROM redemptions) AS numbered) AS reports
WHERE id <> first_id;
DELETE FROM redemptions WHERE id IN (SELECT id FROM repeated_redemptions);
UPDATE redemptions SET order_id = order_number(order_id) WHERE order_id <> order_number(order_id);

-- Old versions are not hurt: of redemptions they refuse a whole file, and change nothing, where they would have counted an order twice.
CREATE UNIQUE INDEX redemptions_one_per_order ON redemptions (merchant_id, coupon_id, order_id) WHERE order_id <> '';

-- Notes of one order on one code: the first says it all.
DELETE FROM redemption_findings WHERE id IN (
    SELECT id FROM (
        SELECT id, min(id) OVER (PARTITION BY merchant_id, code, number, CASE WHEN number = '' THEN redeemed_at END) AS first_id
        FROM (SELECT *, order_number(order_id) AS number FROM redemption_findings) AS numbered) AS notes
    WHERE id <> first_id);
DELETE FROM redemption_findings WHERE id IN (
    SELECT id FROM (
        SELECT id, min(id) OVER (PARTITION BY merchant_id, coupon_id, number) AS first_id
        FROM (SELECT *, order_number(order_id) AS number FROM redemption_findings WHERE coupon_id IS NOT NULL) AS numbered WHERE number <> '') AS notes
    WHERE id <> first_id);
UPDATE redemption_findings SET order_id = order_number(order_id) WHERE order_id <> order_number(order_id);
-- Old versions are not hurt: in redemption_findings they leave out what is noted already.
CREATE UNIQUE INDEX redemption_findings_one_per_order ON redemption_findings (merchant_id, code, order_id) WHERE order_id <> '';
CREATE UNIQUE INDEX redemption_findings_one_per_coupon_and_order ON redemption_findings (merchant_id, coupon_id, order_id)
    WHERE order_id <> '' AND coupon_id IS NOT NULL;
-- Old versions are not hurt: order_number is of this file alone.
DROP FUNCTION order_number(TEXT);

-- The clock of whoever reports a use may be ahead by five minutes. Uses from before this rule stay as they are.
-- Old versions are not hurt: of redemptions they refuse a whole file, and change nothing, where they would have counted a use to come.
ALTER TABLE redemptions ADD CONSTRAINT redemptions_have_happened CHECK (redeemed_at - created_at <= INTERVAL '5 minutes') NOT VALID;

-- Its customer has another code by then: both would work.
-- Old versions are not hurt: of coupons they refuse the one act that would let two codes live.
CREATE TRIGGER coupons_replaced_stay_unusable BEFORE UPDATE OF barred_at, redemptions, max_redemptions, expires_at ON coupons FOR EACH ROW
WHEN (OLD.state = 'replaced' AND ((OLD.barred_at IS NOT NULL AND NEW.barred_at IS NULL) OR NEW.redemptions < OLD.redemptions
    OR NEW.max_redemptions > OLD.max_redemptions OR NEW.expires_at > OLD.expires_at))
EXECUTE FUNCTION refuse('coupons_replaced_stay_unusable');
