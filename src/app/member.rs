//! Who is at work in which merchant: what a use case knows about its caller.

use crate::{
    db::Scope,
    domain::{ids::UserId, merchant::Merchant, role::Role},
};

/// A signed-in user in one merchant.
#[derive(Debug, Clone)]
pub struct Member {
    pub user: UserId,
    pub user_name: String,
    pub user_email: String,
    pub scope: Scope,
    pub merchant: Merchant,
    pub role: Role,
    /// Of the request at hand; goes into audit records.
    pub request_id: String,
}
