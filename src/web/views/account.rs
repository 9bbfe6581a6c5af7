//! Owns a user's own account page, and the pages on which an account elsewhere is linked to it.

use super::{
    frame::Frame,
    merchants::Offer,
    ui::{Fact, When},
};
use askama::Template;

/// `GET /account`.
#[derive(Debug, Template)]
#[template(path = "account/show.html")]
pub struct AccountPage {
    pub frame: Frame,
    pub name: String,
    pub email: String,
    /// Empty: there is no password to change, since the user signs in elsewhere.
    pub password: Option<Password>,
    pub sessions: Vec<SessionItem>,
    /// Since when there is an authenticator app.
    pub app_since: Option<When>,
    /// "7 left"; empty: there is no factor that they could stand in for.
    pub recovery_codes: String,
    pub passkeys: Vec<PasskeyItem>,
    /// Whether passkeys can be had at this address.
    pub passkeys_available: bool,
    /// Where one can sign in besides.
    pub sso: Option<SsoSection>,
    /// Merchants that offer a role, in order of name.
    pub offers: Vec<Offer>,
    /// "Acme UK opens only with one."; empty: none does, or there is one.
    pub required: String,
}

/// Single sign-on on the page.
#[derive(Clone, Debug)]
pub struct SsoSection {
    /// "Acme".
    pub name: String,
    /// Since when it is linked; empty: it is not.
    pub since: Option<When>,
    pub last_used: Option<When>,
    /// Whether it can be unlinked: there is another way in.
    pub can_unlink: bool,
}

/// What is wrong with a new password.
#[derive(Clone, Debug, Default)]
pub struct Password {
    pub old_error: Option<String>,
    pub new_error: Option<String>,
}

/// A session in the list.
#[derive(Clone, Debug)]
pub struct SessionItem {
    pub browser: String,
    pub address: String,
    pub since: When,
    pub last_used: When,
    /// Where it can be ended; empty: it is this one.
    pub end_action: String,
}

/// A passkey in the list.
#[derive(Clone, Debug)]
pub struct PasskeyItem {
    pub name: String,
    pub since: When,
    pub last_used: Option<When>,
    pub remove_action: String,
}

/// `GET /account/identity`: the account that is linked when its user says so.
#[derive(Debug, Template)]
#[template(path = "account/link.html")]
pub struct LinkIdentityPage {
    pub frame: Frame,
    /// "Acme".
    pub provider: String,
    /// The user here.
    pub name: String,
    pub email: String,
    /// What the provider says of the account.
    pub facts: Vec<Fact>,
    /// How the provider tells it from all others.
    pub subject: String,
    pub issuer: String,
    pub token: String,
}

/// The page between a form of ours and the provider; it goes on by itself.
#[derive(Debug, Template)]
#[template(path = "account/leaving.html")]
pub struct Leaving {
    pub frame: Frame,
    /// "Acme".
    pub name: String,
    pub href: String,
}
