//! What can be imported, and the columns of each.

use crate::domain::audit::Action;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    Customers,
    Vouchers,
    Rewards,
    Redemptions,
    /// Codes to bar; from the browser only.
    Bars,
    /// People to purge; at the command line only.
    Purges,
}

/// A column that a file may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub required: bool,
}

/// Whether the column of that name holds words for people. In these, quotes are somebody's, and a
/// word such as Null may be a name.
pub fn holds_words(name: &str) -> bool {
    matches!(
        name,
        "first_name" | "last_name" | "title" | "batch" | "barred_reason" | "reason" | "locale"
    )
}

/// Whether the column of that name holds references: codes and numbers that must survive a
/// spreadsheet.
pub fn holds_references(name: &str) -> bool {
    matches!(name, "code" | "pin" | "customer_id" | "reward_id" | "order_id")
}

const fn must(name: &'static str) -> Column {
    Column { name, required: true }
}

const fn may(name: &'static str) -> Column {
    Column { name, required: false }
}

impl FileKind {
    /// The word on the command line and in sentences.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Vouchers => "vouchers",
            Self::Rewards => "rewards",
            Self::Redemptions => "redemptions",
            Self::Bars => "bars",
            Self::Purges => "purges",
        }
    }

    pub fn columns(self) -> &'static [Column] {
        match self {
            Self::Customers => {
                const {
                    &[
                        must("email"),
                        may("customer_id"),
                        may("first_name"),
                        may("last_name"),
                        may("locale"),
                        may("receives_emails"),
                    ]
                }
            }
            Self::Vouchers => {
                const {
                    &[
                        must("code"),
                        may("pin"),
                        may("valid_from"),
                        may("expires_at"),
                        may("max_redemptions"),
                        may("redemptions"),
                        may("barred_reason"),
                    ]
                }
            }
            Self::Rewards => {
                const {
                    &[
                        must("reward_id"),
                        must("email"),
                        must("kind"),
                        must("title"),
                        must("fulfilment"),
                        may("batch"),
                        may("code"),
                        may("issued_at"),
                    ]
                }
            }
            Self::Redemptions => const { &[must("code"), must("redeemed_at"), may("order_id")] },
            Self::Bars => const { &[must("code"), must("reason")] },
            // One of them, which each row is asked for.
            Self::Purges => const { &[may("email"), may("customer_id")] },
        }
    }

    /// What the audit log calls an import of this kind.
    pub fn action(self) -> Action {
        match self {
            Self::Customers => Action::CustomersImported,
            Self::Vouchers => Action::VouchersImported,
            Self::Rewards => Action::RewardsImported,
            Self::Redemptions => Action::RedemptionsImported,
            Self::Bars => Action::BarsImported,
            Self::Purges => Action::CustomersPurged,
        }
    }
}
