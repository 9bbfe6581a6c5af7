//! Imports: the kinds of them with the rules of each, and where one from the browser is: received,
//! checked, shown, and only then done.

use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::{
    Invalid,
    audit::Action,
    batch::PlannedBatch,
    ids::{BatchId, CouponId, ImportId, MerchantId, UserId},
    role::Permission,
};

/// Where an import is. The last three are its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportState {
    /// Its file is still arriving.
    Receiving,
    Checking,
    /// Waits for somebody's word.
    Checked,
    Importing,
    Done,
    Failed,
    Cancelled,
}

impl ImportState {
    pub const ALL: [Self; 7] = [
        Self::Receiving,
        Self::Checking,
        Self::Checked,
        Self::Importing,
        Self::Done,
        Self::Failed,
        Self::Cancelled,
    ];

    /// As in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::Checking => "checking",
            Self::Checked => "checked",
            Self::Importing => "importing",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn has_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }

    /// A worker is at it, or will be.
    pub fn is_at_work(self) -> bool {
        matches!(self, Self::Checking | Self::Importing)
    }
}

impl FromStr for ImportState {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| Invalid::because(format!("{text:?} is no state of an import")))
    }
}

/// What can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportKind {
    Customers,
    Vouchers,
    Rewards,
    Redemptions,
    /// Codes to bar.
    Bars,
    /// People to purge.
    Purges,
}

/// All that differs between the kinds, but for what their rows mean.
#[derive(Debug)]
pub struct KindRules {
    /// The word in the database, on the command line and in sentences.
    pub name: &'static str,
    /// The columns of its files; the first is the row's key.
    pub columns: &'static [Column],
    /// Its rows go into a batch, which must be named.
    pub needs_batch: bool,
    /// On SQLite its rows are written slice by slice, else in one transaction.
    pub in_slices: bool,
    /// What allows somebody to send one in the browser, and to confirm it.
    pub permission: Permission,
    pub origin: Origin,
    /// What the command's help adds to the name.
    pub help: Option<&'static str>,
    /// What the audit log calls it.
    pub action: Action,
}

/// Where an import may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Browser,
    Command,
    Anywhere,
}

impl Origin {
    pub fn is_browser(self) -> bool {
        self != Self::Command
    }

    pub fn is_command(self) -> bool {
        self != Self::Browser
    }
}

/// A column that a file may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub required: bool,
    pub holds: Holds,
}

/// What a column's cells hold: it decides what counts as damage in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Words for people. In these, quotes are somebody's, and a word such as Null may be a name.
    Words,
    /// Codes and numbers that must survive a spreadsheet.
    References,
    /// Dates, counts, addresses, words from a fixed list.
    Values,
}

const fn column(name: &'static str, holds: Holds) -> Column {
    Column { name, required: false, holds }
}

const fn required(column: Column) -> Column {
    Column { required: true, ..column }
}

static CUSTOMERS: KindRules = KindRules {
    name: "customers",
    columns: &[
        required(column("email", Holds::Values)),
        column("customer_id", Holds::References),
        column("first_name", Holds::Words),
        column("last_name", Holds::Words),
        column("locale", Holds::Words),
        column("receives_emails", Holds::Values),
    ],
    needs_batch: false,
    in_slices: false,
    permission: Permission::ManageBatches,
    origin: Origin::Command,
    help: None,
    action: Action::CustomersImported,
};

static VOUCHERS: KindRules = KindRules {
    name: "vouchers",
    columns: &[
        required(column("code", Holds::References)),
        column("pin", Holds::References),
        column("valid_from", Holds::Values),
        column("expires_at", Holds::Values),
        column("max_redemptions", Holds::Values),
        column("redemptions", Holds::Values),
        column("barred_reason", Holds::Words),
    ],
    needs_batch: true,
    in_slices: true,
    permission: Permission::ManageBatches,
    origin: Origin::Anywhere,
    help: None,
    action: Action::VouchersImported,
};

