//! The statements that check each invariant. Set-based, so that twelve million coupons take a few
//! scans; with EXCEPT and grouping rather than look-ups, so that a dropped index makes them slower
//! and not hopeless.

use super::{Invariant, InvariantProbe};

pub(super) fn of(invariant: Invariant) -> &'static [InvariantProbe] {
    match invariant {
        Invariant::I1 => COUPONS,
        Invariant::I2 => REWARDS,
        Invariant::I3 => REISSUES,
        Invariant::I4 => BATCHES,
        Invariant::I5 => RECORDS,
        Invariant::I6 => MAILS,
        Invariant::I8 => NEW_COUPONS,
        Invariant::I9 => OLD_COUPONS,
        Invariant::I10 => ACTORS,
        Invariant::I12 => USES,
    }
}

const COUPONS: &[InvariantProbe] = &[
    InvariantProbe {
        what: "coupons with a code that another coupon of their merchant has",
        sql: "SELECT max(id) AS id FROM coupons GROUP BY merchant_id, code HAVING count(*) > 1",
    },
    InvariantProbe {
        what: "coupons with the letters of another one in batches that ignore case",
        sql: "SELECT max(id) AS id FROM coupons WHERE folded_code IS NOT NULL GROUP BY \
            merchant_id, folded_code HAVING count(*) > 1",
    },
    InvariantProbe {
        what: "coupons that are in stock and attached to a reward, or handed out to none",
        sql: "SELECT id FROM coupons WHERE (state IN ('allocated', 'replaced')) <> (reward IS NOT \
            NULL)",
    },
    InvariantProbe {
        what: "coupons attached to a reward that is not of their batch",
        sql: "SELECT c.id FROM coupons c LEFT JOIN rewards r ON r.id = c.reward AND r.merchant_id \
            = c.merchant_id \
              WHERE c.reward IS NOT NULL AND r.batch_id IS DISTINCT FROM c.batch_id",
    },
    InvariantProbe {
        what: "coupons attached to more than one reward",
        sql: "WITH linked AS (SELECT old_coupon_id AS coupon, reward FROM reissues UNION ALL \
            SELECT new_coupon_id, reward FROM reissues) \
              SELECT l.coupon AS id FROM linked l LEFT JOIN coupons c ON c.id = l.coupon GROUP BY \
              l.coupon, c.reward \
              HAVING min(l.reward) <> max(l.reward) OR min(l.reward) <> c.reward",
    },
];

const REWARDS: &[InvariantProbe] = &[
    InvariantProbe {
        what: "rewards with more than one reissue",
        sql: "SELECT reward AS id FROM reissues GROUP BY reward HAVING count(*) > 1",
    },
    InvariantProbe {
        what: "rewards with more than one current coupon",
        sql: "SELECT reward AS id FROM coupons WHERE reward IS NOT NULL AND state = 'allocated' \
            GROUP BY reward HAVING count(*) > 1",
    },
];

const REISSUES: &[InvariantProbe] = &[
    InvariantProbe {
        what: "reissues with one coupon for both old and new",
        sql: "SELECT id FROM reissues WHERE old_coupon_id = new_coupon_id",
    },
    InvariantProbe {
        what: "reissues whose coupons and reward are not of one merchant, customer and batch",
        sql: "SELECT i.id FROM reissues i \
              LEFT JOIN rewards r ON r.id = i.reward AND r.merchant_id = i.merchant_id AND \
              r.customer = i.customer AND r.batch_id = i.batch_id \
              LEFT JOIN coupons o ON o.id = i.old_coupon_id AND o.merchant_id = i.merchant_id AND \
              o.batch_id = i.batch_id \
              LEFT JOIN coupons n ON n.id = i.new_coupon_id AND n.merchant_id = i.merchant_id AND \
              n.batch_id = i.batch_id \
              WHERE r.id IS NULL OR o.id IS NULL OR n.id IS NULL",
    },
    InvariantProbe {
        what: "reissues whose old coupon is not replaced, or whose new one is not the reward's",
        sql: "SELECT i.id FROM reissues i JOIN coupons o ON o.id = i.old_coupon_id JOIN coupons n \
            ON n.id = i.new_coupon_id \
              WHERE o.state <> 'replaced' OR o.reward IS DISTINCT FROM i.reward OR n.state <> \
              'allocated' OR n.reward IS DISTINCT FROM i.reward",
    },
    InvariantProbe {
        what: "replaced coupons without a reissue",
        sql: "SELECT id FROM coupons WHERE reward IS NOT NULL AND state = 'replaced' EXCEPT \
            SELECT old_coupon_id FROM reissues",
    },
];

