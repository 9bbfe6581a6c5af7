//! Owns the choice between several merchants, and what others offer.

use super::frame::Frame;
use askama::Template;

/// `GET /` for a user with several merchants, or none.
#[derive(Debug, Template)]
#[template(path = "merchants/index.html")]
pub struct MerchantListPage {
    /// Frame without a merchant.
    pub frame: Frame,
    /// In order of name.
    pub merchants: Vec<MerchantChoice>,
    /// Merchants that offer a role, in order of name.
    pub offers: Vec<Offer>,
}

/// A role that a merchant offers.
#[derive(Clone, Debug)]
pub struct Offer {
    /// As people know the merchant.
    pub name: String,
    /// The role in words.
    pub role: String,
    pub accept_action: String,
    pub decline_action: String,
}

/// One merchant to choose.
#[derive(Clone, Debug)]
pub struct MerchantChoice {
    /// Where its customers are.
    pub href: String,
    /// As people know it.
    pub name: String,
    /// The user's role there, in words.
    pub role: String,
}
