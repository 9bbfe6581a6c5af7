//! Tables of stock: counts, withdrawals, imports from the browser, findings and alerts. Kept in
//! step with migrations/ by hand.

diesel::table! {
    use diesel::sql_types::BigInt;
    use crate::db::instant::Instant;

    stock_by_window (merchant_id, batch_id, valid_from, expires_at) {
        merchant_id -> BigInt,
        batch_id -> BigInt,
        valid_from -> Instant,
        expires_at -> Instant,
        clean -> BigInt,
        barred -> BigInt,
        redeemed -> BigInt,
        allocated -> BigInt,
        replaced -> BigInt,
        withdrawn -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};

    stock_by_day (merchant_id, batch_id, day) {
        merchant_id -> BigInt,
        batch_id -> BigInt,
        day -> Text,
        clean -> BigInt,
        barred -> BigInt,
        redeemed -> BigInt,
        allocated -> BigInt,
        replaced -> BigInt,
        withdrawn -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::db::instant::Instant;

    stock_movements (id) {
        id -> BigInt,
        merchant_id -> BigInt,
        batch_id -> BigInt,
        coupon_to -> BigInt,
        valid_from -> Instant,
        expires_at -> Instant,
        day -> Text,
        clean -> BigInt,
        barred -> BigInt,
        redeemed -> BigInt,
        allocated -> BigInt,
        replaced -> BigInt,
        withdrawn -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::db::instant::Instant;

    withdrawals (id) {
        id -> BigInt,
        merchant_id -> BigInt,
        batch_id -> BigInt,
        coupon_to -> BigInt,
        user_id -> BigInt,
        reason -> Text,
        request_id -> Nullable<Text>,
        asked_at -> Instant,
        withdrawn -> BigInt,
        ended_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};
    use crate::db::instant::Instant;

    imports (id) {
        id -> BigInt,
        merchant_id -> BigInt,
        kind -> Text,
        batch_id -> Nullable<BigInt>,
        new_batch -> Nullable<Text>,
        user_id -> Nullable<BigInt>,
        request_id -> Nullable<Text>,
        state -> Text,
        file_name -> Text,
        bytes -> BigInt,
        progress_done -> BigInt,
        progress_total -> BigInt,
        cancel_asked -> Bool,
        lease_holder -> Nullable<Text>,
        lease_until -> Instant,
        preview -> Nullable<Text>,
        report -> Nullable<Text>,
        failure -> Nullable<Text>,
        created_at -> Instant,
        ended_at -> Nullable<Instant>,
        first_coupon -> Nullable<BigInt>,
        last_coupon -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Text};

    import_pieces (import_id, part, seq) {
        import_id -> BigInt,
        part -> Text,
        seq -> BigInt,
        bytes -> Binary,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::db::instant::Instant;

    redemption_findings (id) {
        id -> BigInt,
        merchant_id -> BigInt,
        kind -> Text,
        code -> Text,
        coupon_id -> Nullable<BigInt>,
        redeemed_at -> Instant,
        order_id -> Text,
        found_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::db::instant::Instant;

    repeated_redemptions (id) {
        id -> BigInt,
        merchant_id -> BigInt,
        coupon_id -> BigInt,
        first_id -> BigInt,
        redeemed_at -> Instant,
        order_id -> Text,
        created_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::db::instant::Instant;

    alert_choices (id) {
        id -> BigInt,
        merchant_id -> BigInt,
        user_id -> BigInt,
        mode -> Text,
        digested_to -> BigInt,
        digest_due_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::db::instant::Instant;

    stock_alerts (id) {
        id -> BigInt,
        merchant_id -> BigInt,
        batch_id -> BigInt,
        kind -> Text,
        codes_left -> BigInt,
        raised_at -> Instant,
        cleared_at -> Nullable<Instant>,
    }
}