const BATCHES: &[InvariantProbe] = &[
    InvariantProbe {
        what: "batches where available + allocated + replaced + withdrawn is not what was imported",
        sql: "SELECT b.id FROM batches b LEFT JOIN ( \
                  SELECT c.batch_id, count(*) AS n FROM coupons c \
                  JOIN batches p ON p.id = c.batch_id AND p.merchant_id = c.merchant_id AND c.id \
                  <= p.published_to \
                  WHERE c.state IN ('available', 'allocated', 'replaced', 'withdrawn') GROUP BY \
                  c.batch_id \
              ) AS stock ON stock.batch_id = b.id WHERE coalesce(stock.n, 0) <> b.imported",
    },
    InvariantProbe { what: "batches whose counted stock is not the stock they have", sql: STOCK },
    InvariantProbe {
        what: "movements of stock that no count looks at, since all below were added up",
        sql: "SELECT m.id FROM stock_movements m JOIN stock_marks k ON m.id <= k.settled_to",
    },
    InvariantProbe {
        what: "coupons without a batch, or handed out before their import was finished",
        sql: "SELECT c.id FROM coupons c LEFT JOIN batches b ON b.id = c.batch_id AND \
            b.merchant_id = c.merchant_id \
              WHERE b.id IS NULL OR (c.id > b.published_to AND c.state <> 'available')",
    },
    InvariantProbe {
        what: "imports whose first or last coupon is not in their batch, or not published",
        sql: "SELECT i.id FROM imports i \
              LEFT JOIN batches b ON b.id = i.batch_id AND b.merchant_id = i.merchant_id \
              LEFT JOIN coupons f ON f.id = i.first_coupon AND f.batch_id = b.id \
              LEFT JOIN coupons l ON l.id = i.last_coupon AND l.batch_id = b.id \
              WHERE (i.first_coupon IS NOT NULL OR i.last_coupon IS NOT NULL) \
              AND (f.id IS NULL OR l.id IS NULL OR l.id < f.id OR l.id > b.published_to)",
    },
    InvariantProbe {
        what: "imports that share coupons with an earlier import of their merchant",
        sql: "SELECT id FROM ( \
                  SELECT id, first_coupon, max(last_coupon) OVER (PARTITION BY merchant_id ORDER \
                  BY first_coupon, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS taken_to \
                  FROM imports WHERE first_coupon IS NOT NULL \
              ) AS ranges WHERE first_coupon <= taken_to",
    },
];

