//! The rules of what is done to a customer by hand: blocking, e-mails off and on, purging. Pure: no
//! database, no clock, no prose. The profile, the dialogs and the guard inside the transaction all
//! ask here.

use chrono::{DateTime, Utc};

use super::{
    customer::{Blocked, Customer},
    role::Permission,
};

/// What can be done to one customer by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomerAct {
    Block,
    Unblock,
    EmailsOff,
    EmailsOn,
    /// For good: the person disappears.
    Purge,
}

impl CustomerAct {
    pub const ALL: [Self; 5] =
        [Self::Block, Self::Unblock, Self::EmailsOff, Self::EmailsOn, Self::Purge];

    /// What one must be allowed to do.
    pub fn permission(self) -> Permission {
        match self {
            Self::Block | Self::Unblock | Self::EmailsOff | Self::EmailsOn => {
                Permission::BlockCustomers
            }
            Self::Purge => Permission::PurgeCustomers,
        }
    }
}

/// Why it was not done: facts, no prose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomerRefusal {
    Purged {
        at: DateTime<Utc>,
        /// A user's name; `None`: somebody at the command line.
        by: Option<String>,
    },
    AlreadyBlocked(Blocked),
    NotBlocked,
    /// E-mails are on (`true`) or off already.
    EmailsAre(bool),
}

/// Whether `act` may be done to the customer as they are.
pub fn check_act(act: CustomerAct, customer: &Customer) -> Result<(), CustomerRefusal> {
    if let Some(at) = customer.purged_at {
        return Err(CustomerRefusal::Purged { at, by: customer.purged_by.clone() });
    }
    match (act, &customer.blocked) {
        (CustomerAct::Block, Some(blocked)) => {
            Err(CustomerRefusal::AlreadyBlocked(blocked.clone()))
        }
        (CustomerAct::Unblock, None) => Err(CustomerRefusal::NotBlocked),
        (CustomerAct::EmailsOff, _) if !customer.receives_emails => {
            Err(CustomerRefusal::EmailsAre(false))
        }
        (CustomerAct::EmailsOn, _) if customer.receives_emails => {
            Err(CustomerRefusal::EmailsAre(true))
        }
        _ => Ok(()),
    }
}

/// What may be done to the customer as they are, in the order of the page.
pub fn acts_on(customer: &Customer) -> Vec<CustomerAct> {
    CustomerAct::ALL.into_iter().filter(|act| check_act(*act, customer).is_ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::CustomerNo;

    fn customer() -> Customer {
        Customer {
            no: CustomerNo(1),
            email: None,
            customer_id: None,
            first_name: None,
            last_name: None,
            locale: None,
            receives_emails: true,
            blocked: None,
            purged_at: None,
            purged_by: None,
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn one_may_do_what_is_not_so_already() {
        use CustomerAct::{Block, EmailsOff, EmailsOn, Purge, Unblock};
        assert_eq!(acts_on(&customer()), [Block, EmailsOff, Purge]);
        let blocked = Some(Blocked { at: DateTime::UNIX_EPOCH, by: None, reason: None });
        assert_eq!(
            acts_on(&Customer { blocked, receives_emails: false, ..customer() }),
            [Unblock, EmailsOn, Purge]
        );
    }

    #[test]
    fn nothing_is_done_to_a_purged_customer() {
        assert!(
            acts_on(&Customer { purged_at: Some(DateTime::UNIX_EPOCH), ..customer() }).is_empty()
        );
    }
}
