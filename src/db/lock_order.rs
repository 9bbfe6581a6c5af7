//! The one order in which every write transaction locks rows on `PostgreSQL`, so that no two wait
//! for each other in a circle.
//!
//! A transaction locks rows of an earlier table before it locks, changes or deletes rows of a later
//! one. Within one table it locks them by ascending id, in one statement where it can. It may add
//! rows at any time: nobody else can see them yet, and the keys that they point to are only kept
//! from being deleted. A statement that locks rows of two tables names them in this order, too:
//! `FOR SHARE` locks a joined row table by table, in the order of `FROM`.
//!
//! What is only taken where it is free (`SKIP LOCKED`) waits for nobody and may come at any time.
//! An import locks what its rows name, some at a time: where it meets somebody all the same, it is
//! begun again, as every transaction is that PostgreSQL undoes.
//!
//! A test reads the statements of every transaction of the desk and refuses another order
//! (`tests/it/plans`).

/// From first to last. Users come first: every act of a person depends on who they are, and a
/// change of their role waits for it. A table that is not in here is the only one of its kind that
/// a transaction locks, and comes last.
pub const LOCK_ORDER: [&str; 12] = [
    "users",
    "memberships",
    "merchants",
    "imports",
    "withdrawals",
    "rewards",
    "batches",
    "customers",
    "coupons",
    "mails",
    "customer_keys",
    "sessions",
];

/// What one user has, beside the session. A transaction that locks rows of more than one of these
/// has locked the user's row first, and needs no order among them.
pub const OF_ONE_USER: [&str; 6] =
    ["sessions", "half_sign_ins", "account_links", "identities", "passkeys", "recovery_codes"];
