-- One order is one use of a coupon, whatever time is reported for it; no use is in the future.
-- Twin of migrations/postgres/<same name>. order_number is given by the program.

-- Orders that were reported more than once, and so counted more than once: all reports but the first. What was counted stays counted,
-- since nobody can tell here which of a coupon's uses were counted on their own and which came with the vouchers file. The desk shows
-- these reports at the coupon; once all its uses are gone, a use that is reported later is recorded in the place of one of them.
-- Nothing adds to this table.
CREATE TABLE repeated_redemptions (
    id INTEGER PRIMARY KEY NOT NULL,
    merchant_id BIGINT NOT NULL,
    coupon_id BIGINT NOT NULL,
    -- The report that stays the use.
    first_id BIGINT NOT NULL,
    redeemed_at TEXT NOT NULL,
    order_id TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE INDEX repeated_redemptions_of_coupon ON repeated_redemptions (merchant_id, coupon_id);

INSERT INTO repeated_redemptions (id, merchant_id, coupon_id, first_id, redeemed_at, order_id, created_at)
SELECT id, merchant_id, coupon_id, first_id, redeemed_at, order_id, created_at FROM (
    SELECT *, min(id) OVER (PARTITION BY merchant_id, coupon_id, number, CASE WHEN number = '' THEN redeemed_at END) AS first_id
    FROM (SELECT *, order_number(order_id) AS number FROM redemptions))
WHERE id <> first_id;
DELETE FROM redemptions WHERE id IN (SELECT id FROM repeated_redemptions);
UPDATE redemptions SET order_id = order_number(order_id) WHERE order_id <> order_number(order_id);

-- Old versions are not hurt: of redemptions they refuse a whole file, and change nothing, where they would have counted an order twice.
CREATE UNIQUE INDEX redemptions_one_per_order ON redemptions (merchant_id, coupon_id, order_id) WHERE order_id <> '';

-- The clock of whoever reports a use may be ahead by five minutes. Thousandths are rounded up.
-- Old versions are not hurt: of redemptions they refuse a whole file, and change nothing, where they would have counted a use to come.
CREATE TRIGGER redemptions_have_happened BEFORE INSERT ON redemptions
WHEN NEW.redeemed_at > strftime('%Y-%m-%d %H:%M:%f', NEW.created_at, '+5 minutes') || '999'
BEGIN SELECT RAISE(ABORT, 'redemptions_have_happened'); END;

-- Notes of one order on one code: the first says it all.
DELETE FROM redemption_findings WHERE id IN (
    SELECT id FROM (
        SELECT id, min(id) OVER (PARTITION BY merchant_id, code, number, CASE WHEN number = '' THEN redeemed_at END) AS first_id
        FROM (SELECT *, order_number(order_id) AS number FROM redemption_findings))
    WHERE id <> first_id);
DELETE FROM redemption_findings WHERE id IN (
    SELECT id FROM (
        SELECT id, min(id) OVER (PARTITION BY merchant_id, coupon_id, number) AS first_id
        FROM (SELECT *, order_number(order_id) AS number FROM redemption_findings WHERE coupon_id IS NOT NULL) WHERE number <> '')
    WHERE id <> first_id);
UPDATE redemption_findings SET order_id = order_number(order_id) WHERE order_id <> order_number(order_id);
-- Old versions are not hurt: in redemption_findings they leave out what is noted already.
CREATE UNIQUE INDEX redemption_findings_one_per_order ON redemption_findings (merchant_id, code, order_id) WHERE order_id <> '';
CREATE UNIQUE INDEX redemption_findings_one_per_coupon_and_order ON redemption_findings (merchant_id, coupon_id, order_id)
    WHERE order_id <> '' AND coupon_id IS NOT NULL;

-- The statistics are made up as the others' were (see the migration "stock"). A coupon has more uses than one that is found by its order.
UPDATE sqlite_stat1 SET stat = '3000000 150000 2 1 1' WHERE idx = 'sqlite_autoindex_redemptions_1';
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('redemptions', 'redemptions_one_per_order', '2900000 145000 2 1'),
    ('redemption_findings', 'redemption_findings_one_per_order', '90000 4500 1 1'),
    ('redemption_findings', 'redemption_findings_one_per_coupon_and_order', '60000 3000 1 1'),
    ('repeated_redemptions', 'repeated_redemptions_of_coupon', '1000 50 1');
ANALYZE sqlite_master;