/// The sums that are kept, and what they should be; a batch comes out where they differ.
const STOCK: &str = "SELECT DISTINCT batch_id AS id FROM ( \
    SELECT batch_id FROM ( \
        SELECT batch_id, valid_from, expires_at, clean, barred, redeemed, allocated, replaced, \
        withdrawn FROM stock_by_window \
        UNION ALL SELECT m.batch_id, m.valid_from, m.expires_at, m.clean, m.barred, m.redeemed, \
        m.allocated, m.replaced, m.withdrawn \
            FROM stock_movements m JOIN batches b ON b.id = m.batch_id WHERE m.coupon_to <= \
            b.published_to \
        UNION ALL SELECT c.batch_id, c.valid_from, c.expires_at, \
            -count(CASE WHEN c.state = 'available' AND c.barred_at IS NULL AND c.redemptions = 0 \
            THEN 1 END), \
            -count(CASE WHEN c.state = 'available' AND c.barred_at IS NOT NULL THEN 1 END), \
            -count(CASE WHEN c.state = 'available' AND c.barred_at IS NULL AND c.redemptions > 0 \
            THEN 1 END), \
            -count(CASE WHEN c.state = 'allocated' THEN 1 END), -count(CASE WHEN c.state = \
            'replaced' THEN 1 END), \
            -count(CASE WHEN c.state = 'withdrawn' THEN 1 END) \
            FROM coupons c JOIN batches b ON b.id = c.batch_id AND c.id <= b.published_to GROUP \
            BY c.batch_id, c.valid_from, c.expires_at \
    ) AS parts GROUP BY batch_id, valid_from, expires_at \
    HAVING sum(clean) <> 0 OR sum(barred) <> 0 OR sum(redeemed) <> 0 OR sum(allocated) <> 0 OR \
    sum(replaced) <> 0 OR sum(withdrawn) <> 0 \
) AS differing";

const RECORDS: &[InvariantProbe] = &[
    InvariantProbe {
        what: "reissues without an audit record",
        sql: "SELECT id FROM reissues EXCEPT SELECT reissue_id FROM audit_records WHERE action = \
            'coupon.reissued'",
    },
    InvariantProbe {
        what: "reissues with more than one audit record",
        sql: "SELECT reissue_id AS id FROM audit_records WHERE action = 'coupon.reissued' AND \
            reissue_id IS NOT NULL \
              GROUP BY reissue_id HAVING count(*) > 1",
    },
    InvariantProbe {
        what: "audit records of a reissue that is not there",
        sql: "SELECT a.id FROM audit_records a LEFT JOIN reissues i ON i.id = a.reissue_id AND \
            i.merchant_id = a.merchant_id \
              WHERE a.action = 'coupon.reissued' AND i.id IS NULL",
    },
    InvariantProbe {
        what: "audit records that should be sealed and are not",
        sql: "SELECT id FROM audit_records WHERE id <= (SELECT max(sealed_to) FROM seal_marks) \
            EXCEPT SELECT record_id FROM audit_seals",
    },
    InvariantProbe {
        what: "seals of audit records that are not there",
        sql: "SELECT record_id AS id FROM audit_seals EXCEPT SELECT id FROM audit_records",
    },
    InvariantProbe {
        what: "audit logs whose seals are not numbered from 1 without a gap",
        sql: "SELECT chain AS id FROM audit_seals GROUP BY chain HAVING min(no) <> 1 OR \
            count(DISTINCT no) <> max(no) OR count(*) <> max(no)",
    },
];

const MAILS: &[InvariantProbe] = &[
    InvariantProbe {
        what: "reissues with more or fewer mails than were asked for",
        sql: "SELECT i.id FROM reissues i LEFT JOIN ( \
                  SELECT reissue_id, count(*) AS n FROM mails WHERE origin = 'reissue' GROUP BY \
                  reissue_id \
              ) AS m ON m.reissue_id = i.id WHERE coalesce(m.n, 0) <> CASE WHEN i.email_requested \
              THEN 1 ELSE 0 END",
    },
    InvariantProbe {
        what: "mails of a reissue that is not there, or with another reward or coupon than its",
        sql: "SELECT m.id FROM mails m LEFT JOIN reissues i ON i.id = m.reissue_id AND \
            i.merchant_id = m.merchant_id \
              WHERE m.origin = 'reissue' AND (i.id IS NULL OR m.reward <> i.reward OR m.coupon_id \
              <> i.new_coupon_id)",
    },
    InvariantProbe {
        what: "mails to a customer who does not own the reward",
        sql: "SELECT m.id FROM mails m LEFT JOIN rewards r ON r.id = m.reward AND r.merchant_id = \
            m.merchant_id \
              WHERE m.origin IN ('reissue', 'resend') AND (r.id IS NULL OR r.customer IS DISTINCT \
              FROM m.customer)",
    },
    InvariantProbe {
        // A purge empties what was written to the person.
        what: "mails whose text does not hold their code",
        sql: "SELECT m.id FROM mails m LEFT JOIN coupons c ON c.id = m.coupon_id AND \
            c.merchant_id = m.merchant_id \
              LEFT JOIN customers p ON p.id = m.customer \
              WHERE m.origin IN ('reissue', 'resend') \
                AND (c.id IS NULL OR (p.purged_at IS NULL AND replace(m.text_body, c.code, '') = \
                m.text_body))",
    },
    InvariantProbe {
        what: "resends that name nobody who asked, or carry a coupon that was never the reward's",
        sql: "SELECT m.id FROM mails m LEFT JOIN coupons c ON c.id = m.coupon_id LEFT JOIN users \
            u ON u.id = m.asked_by \
              WHERE m.origin = 'resend' AND (u.id IS NULL OR c.reward IS DISTINCT FROM m.reward)",
    },
];

