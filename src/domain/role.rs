//! Who may do what: the four roles of a merchant and the table of permissions. The routes, the
//! menus and the permission page all ask here.

use std::str::FromStr;

use super::Invalid;

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
    BlockCustomers,
    ManageUsers,
    ManageBatches,
    ChangeSettings,
    PurgeCustomers,
    ExportAuditLog,
}

impl Permission {
    /// All of them, the most common first.
    pub const ALL: [Self; 13] = [
        Self::FindCustomers,
        Self::ReissueCoupons,
        Self::ResendEmails,
        Self::LookAtBatches,
        Self::CheckCodes,
        Self::BarCoupons,
        Self::BlockCustomers,
        Self::SeeAuditLog,
        Self::ManageUsers,
        Self::ManageBatches,
        Self::ChangeSettings,
        Self::PurgeCustomers,
        Self::ExportAuditLog,
    ];
}

impl Role {
    pub const ALL: [Self; 4] =
        [Self::Support, Self::Supervisor, Self::Marketing, Self::Administrator];

    /// The least role that has `permission`.
    pub fn least_for(permission: Permission) -> Self {
        match permission {
            Permission::FindCustomers
            | Permission::ReissueCoupons
            | Permission::ResendEmails
            | Permission::LookAtBatches
            | Permission::CheckCodes => Self::Support,
            Permission::BarCoupons
            | Permission::BlockCustomers
            | Permission::SeeAuditLog
            | Permission::ManageUsers => Self::Supervisor,
            Permission::ManageBatches => Self::Marketing,
            Permission::ChangeSettings
            | Permission::PurgeCustomers
            | Permission::ExportAuditLog => Self::Administrator,
        }
    }

    /// Whether a user with this role may invite, change and remove users with `other` in the same
    /// merchant.
    pub fn manages(self, other: Self) -> bool {
        match self {
            Self::Support => false,
            Self::Supervisor | Self::Marketing => other == Self::Support,
            Self::Administrator => true,
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
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| {
            Invalid::because(format!(
                "{text:?} isn't a role; use support, supervisor, marketing or administrator"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_includes_those_before_it() {
        let allowed = |role: Role| Permission::ALL.into_iter().filter(|p| role.may(*p)).count();
        assert_eq!(Role::ALL.map(allowed), [5, 9, 10, 13]);
    }

    #[test]
    fn only_administrators_manage_more_than_support() {
        let managed =
            |role: Role| Role::ALL.into_iter().filter(|other| role.manages(*other)).count();
        assert_eq!(Role::ALL.map(managed), [0, 1, 1, 4]);
    }
}
