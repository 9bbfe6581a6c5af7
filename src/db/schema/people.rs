//! Tables of the people who sign in: users, their roles and sessions, second factors and links.
//! Kept in step with migrations/ by hand.

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::db::instant::Instant;

    users (id) {
        id -> BigInt,
        email -> Text,
        name -> Text,
        password_hash -> Text,
        disabled_at -> Nullable<Instant>,
        created_at -> Instant,
        last_seen_at -> Nullable<Instant>,
        unlocked_at -> Nullable<Instant>,
        password_changed_at -> Nullable<Instant>,
        totp_secret -> Nullable<Text>,
        totp_added_at -> Nullable<Instant>,
        totp_step -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::db::instant::Instant;

    memberships (id) {
        id -> BigInt,
        merchant_id -> BigInt,
        user_id -> BigInt,
        role -> Text,
        offered_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::db::instant::Instant;

    sessions (id) {
        id -> BigInt,
        token_hash -> Text,
        user_id -> BigInt,
        created_at -> Instant,
        last_used_at -> Instant,
        confirmed_at -> Nullable<Instant>,
        agent -> Text,
        address -> Text,
        challenge -> Nullable<Text>,
        pending_link -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::db::instant::Instant;

    account_links (id) {
        id -> BigInt,
        token_hash -> Text,
        purpose -> Text,
        user_id -> Nullable<BigInt>,
        created_at -> Instant,
        expires_at -> Instant,
        used_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::db::instant::Instant;

    half_sign_ins (id) {
        id -> BigInt,
        token_hash -> Text,
        user_id -> BigInt,
        created_at -> Instant,
        failures -> BigInt,
        challenge -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::db::instant::Instant;

    recovery_codes (id) {
        id -> BigInt,
        user_id -> BigInt,
        code_hash -> Text,
        used_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::db::instant::Instant;

    passkeys (id) {
        id -> BigInt,
        user_id -> BigInt,
        credential_id -> Text,
        name -> Text,
        credential -> Text,
        created_at -> Instant,
        last_used_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::db::instant::Instant;

    identities (id) {
        id -> BigInt,
        user_id -> BigInt,
        issuer -> Text,
        subject -> Text,
        linked_at -> Instant,
        last_used_at -> Nullable<Instant>,
    }
}