static REWARDS: KindRules = KindRules {
    name: "rewards",
    columns: &[
        required(column("reward_id", Holds::References)),
        required(column("email", Holds::Values)),
        required(column("kind", Holds::Values)),
        required(column("title", Holds::Words)),
        required(column("fulfilment", Holds::Values)),
        column("batch", Holds::Words),
        column("code", Holds::References),
        column("issued_at", Holds::Values),
    ],
    needs_batch: false,
    in_slices: false,
    permission: Permission::ManageBatches,
    origin: Origin::Command,
    help: None,
    action: Action::RewardsImported,
};

static REDEMPTIONS: KindRules = KindRules {
    name: "redemptions",
    columns: &[
        required(column("code", Holds::References)),
        required(column("redeemed_at", Holds::Values)),
        column("order_id", Holds::References),
    ],
    needs_batch: false,
    in_slices: false,
    permission: Permission::ManageBatches,
    origin: Origin::Anywhere,
    help: None,
    action: Action::RedemptionsImported,
};

static BARS: KindRules = KindRules {
    name: "bars",
    columns: &[
        required(column("code", Holds::References)),
        required(column("reason", Holds::Words)),
    ],
    needs_batch: false,
    in_slices: false,
    permission: Permission::ManageBatches,
    origin: Origin::Browser,
    help: None,
    action: Action::BarsImported,
};

static PURGES: KindRules = KindRules {
    name: "purges",
    // One of them, which each row is asked for.
    columns: &[column("email", Holds::Values), column("customer_id", Holds::References)],
    needs_batch: false,
    in_slices: false,
    permission: Permission::PurgeCustomers,
    origin: Origin::Command,
    help: Some("People to purge, by email or customer_id; it can't be undone"),
    action: Action::CustomersPurged,
};

impl ImportKind {
    pub const ALL: [Self; 6] = [
        Self::Customers,
        Self::Vouchers,
        Self::Rewards,
        Self::Redemptions,
        Self::Bars,
        Self::Purges,
    ];

    pub fn rules(self) -> &'static KindRules {
        match self {
            Self::Customers => &CUSTOMERS,
            Self::Vouchers => &VOUCHERS,
            Self::Rewards => &REWARDS,
            Self::Redemptions => &REDEMPTIONS,
            Self::Bars => &BARS,
            Self::Purges => &PURGES,
        }
    }

    /// The word in the database, on the command line and in sentences.
    pub fn as_str(self) -> &'static str {
        self.rules().name
    }
}

impl FromStr for ImportKind {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| Invalid::because(format!("{text:?} is no kind of import")))
    }
}

/// Who sent an import; once it is confirmed, who confirmed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    User {
        id: UserId,
        name: String,
    },
    /// Somebody at the server's command line.
    Operator,
}

/// The coupons that an import added: those of its merchant with ids from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CouponRange {
    pub first: CouponId,
    pub last: CouponId,
}

/// The longest file name that is kept, in characters.
const MAX_FILE_NAME_CHARS: usize = 120;

/// A file's name as it is kept and shown, without the folders before it.
pub fn file_name(path: &str) -> String {
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).take(MAX_FILE_NAME_CHARS).collect();
    name.trim().to_owned()
}

/// An import as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    pub id: ImportId,
    pub merchant: MerchantId,
    pub kind: ImportKind,
    /// The batch that vouchers go into, with its name.
    pub batch: Option<(BatchId, String)>,
    /// The batch that is made when the import is confirmed.
    pub new_batch: Option<PlannedBatch>,
    pub sender: Sender,
    pub request_id: Option<String>,
    pub state: ImportState,
    /// As the browser or the command called it; empty for pasted lines, and for what a command
    /// read from its input.
    pub file_name: String,
    pub bytes: i64,
    /// How far the work at hand is, of how much.
    pub progress: (i64, i64),
    pub cancel_asked: bool,
    /// What the check found, and what the import brought, as the code that wrote it reads it.
    pub preview: Option<String>,
    pub report: Option<String>,
    /// What happened and what to do, when it failed.
    pub failure: Option<String>,
    pub created_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

impl Import {
    /// What it is to be called: its batch, whether that is there yet or not.
    pub fn batch_name(&self) -> &str {
        match (&self.batch, &self.new_batch) {
            (Some((_, name)), _) => name,
            (None, Some(planned)) => &planned.name,
            (None, None) => "",
        }
    }
}
