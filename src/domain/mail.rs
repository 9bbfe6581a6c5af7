//! A mail in the outbox: what was asked for, and what became of it.

use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::{
    Invalid,
    ids::{CustomerNo, MailId, MerchantId, ReissueId, RewardNo},
};

/// Why a mail exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailOrigin {
    /// The box was ticked when a coupon was reissued.
    Reissue,
    /// Somebody asked for the mail again.
    Resend,
}

impl MailOrigin {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reissue => "reissue",
            Self::Resend => "resend",
        }
    }
}

impl FromStr for MailOrigin {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        [Self::Reissue, Self::Resend]
            .into_iter()
            .find(|o| o.as_str() == text)
            .ok_or_else(|| Invalid::because("this is not a mail's origin"))
    }
}

/// Why a mail exists that goes to no customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// A threshold of the stock was crossed.
    Alert,
    /// A day's alerts together.
    Digest,
    /// About the user's own account; its link is a secret.
    Account,
    /// The heads of the audit logs, to an address outside the desk.
    Heads,
}

impl Notice {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Digest => "digest",
            Self::Account => "account",
            Self::Heads => "heads",
        }
    }
}

/// What became of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailState {
    Queued,
    Sent,
    Failed,
    Cancelled,
}

impl MailState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl FromStr for MailState {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        [Self::Queued, Self::Sent, Self::Failed, Self::Cancelled]
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or_else(|| Invalid::because("this is not a mail's state"))
    }
}

/// A mail as rows and lists show it; its content is read only when it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailSummary {
    pub id: MailId,
    pub reward: RewardNo,
    pub reissue: Option<ReissueId>,
    pub origin: MailOrigin,
    pub recipient: String,
    pub subject: String,
    pub state: MailState,
    pub attempts: i64,
    pub next_attempt_at: DateTime<Utc>,
    pub last_error: Option<String>,
    pub queued_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub asked_by: Option<String>,
}

/// A rendered mail: everything is fixed when it is queued (guarantee R9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub message_id: String,
    /// `Name <addr>` or `addr`.
    pub sender: String,
    pub recipient: String,
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// A letter that a worker has claimed and is about to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedMail {
    pub id: MailId,
    pub merchant: MerchantId,
    /// Whom and what it is about; nothing where it goes to a user.
    pub customer: Option<CustomerNo>,
    pub reward: Option<RewardNo>,
    pub reissue: Option<ReissueId>,
    pub attempts: i64,
    pub queued_at: DateTime<Utc>,
    pub letter: Letter,
}
