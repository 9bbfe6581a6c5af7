//! Who may do what: the four roles of a merchant and the table of permissions (product.md section 3).
//! The routes, the menus and the permission page all ask here.

use std::str::FromStr;

use super::Unfit;

/// A user's role in one merchant; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    Support,
    Supervisor,
    Marketing,
    Administrator,
}

/// One thing that a role may allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    FindCustomers,
    ReissueCoupons,
    ResendEmails,
    LookAtBatches,
    CheckCodes,
    BarCoupons,
    SeeAuditLog,
    ManageBatches,
    ChangeSettings,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Support, Self::Supervisor, Self::Marketing, Self::Administrator];

    /// The least role that has `permission`.
    pub fn least_for(permission: Permission) -> Self {
        match permission {
            Permission::FindCustomers
            | Permission::ReissueCoupons
            | Permission::ResendEmails
            | Permission::LookAtBatches
            | Permission::CheckCodes => Self::Support,
            Permission::BarCoupons | Permission::SeeAuditLog => Self::Supervisor,
            Permission::ManageBatches => Self::Marketing,
            Permission::ChangeSettings => Self::Administrator,
        }
    }

    pub fn may(self, permission: Permission) -> bool {
        self >= Self::least_for(permission)
    }

    /// As in commands and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Support => "support",
            Self::Supervisor => "supervisor",
            Self::Marketing => "marketing",
            Self::Administrator => "administrator",
        }
    }

    /// As on screens.
    pub fn label(self) -> &'static str {
        match self {
            Self::Support => "Customer Support",
            Self::Supervisor => "Customer Support Supervisor",
            Self::Marketing => "Marketing",
            Self::Administrator => "Administrator",
        }
    }
}

impl FromStr for Role {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| Unfit::because(format!("{text:?} is not a role; use support, supervisor, marketing or administrator")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_includes_those_before_it() {
        let allowed = |role: Role| {
            use Permission::{
                BarCoupons, ChangeSettings, CheckCodes, FindCustomers, LookAtBatches, ManageBatches, ReissueCoupons, ResendEmails,
                SeeAuditLog,
            };
            [FindCustomers, ReissueCoupons, ResendEmails, LookAtBatches, CheckCodes, BarCoupons, SeeAuditLog, ManageBatches, ChangeSettings]
                .into_iter()
                .filter(|p| role.may(*p))
                .count()
        };
        assert_eq!(Role::ALL.map(allowed), [5, 7, 8, 9]);
    }
}
