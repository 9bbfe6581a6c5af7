//! Owns the pages that ask for a second factor, and those that set one up.

use super::frame::Frame;
use askama::Template;

/// What can be shown, in a form.
#[derive(Clone, Debug)]
pub struct Ask {
    /// "Code from your authenticator app, or a recovery code"; empty: there is no code to give.
    pub code_label: &'static str,
    /// Where the browser learns what to ask a passkey; empty: there is none.
    pub passkey_options: &'static str,
    /// Where the forms post to.
    pub action: &'static str,
    /// A path of our own to go to afterwards; may be empty.
    pub return_to: String,
    /// What was wrong, and what to do.
    pub error: Option<String>,
}

/// `GET /sign-in/factor`.
#[derive(Debug, Template)]
#[template(path = "factors/sign_in.html")]
pub struct SecondFactorPage {
    pub frame: Frame,
    pub email: String,
    pub ask: Ask,
}

/// `GET /confirm`.
#[derive(Debug, Template)]
#[template(path = "factors/confirm.html")]
pub struct Confirm {
    pub frame: Frame,
    pub email: String,
    /// Whether there is a password to ask for.
    pub has_password: bool,
    /// "Continue with Acme", for users who are linked there.
    pub sso: Option<Away>,
    pub ask: Ask,
}

/// A button that leads to the provider of single sign-on.
#[derive(Clone, Debug)]
pub struct Away {
    /// "Continue with Acme".
    pub label: String,
    /// Where its form posts to.
    pub action: &'static str,
}

/// `GET /account/app`.
#[derive(Debug, Template)]
#[template(path = "factors/app.html")]
pub struct AuthenticatorPage {
    pub frame: Frame,
    pub picture: Option<QrPicture>,
    /// The secret in groups of four letters.
    pub letters: String,
    /// The secret for the form; sealed.
    pub encrypted: String,
    pub error: Option<String>,
    /// Whether there is an app already, which stops working.
    pub replaces: bool,
}

/// A QR code as the path of its dark squares.
#[derive(Clone, Debug)]
pub struct QrPicture {
    /// Squares on each side, the quiet border included.
    pub size: usize,
    pub path: String,
}

/// `GET /account/passkeys/new`.
#[derive(Debug, Template)]
#[template(path = "factors/passkey.html")]
pub struct NewPasskeyPage {
    pub frame: Frame,
    pub name: String,
    /// Whether passkeys can be had at this address.
    pub available: bool,
    pub error: Option<String>,
}

/// `GET /account/recovery-codes`.
#[derive(Debug, Template)]
#[template(path = "factors/renew_codes.html")]
pub struct RenewCodes {
    pub frame: Frame,
    pub ask: Ask,
    /// Whether there is a factor at all.
    pub has_factor: bool,
}

/// New recovery codes, shown once.
#[derive(Debug, Template)]
#[template(path = "factors/codes.html")]
pub struct RecoveryCodesPage {
    pub frame: Frame,
    pub codes: Vec<String>,
}
