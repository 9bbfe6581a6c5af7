//! The invariants I1 to I10 of docs/guarantees.md, asked by SQL of our own: a second opinion beside
//! `rewarddesk check`.

use super::TestDb;

/// Name, and a query that finds a row (as `v`) where it is broken.
const QUERIES: [(&str, &str); 12] = [
    (
        "I1 a coupon in two reissues",
        "SELECT c AS v FROM (SELECT old_coupon_id AS c FROM reissues \
        UNION ALL SELECT new_coupon_id FROM reissues) x GROUP BY c HAVING count(*) > 1",
    ),
    (
        "I1 a reward with two current coupons",
        "SELECT reward AS v FROM coupons WHERE state = \
        'allocated' GROUP BY reward HAVING count(*) > 1",
    ),
    (
        "I2 a reward reissued twice",
        "SELECT reward AS v FROM reissues GROUP BY reward HAVING \
        count(*) > 1",
    ),
    (
        "I3 a reissue that does not match its coupons",
        "SELECT r.id AS v FROM reissues r LEFT JOIN coupons o ON o.id = r.old_coupon_id LEFT JOIN \
         coupons n ON n.id = r.new_coupon_id
         WHERE o.id IS NULL OR n.id IS NULL OR o.id = n.id OR o.batch_id <> n.batch_id OR \
         o.batch_id <> r.batch_id OR o.merchant_id <> r.merchant_id
            OR n.merchant_id <> r.merchant_id OR o.state <> 'replaced' OR n.state <> 'allocated' \
            OR o.reward <> r.reward OR n.reward <> r.reward",
    ),
    (
        "I3 a replaced coupon without a reissue",
        "SELECT id AS v FROM coupons WHERE state = \
        'replaced' AND id NOT IN (SELECT old_coupon_id FROM reissues)",
    ),
    (
        "I4 stock that does not add up",
        "SELECT b.id AS v FROM batches b WHERE b.imported <> (SELECT count(*) FROM coupons c \
         WHERE c.batch_id = b.id AND c.id <= b.published_to)",
    ),
    (
        "I4 counted stock that is not the stock",
        "SELECT s.batch_id || ' ' || s.condition AS v FROM (
           SELECT batch_id, condition, sum(n) AS n FROM (
             SELECT c.batch_id, CASE WHEN c.state <> 'available' THEN c.state WHEN c.barred_at IS \
             NOT NULL THEN 'barred' WHEN c.redemptions > 0
               THEN 'redeemed' ELSE 'clean ' || c.valid_from || c.expires_at END AS condition, 1 \
               AS n
             FROM coupons c JOIN batches b ON b.id = c.batch_id WHERE c.id <= b.published_to
             UNION ALL SELECT batch_id, 'clean ' || valid_from || expires_at, -clean FROM (SELECT \
             batch_id, valid_from, expires_at, clean FROM stock_by_window
               UNION ALL SELECT m.batch_id, m.valid_from, m.expires_at, m.clean FROM \
               stock_movements m JOIN batches b ON b.id = m.batch_id WHERE m.coupon_to <= \
               b.published_to) w
             UNION ALL SELECT batch_id, 'barred', -barred FROM stock_by_window UNION ALL SELECT \
             m.batch_id, 'barred', -m.barred FROM stock_movements m JOIN batches b ON b.id = \
             m.batch_id AND m.coupon_to <= b.published_to
             UNION ALL SELECT batch_id, 'redeemed', -redeemed FROM stock_by_window UNION ALL \
             SELECT m.batch_id, 'redeemed', -m.redeemed FROM stock_movements m JOIN batches b ON \
             b.id = m.batch_id AND m.coupon_to <= b.published_to
             UNION ALL SELECT batch_id, 'allocated', -allocated FROM stock_by_window UNION ALL \
             SELECT m.batch_id, 'allocated', -m.allocated FROM stock_movements m JOIN batches b \
             ON b.id = m.batch_id AND m.coupon_to <= b.published_to
             UNION ALL SELECT batch_id, 'replaced', -replaced FROM stock_by_window UNION ALL \
             SELECT m.batch_id, 'replaced', -m.replaced FROM stock_movements m JOIN batches b ON \
             b.id = m.batch_id AND m.coupon_to <= b.published_to
             UNION ALL SELECT batch_id, 'withdrawn', -withdrawn FROM stock_by_window UNION ALL \
             SELECT m.batch_id, 'withdrawn', -m.withdrawn FROM stock_movements m JOIN batches b \
             ON b.id = m.batch_id AND m.coupon_to <= b.published_to
           ) parts GROUP BY batch_id, condition) s WHERE s.n <> 0",
    ),
    (
        "I5 a reissue without its one audit record",
        "SELECT r.id AS v FROM reissues r WHERE (SELECT count(*) FROM audit_records a WHERE \
         a.action = 'coupon.reissued' AND a.reissue_id = r.id AND a.merchant_id = r.merchant_id) \
         <> 1",
    ),
    (
        "I5 an audit record without its reissue",
        "SELECT a.id AS v FROM audit_records a WHERE a.action = 'coupon.reissued' AND NOT EXISTS \
         (SELECT 1 FROM reissues r WHERE r.id = a.reissue_id AND r.merchant_id = a.merchant_id \
         AND r.user_id = a.user_id)",
    ),
    (
        "I6 a mail missing, or one too many",
        "SELECT r.id AS v FROM reissues r WHERE (SELECT count(*) FROM mails m WHERE m.origin = \
         'reissue' AND m.reissue_id = r.id) <> CASE WHEN r.email_requested THEN 1 ELSE 0 END",
    ),
    (
        "I6 a mail to the wrong person or with the wrong code",
        "SELECT m.id AS v FROM mails m LEFT JOIN rewards w ON w.id = m.reward AND w.customer = \
         m.customer LEFT JOIN customers c ON c.id = m.customer AND (c.email = m.recipient OR \
         (c.purged_at IS NOT NULL AND m.recipient = ''))
           LEFT JOIN coupons k ON k.id = m.coupon_id AND k.state = 'allocated' AND k.reward = \
           m.reward
         WHERE m.origin IN ('reissue', 'resend') AND (w.id IS NULL OR c.id IS NULL OR k.id IS \
         NULL OR (m.origin = 'resend' AND m.asked_by IS NULL)
            OR (m.origin = 'reissue' AND NOT EXISTS (SELECT 1 FROM reissues r WHERE r.id = \
            m.reissue_id AND r.new_coupon_id = m.coupon_id)))",
    ),
    (
        "I8 I9 a reissue of a usable coupon, or for an unusable one",
        "SELECT id AS v FROM reissues WHERE NOT (old_expires_at <= at OR old_barred OR \
         old_redemptions >= old_max_redemptions) OR new_valid_from > at OR new_expires_at <= at",
    ),
];

/// The invariants that do not hold, one line each.
pub fn broken(db: &TestDb) -> Vec<String> {
    let found = QUERIES
        .iter()
        .map(|(name, sql)| (name, db.texts(sql)))
        .filter(|(_, rows)| !rows.is_empty());
    found.map(|(name, rows)| format!("{name}: {}", rows.join(", "))).collect()
}

/// What no log may hold: codes, addresses and names (guarantee S7). Short ones are left out: they
/// are in words by chance.
pub fn secrets(db: &TestDb) -> Vec<String> {
    let mut all = db.texts("SELECT code AS v FROM coupons");
    all.extend(db.texts("SELECT email AS v FROM customers"));
    all.extend(db.texts("SELECT last_name AS v FROM customers"));
    all.extend(db.texts("SELECT email AS v FROM users"));
    all.retain(|secret| secret.len() >= 5);
    all.sort();
    all.dedup();
    all
}
