//! The right to touch one merchant's rows, as a type: every query on a merchant's data asks for
//! one. Made only where a membership was read, or for the operator at the command line and the desk
//! itself.

use crate::domain::ids::MerchantId;

/// Rows of this merchant and no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope(MerchantId);

impl Scope {
    pub(in crate::db) fn of(merchant: MerchantId) -> Self {
        Self(merchant)
    }

    pub fn merchant(self) -> MerchantId {
        self.0
    }
}
