//! Owns the sign-in page.

use super::{frame::Frame, ui::TextLink};
use askama::Template;

/// `GET /sign-in`, and the same page again after a refused POST.
#[derive(Debug, Template)]
#[template(path = "sessions/new.html")]
pub struct SignInPage {
    /// Bare frame.
    pub frame: Frame,
    /// What was typed, to be kept after a refusal.
    pub email: String,
    /// A path of our own to go to afterwards; may be empty.
    pub return_to: String,
    /// What went well just before.
    pub notice: Option<String>,
    /// Why the sign-in did not go through, and what to do.
    pub error: Option<String>,
    /// Sign-ins of the demo; empty outside it.
    pub demo: Vec<DemoSignIn>,
    /// Whether a passkey alone lets one in here.
    pub has_passkeys: bool,
    /// "Continue with Acme", where there is single sign-on.
    pub sso: Option<TextLink>,
}

/// One of the demo's sign-ins.
#[derive(Clone, Debug)]
pub struct DemoSignIn {
    /// "Customer Support".
    pub label: String,
    /// Its e-mail.
    pub email: String,
    /// Its password.
    pub password: String,
}