const NEW_COUPONS: &[InvariantProbe] = &[
    InvariantProbe {
        what: "reissues outside the validity that the new coupon had",
        sql: "SELECT id FROM reissues WHERE (new_valid_from <= at AND at < new_expires_at) IS NOT \
            TRUE",
    },
    InvariantProbe {
        what: "reissues whose new coupon had been barred before",
        sql: "SELECT i.id FROM reissues i JOIN coupons n ON n.id = i.new_coupon_id WHERE \
            n.barred_at < i.at",
    },
];

const OLD_COUPONS: &[InvariantProbe] = &[
    InvariantProbe {
        what: "reissues whose old coupon could still be used",
        sql: "SELECT id FROM reissues WHERE (old_expires_at <= at OR old_barred OR \
            old_redemptions >= old_max_redemptions) IS NOT TRUE",
    },
    InvariantProbe {
        // Uses per code never change: only they could make a coupon look spent that was not.
        what: "reissues that count the old coupon's uses otherwise than the coupon does",
        sql: "SELECT i.id FROM reissues i JOIN coupons o ON o.id = i.old_coupon_id WHERE \
            i.old_max_redemptions <> o.max_redemptions",
    },
    InvariantProbe {
        what: "reissues whose old coupon was barred then and is not any more, so that both codes \
            may work",
        sql: "SELECT i.id FROM reissues i JOIN coupons o ON o.id = i.old_coupon_id WHERE \
            i.old_barred AND o.barred_at IS NULL",
    },
    InvariantProbe {
        what: "reissues whose old coupon has fewer uses counted now than then",
        sql: "SELECT i.id FROM reissues i JOIN coupons o ON o.id = i.old_coupon_id WHERE \
            o.redemptions < i.old_redemptions",
    },
];

const USES: &[InvariantProbe] = &[
    InvariantProbe {
        what: "redemptions of an order that is recorded for the coupon already",
        sql: "SELECT max(id) AS id FROM redemptions WHERE order_id <> '' GROUP BY merchant_id, \
            coupon_id, order_id HAVING count(*) > 1",
    },
    InvariantProbe {
        what: "redemptions without an order at a time that is recorded for the coupon already",
        sql: "SELECT max(id) AS id FROM redemptions WHERE order_id = '' GROUP BY merchant_id, \
            coupon_id, redeemed_at HAVING count(*) > 1",
    },
];

const ACTORS: &[InvariantProbe] = &[InvariantProbe {
    what: "reissues by somebody who was not an active user then, or had no role that may",
    sql: "SELECT i.id FROM reissues i LEFT JOIN users u ON u.id = i.user_id \
          WHERE u.id IS NULL OR u.created_at > i.at OR u.disabled_at <= i.at \
             OR (i.actor_role IN ('support', 'supervisor', 'marketing', 'administrator')) IS NOT \
             TRUE",
}];
