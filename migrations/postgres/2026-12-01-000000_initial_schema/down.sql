-- Twin of migrations/sqlite/<same name>. The extension stays: others may use it.
DROP TABLE seal_marks;
DROP TABLE audit_seals;
DROP TABLE audit_records;
DROP TABLE import_leases;
DROP TABLE import_pieces;
DROP TABLE imports;
DROP TABLE mails;
DROP TABLE alert_choices;
DROP TABLE stock_alerts;
DROP TABLE stock_marks;
DROP TABLE stock_movements;
DROP TABLE stock_by_day;
DROP TABLE stock_by_window;
DROP TABLE withdrawals;
DROP TABLE redemption_findings;
DROP TABLE repeated_redemptions;
DROP TABLE redemptions;
DROP TABLE reissues;
DROP TABLE coupons;
DROP TABLE rewards;
DROP TABLE batches;
DROP TABLE customer_keys;
DROP TABLE customer_stretch_changes;
DROP TABLE customer_stretches;
DROP TABLE customers;
DROP TABLE identities;
DROP TABLE passkeys;
DROP TABLE recovery_codes;
DROP TABLE account_links;
DROP TABLE half_sign_ins;
DROP TABLE sessions;
DROP TABLE memberships;
DROP TABLE users;
DROP TABLE merchants;
DROP FUNCTION
    refuse,
    customers_note_added,
    customers_note_changed,
    customers_note_old_keys,
    coupons_go_to_rewards_of_their_batch,
    coupons_are_kept,
    coupons_move_stock,
    batches_count_what_they_publish,
    reissues_match_their_coupons,
    audit_seals_are_gapless;
