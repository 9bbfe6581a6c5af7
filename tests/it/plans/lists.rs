//! What the plans are judged by: the tables that grow, what tells few of their rows from the rest,
//! and every exception with its reason.

use crate::support::Engine;

/// Tables that grow with customers, rewards, codes, mails and time.
pub const LARGE: &[&str] = &[
    "customers",
    "customer_keys",
    "rewards",
    "coupons",
    "redemptions",
    "redemption_findings",
    "reissues",
    "mails",
    "audit_records",
    "audit_seals",
    "sessions",
    "stock_by_window",
    "stock_by_day",
    "imports",
    "stock_alerts",
];

/// Indexes of which no more is read than what waits for somebody, or is to be removed: short for as
/// long as the work gets done.
pub const QUEUES: &[&str] = &[
    "mails_unsent",
    "imports_at_work",
    "imports_open",
    "imports_unfinished",
    "sessions_by_age",
    "stock_alerts_open",
    "customers_with_old_keys",
];

/// Whether few rows of the table have the same value in this column.
pub fn is_narrow(table: &str, column: &str) -> bool {
    let columns: &[&str] = match table {
        "customers" => &["email", "customer_id", "id_key", "search"],
        "customer_keys" => &["customer"],
        "rewards" => &["reward_id", "customer"],
        "coupons" => &["code", "folded_code", "reward"],
        "redemptions" => &["coupon_id"],
        "redemption_findings" => &["code", "coupon_id"],
        "reissues" => &["customer", "reward", "old_coupon_id", "new_coupon_id", "token_hash"],
        "mails" => &["customer", "reward", "coupon_id", "reissue_id", "message_id", "user_id"],
        "audit_records" => &["customer", "reissue_id", "<expr>"],
        "audit_seals" => &["record_id", "no"],
        "sessions" => &["token_hash", "user_id"],
        "stock_by_window" | "stock_by_day" | "stock_alerts" => &["batch_id"],
        _ => &[],
    };
    column == "id" || column == "rowid" || columns.contains(&column)
}

/// Whether a range of the table's rows between two values of this column is what somebody asked
/// for: a beginning of a name, some days, some numbers.
pub fn is_id_range(table: &str, column: &str) -> bool {
    let columns: &[&str] = match table {
        "customers" => &["id", "email", "first_key", "last_key", "id_key"],
        "audit_records" => &["at"],
        _ => &[],
    };
    columns.contains(&column)
}

/// Routes that are answered before the database is asked, if it is asked at all.
pub const LOOKS: &[&str] =
    &["GET /healthz", "GET /assets/{name}", "GET /forgotten", "POST /forgotten"];

const DEVICE: &str = "needs a device that makes passkeys: browser::factors does it; its \
    statements are in the step \"passkeys\"";

/// Routes that no test over HTTP can bring to an end, and why.
pub const UNSEEN: &[(&str, &str)] = &[
    ("GET /assets/{name}", "files of the program"),
    ("POST /sign-in/factor/options", DEVICE),
    ("POST /sign-in/passkey", DEVICE),
    ("POST /sign-in/passkey/options", DEVICE),
    ("POST /confirm/options", DEVICE),
    ("POST /account/passkeys/options", DEVICE),
    ("POST /account/passkeys", DEVICE),
    ("POST /account/passkeys/{id}/removal", DEVICE),
];

/// The steps in which workers do by hand, alone, what they do by themselves beside everything else.
pub const WORKERS: &[&str] = &[
    "mail worker",
    "mail held",
    "sealer",
    "stock keeper",
    "heads by mail",
    "import worker",
    "probes",
];

/// What reads everything, and may: during these alone.
pub const MAY_WALK: &[(&str, &str)] = &[
    ("rewarddesk check", "proves the invariants on all data"),
    ("rewarddesk audit verify", "proves every record"),
];

/// Statements that may walk: a part of their text, on which database (`None`: both), and why.
pub const EXCUSED: &[(&str, Option<Engine>, &str)] = &[
    (
        "(1=0)",
        Some(Engine::Sqlite),
        "asks for nothing, since a list was empty, and stops before the first row",
    ),
    (
        "INSERT INTO stock_movements",
        None,
        "adds up the codes that an import has brought, all of them",
    ),
    (
        "SELECT count(*) AS n FROM audit_records r",
        None,
        "says how many records an export holds, which reads them all",
    ),
    (
        "merchant_id` IS NULL) AND (",
        Some(Engine::Sqlite),
        "as many records as there were releases of held mail",
    ),
    (
        "coupons.id > batches.published_to",
        Some(Engine::Postgres),
        "what an import that was killed has left, above what is published",
    ),
    (
        "FROM customers WHERE octet_length(email)",
        None,
        "doctor reads all addresses, to name those that are one mailbox's",
    ),
    ("'vouchers.withdrawn'", Some(Engine::Postgres), "as many records as there were withdrawals"),
];

/// Indexes that stay even where no plan gets worse without them: they are rules.
pub const RULES: &[(&str, &str)] = &[
    ("audit_records_one_per_reissue", "one record a reissue"),
    ("coupons_current_of_reward", "one current coupon a reward"),
    ("mails_one_per_reissue", "one mail a reissue"),
    ("mails_message_id_key", "stable Message-IDs"),
    ("sqlite_autoindex_mails_1", "stable Message-IDs"),
    ("reissues_merchant_id_token_hash_key", "a form is answered once"),
    ("sqlite_autoindex_reissues_4", "a form is answered once"),
    ("redemptions_one_per_order", "an order is one use of a coupon"),
    ("redemption_findings_one_per_order", "an order is one finding of a code"),
    ("redemption_findings_one_per_coupon_and_order", "an order is one finding of a coupon"),
    ("redemption_findings_merchant_id_code_redeemed_at_order_id_key", "a finding is told once"),
    ("sqlite_autoindex_redemption_findings_1", "a finding is told once"),
];
