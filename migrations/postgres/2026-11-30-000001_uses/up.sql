-- One order is one use of a coupon, whatever time is reported for it.
-- Twin of migrations/sqlite/<same name>.

-- Nobody reports a use until the rule holds; everybody may read. Clicks go on meanwhile.
LOCK TABLE redemptions, redemption_findings IN SHARE ROW EXCLUSIVE MODE;

-- An order's one form, as the program makes it of what files and pages give: without invisible characters, in Unicode's form NFC, without
-- the white space, quotes, formula and list's comma around it; empty for a word or a dash that says "none".
CREATE FUNCTION order_number(given TEXT) RETURNS TEXT LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    number TEXT := given;
    before TEXT;
    invisible CONSTANT TEXT := E'[\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\u2800'
        || E'\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb\\U0001bca0-\\U0001bca3\\U0001d159\\U0001d173-\\U0001d17a\\U000e0000-\\U000e0fff]';
    space CONSTANT TEXT := E'[\\s\\u0001-\\u0020\\u007f-\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+';
BEGIN
    -- Nearly every number.
    IF given ~ '^[A-Za-z0-9][A-Za-z0-9._/-]*[0-9]$' THEN RETURN given; END IF;
    LOOP
        before := number;
        IF octet_length(number) > length(number) THEN
            number := normalize(regexp_replace(number, invisible, '', 'g'), NFC);
        END IF;
        number := regexp_replace(number, '^' || space || '|' || space || '$', '', 'g');
        number := regexp_replace(number, '[,;，；、]+$', '');
        number := regexp_replace(number, '^["＂](.*)["＂]$|^[''`´‘’‚](.*)[''`´‘’]$|^[“”„](.*)[“”]$|^[«»](.*)[«»]$|^[‹›](.*)[‹›]$|^「(.*)」$',
            '\1\2\3\4\5\6');
        number := regexp_replace(number, '^[''’‘]+([0-9][0-9.,+/:eE-]*)$', '\1');
        number := regexp_replace(number, '^''([=+@＝＋－＠-].*)$', '\1');
        number := regexp_replace(number, '^[=＝][ +]*[tT]? *\(? *"([^"]*)" *\)?$', '\1');
        EXIT WHEN number = before;
    END LOOP;
    IF number ~ '^[-‐‑‒–—―−]*$' OR number IN ('NA', 'NaT') OR lower(number) IN ('null', '(null)', '<null>', '[null]', '{null}', 'nil', '(nil)',
        '<nil>', 'none', '(none)', '<none>', 'n/a', 'n.a.', '(n/a)', '<na>', 'nan', 'undefined', E'\\n', '(blank)', '(empty)', '<empty>')
    THEN
        RETURN '';
    END IF;
    RETURN number;
END $$;

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
    first_id BIGINT NOT NULL,
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
