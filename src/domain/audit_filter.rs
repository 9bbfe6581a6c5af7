//! Which part of an audit log is asked for: who, about whom, what, which code, when; and the place
//! of a record in the order shown.

use chrono::{DateTime, Utc};

use super::{
    audit::Action,
    ids::{AuditId, CouponId, CustomerNo, UserId},
};

/// Who acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorFilter {
    User(UserId),
    Cli,
    System,
}

/// What a record must have; an empty filter lets everything through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuditFilter {
    pub who: Option<ActorFilter>,
    pub customer: Option<CustomerNo>,
    pub action: Option<Action>,
    /// Acts on the coupon, the reissue that it took part in and its mails, and the withdrawal that
    /// it went with.
    pub coupon: Option<CouponId>,
    /// From this instant on.
    pub from: Option<DateTime<Utc>>,
    /// Before this instant.
    pub until: Option<DateTime<Utc>>,
}

impl AuditFilter {
    /// Whether it lets everything through.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A record's place in the log's order: by time, then by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordPlace {
    pub at: DateTime<Utc>,
    pub id: AuditId,
}
