//! The link that leads to the provider of single sign-on.
//! Must not know what happens there.

use crate::{app::Desk, web::views::ui::Link};

/// "Continue with Acme", and back to `return_to`, a path of our own; `None`: there is no provider.
pub fn link(desk: &Desk, path: &str, return_to: &str) -> Option<Link> {
    let provider = desk.provider.as_deref()?;
    Some(Link { label: format!("Continue with {}", provider.name()), href: format!("{path}?return_to={return_to}") })
}
