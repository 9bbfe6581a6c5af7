//! Floor 0: the words and rules of the desk, pure.
//! Must not know the database, the web, mail transport, the environment or the current time.

pub mod account_link;
pub mod audit;
pub mod audit_filter;
pub mod audit_proof;
pub mod audit_seal;
pub mod batch;
pub mod cell;
pub mod clock;
pub mod code;
pub mod coupon;
pub mod coupon_acts;
pub mod coupon_list;
pub mod customer;
pub mod customer_acts;
pub mod damage;
pub mod email;
pub mod fold;
pub mod hex;
pub mod ids;
pub mod import;
pub mod invisible;
pub mod look_alikes;
pub mod mail;
pub mod mail_retry;
pub mod merchant;
pub mod note;
pub mod pasted;
pub mod redemption;
pub mod reissue;
pub mod reward;
pub mod role;
pub mod stock_alert;
pub mod stock_forecast;
pub mod user;
pub mod zone;

/// Why a piece of text could not be taken; the text is a sentence for a person, without the value
/// itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

impl Invalid {
    /// An `Invalid` from anything that reads as a sentence.
    pub fn because(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}
