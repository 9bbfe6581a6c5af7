//! The tables as diesel sees them, kept by hand for two engines at once; a test compares it with
//! both databases.

mod people;
mod stock;

pub use people::{
    account_links, half_sign_ins, identities, memberships, passkeys, recovery_codes, sessions,
    users,
};
pub use stock::{
    alert_choices, import_pieces, imports, redemption_findings, repeated_redemptions, stock_alerts,
    stock_by_day, stock_by_window, stock_movements, withdrawals,
};

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};
    use crate::db::instant::Instant;

    merchants (id) {
        id -> BigInt,
        slug -> Text,
        name -> Text,
        timezone -> Text,
        ticket_url -> Nullable<Text>,
        account_manager_name -> Nullable<Text>,
        account_manager_email -> Nullable<Text>,
        mail_from -> Nullable<Text>,
        created_at -> Instant,
        stock_threshold -> BigInt,
        least_days -> BigInt,
        requires_second_factor -> Bool,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text, Bool};
    use crate::db::instant::Instant;

    customers (id) {
        id -> BigInt,
        merchant_id -> BigInt,
        email -> Nullable<Text>,
        customer_id -> Nullable<Text>,
        first_name -> Nullable<Text>,
        last_name -> Nullable<Text>,
        locale -> Nullable<Text>,
        receives_emails -> Bool,
        blocked_at -> Nullable<Instant>,
        blocked_by -> Nullable<BigInt>,
        blocked_reason -> Nullable<Text>,
        purged_at -> Nullable<Instant>,
        search -> Text,
        first_key -> Text,
        last_key -> Text,
        id_key -> Text,
        created_at -> Instant,
        purged_by -> Nullable<BigInt>,
        keys_version -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};

    customer_keys (id) {
        id -> BigInt,
        merchant_id -> BigInt,
        customer -> BigInt,
        wrapped_key -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};
    use crate::db::instant::Instant;

    batches (id) {
        id -> BigInt,
        merchant_id -> BigInt,
        name -> Text,
        valid_from -> Instant,
        valid_until -> Instant,
        uses_per_code -> BigInt,
        case_sensitive -> Bool,
        published_to -> BigInt,
        imported -> BigInt,
        created_at -> Instant,
        stock_threshold -> Nullable<BigInt>,
        reserve -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text, Nullable};
    use crate::db::instant::Instant;

    rewards (id) {
        id -> BigInt,
        merchant_id -> BigInt,
        customer -> BigInt,
        reward_id -> Text,
        kind -> Text,
        title -> Text,
        fulfilment -> Text,
        batch_id -> Nullable<BigInt>,
        issued_at -> Instant,
        created_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text, Nullable};
    use crate::db::instant::Instant;

    coupons (id) {
        id -> BigInt,
        merchant_id -> BigInt,
        batch_id -> BigInt,
        code -> Text,
        folded_code -> Nullable<Text>,
        pin -> Nullable<Text>,
        valid_from -> Instant,
        expires_at -> Instant,
        max_redemptions -> BigInt,
        redemptions -> BigInt,
        barred_at -> Nullable<Instant>,
        barred_by -> Nullable<BigInt>,
        barred_reason -> Nullable<Text>,
        state -> Text,
        reward -> Nullable<BigInt>,
        created_at -> Instant,
        changed_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::db::instant::Instant;

    redemptions (id) {
        id -> BigInt,
        merchant_id -> BigInt,
        coupon_id -> BigInt,
        redeemed_at -> Instant,
        order_id -> Text,
        created_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text, Bool};
    use crate::db::instant::Instant;

    reissues (id) {
        id -> BigInt,
        merchant_id -> BigInt,
        customer -> BigInt,
        reward -> BigInt,
        batch_id -> BigInt,
        old_coupon_id -> BigInt,
        new_coupon_id -> BigInt,
        user_id -> BigInt,
        actor_role -> Text,
        at -> Instant,
        email_requested -> Bool,
        token_hash -> Text,
        old_expires_at -> Instant,
        old_barred -> Bool,
        old_redemptions -> BigInt,
        old_max_redemptions -> BigInt,
        new_valid_from -> Instant,
        new_expires_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::db::instant::Instant;

    mails (id) {
        id -> BigInt,
        merchant_id -> BigInt,
        customer -> Nullable<BigInt>,
        reward -> Nullable<BigInt>,
        coupon_id -> Nullable<BigInt>,
        reissue_id -> Nullable<BigInt>,
        origin -> Text,
        asked_by -> Nullable<BigInt>,
        message_id -> Text,
        sender -> Text,
        recipient -> Text,
        subject -> Text,
        text_body -> Text,
        html_body -> Text,
        state -> Text,
        attempts -> BigInt,
        next_attempt_at -> Instant,
        lease_holder -> Nullable<Text>,
        last_error -> Nullable<Text>,
        queued_at -> Instant,
        ended_at -> Nullable<Instant>,
        user_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::db::instant::Instant;

    audit_records (id) {
        id -> BigInt,
        merchant_id -> Nullable<BigInt>,
        at -> Instant,
        action -> Text,
        actor_kind -> Text,
        user_id -> Nullable<BigInt>,
        customer -> Nullable<BigInt>,
        reward -> Nullable<BigInt>,
        batch_id -> Nullable<BigInt>,
        reissue_id -> Nullable<BigInt>,
        details -> Text,
        request_id -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::db::instant::Instant;

    audit_seals (record_id) {
        record_id -> BigInt,
        chain -> BigInt,
        no -> BigInt,
        digest -> Text,
        at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::BigInt;

    seal_marks (id) {
        id -> BigInt,
        sealed_to -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::BigInt;

    stock_marks (id) {
        id -> BigInt,
        settled_to -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::db::instant::Instant;

    import_leases (merchant_id) {
        merchant_id -> BigInt,
        holder -> Text,
        expires_at -> Instant,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    merchants,
    users,
    identities,
    memberships,
    sessions,
    customers,
    batches,
    rewards,
    customer_keys,
    coupons,
    redemptions,
    reissues,
    mails,
    audit_records,
    audit_seals,
    seal_marks,
    stock_marks,
    import_leases,
    stock_by_window,
    stock_by_day,
    stock_movements,
    withdrawals,
    imports,
    import_pieces,
    redemption_findings,
    repeated_redemptions,
    alert_choices,
    stock_alerts,
    account_links,
    half_sign_ins,
    recovery_codes,
    passkeys
);
