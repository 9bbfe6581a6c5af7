//! An import from the browser: received, checked, shown, and only then done.

use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::{
    Invalid,
    batch::PlannedBatch,
    ids::{BatchId, ImportId, MerchantId, UserId},
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

/// What can be imported from the browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportKind {
    Vouchers,
    Redemptions,
    /// Codes to bar.
    Bars,
}

impl ImportKind {
    /// What this version knows: another one's imports are left to it.
    pub const ALL: [Self; 3] = [Self::Vouchers, Self::Redemptions, Self::Bars];

    /// As in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vouchers => "vouchers",
            Self::Redemptions => "redemptions",
            Self::Bars => "bars",
        }
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

/// An import as it stands in the book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    pub id: ImportId,
    pub merchant: MerchantId,
    pub kind: ImportKind,
    /// The batch that vouchers go into, with its name.
    pub batch: Option<(BatchId, String)>,
    /// The batch that is made when the import is confirmed.
    pub new_batch: Option<PlannedBatch>,
    /// Who sent the file; once it is confirmed, who said so.
    pub user: UserId,
    pub user_name: String,
    pub request_id: Option<String>,
    pub state: ImportState,
    /// As the browser called it; empty for pasted lines.
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
