//! The audit log's words: which actions there are, who acts, and what a record holds. A record
//! never holds a person: names, addresses and the customer_id are looked up when the log is shown.

use chrono::{DateTime, Utc};

use super::ids::{AuditId, BatchId, CustomerNo, MerchantId, ReissueId, RewardNo, UserId};

macro_rules! actions {
    ($($name:ident = $text:literal),+ $(,)?) => {
        /// Everything that leaves a record.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action { $($name),+ }

        impl Action {
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// As in the database and in exports.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

actions! {
    CouponReissued = "coupon.reissued",
    CouponBarred = "coupon.barred",
    CouponUnbarred = "coupon.unbarred",
    CouponMarkedUsed = "coupon.marked_used",
    CustomerBlocked = "customer.blocked",
    CustomerUnblocked = "customer.unblocked",
    EmailsChosen = "customer.emails_chosen",
    CustomerPurged = "customer.purged",
    EmailSent = "email.sent",
    EmailFailed = "email.failed",
    EmailResent = "email.resent",
    MailReleased = "mail.released",
    BackupBegun = "backup.begun",
    MerchantAdded = "merchant.added",
    UserAdded = "user.added",
    RoleAdded = "role.added",
    UserInvited = "user.invited",
    RoleChanged = "role.changed",
    RoleRemoved = "role.removed",
    UserDisabled = "user.disabled",
    UserEnabled = "user.enabled",
    UserUnlocked = "user.unlocked",
    SessionsEnded = "user.sessions_ended",
    PasswordChosen = "user.password_chosen",
    PasswordForgotten = "user.password_forgotten",
    PasswordChanged = "user.password_changed",
    AppAdded = "factor.app_added",
    AppRemoved = "factor.app_removed",
    PasskeyAdded = "factor.passkey_added",
    PasskeyRemoved = "factor.passkey_removed",
    RecoveryCodesMade = "factor.recovery_codes_made",
    RecoveryCodeUsed = "factor.recovery_code_used",
    FactorFailed = "factor.failed",
    IdentityLinked = "identity.linked",
    IdentityUnlinked = "identity.unlinked",
    IdentityAccepted = "session.identity_accepted",
    FactorsReset = "user.factors_reset",
    BatchAdded = "batch.added",
    BatchValidityAdjusted = "batch.validity_adjusted",
    BatchThresholdsSet = "batch.lines_drawn",
    SettingsChanged = "merchant.settings_changed",
    AlertRulesSet = "merchant.stock_rules_drawn",
    AlertsChosen = "user.alerts_chosen",
    CodesExported = "batch.codes_exported",
    VouchersWithdrawn = "vouchers.withdrawn",
    CustomersImported = "customers.imported",
    CustomersPurged = "customers.purged",
    VouchersImported = "vouchers.imported",
    RewardsImported = "rewards.imported",
    RedemptionsImported = "redemptions.imported",
    BarsImported = "bars.imported",
    SignedIn = "session.signed_in",
    SignInFailed = "session.sign_in_failed",
    SignedOut = "session.signed_out",
    PasswordAccepted = "session.password_accepted",
    Confirmed = "session.confirmed",
    ConfirmFailed = "session.confirm_failed",
    AuditExported = "audit.exported",
}

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    User(UserId),
    /// Somebody at the command line of the machine.
    Cli,
    /// The desk itself, such as its mail worker.
    System,
}

/// A value in a record's details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detail {
    Text(String),
    Number(i64),
    Flag(bool),
}

impl From<&str> for Detail {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Detail {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Detail {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Detail {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

/// A record about to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// `None`: the installation's own log.
    pub merchant: Option<MerchantId>,
    pub action: Action,
    pub actor: Actor,
    pub customer: Option<CustomerNo>,
    pub reward: Option<RewardNo>,
    pub batch: Option<BatchId>,
    pub reissue: Option<ReissueId>,
    pub details: Vec<(&'static str, Detail)>,
    pub request_id: Option<String>,
}

impl NewRecord {
    /// A record of `action` by `actor` in `merchant`'s log, with nothing else known yet.
    pub fn new(merchant: Option<MerchantId>, action: Action, actor: Actor) -> Self {
        Self {
            merchant,
            action,
            actor,
            customer: None,
            reward: None,
            batch: None,
            reissue: None,
            details: Vec::new(),
            request_id: None,
        }
    }

    /// With one more detail.
    #[must_use]
    pub fn detail(mut self, key: &'static str, value: impl Into<Detail>) -> Self {
        self.details.push((key, value.into()));
        self
    }
}

/// A record as it is shown: the people in it looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    pub id: AuditId,
    pub at: DateTime<Utc>,
    /// As stored; a newer version may know more actions than this one.
    pub action: String,
    pub actor: ShownActor,
    pub customer: Option<CustomerNo>,
    pub customer_name: Option<String>,
    pub reward: Option<RewardNo>,
    pub reissue: Option<ReissueId>,
    pub details: Vec<(String, Detail)>,
    pub request_id: Option<String>,
}

impl AuditRecord {
    /// The detail's text, if it is there and is a text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.details.iter().find_map(|(k, v)| match v {
            Detail::Text(text) if k == key => Some(text.as_str()),
            _ => None,
        })
    }

    /// The detail's number, if it is there and is one.
    pub fn number(&self, key: &str) -> Option<i64> {
        self.details.iter().find_map(|(k, v)| match v {
            Detail::Number(number) if k == key => Some(*number),
            _ => None,
        })
    }
}

/// Who acted, as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShownActor {
    User { id: UserId, name: String, email: String },
    Cli,
    System,
}
