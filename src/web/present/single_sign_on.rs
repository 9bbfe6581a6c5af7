//! Single sign-on in words: what leads to the provider, and the account that is about to be linked.

use chrono_tz::Tz;

use super::when_in;
use crate::{
    app::{Desk, link_identity::PendingLink, sign_in::Session},
    web::views::{
        account::LinkIdentityPage as LinkPage,
        factors::Away,
        frame::Frame,
        ui::{Fact, TextLink},
    },
};

/// "Continue with Acme", and back to `return_to`, a path of our own; `None`: there is no provider.
pub fn link(desk: &Desk, path: &str, return_to: &str) -> Option<TextLink> {
    let provider = desk.provider.as_deref()?;
    Some(TextLink { label: label(provider.name()), href: format!("{path}?return_to={return_to}") })
}

/// The same as a button of a form that posts to `action`.
pub fn button(desk: &Desk, action: &'static str) -> Option<Away> {
    desk.provider.as_deref().map(|provider| Away { label: label(provider.name()), action })
}

fn label(name: &str) -> String {
    format!("Continue with {name}")
}

/// The account that will be linked to the session's user.
pub fn link_page(
    frame: Frame,
    provider: &str,
    pending: &PendingLink,
    session: &Session,
    zone: Tz,
) -> LinkPage {
    let fact = |what: &str, text: &str| Fact {
        label: format!("{what} at {provider}"),
        text: text.to_owned(),
        when: None,
    };
    let mut facts = vec![];
    facts.extend(pending.email.as_deref().map(|email| fact("Email", email)));
    facts.extend(pending.name.as_deref().map(|name| fact("Name", name)));
    facts.push(match pending.authenticated_at {
        Some(at) => Fact { when: Some(when_in(zone, at)), ..fact("Signed in", "") },
        None => fact("Signed in", &format!("Unknown: {provider} doesn't say when")),
    });
    LinkPage {
        frame,
        provider: provider.to_owned(),
        name: session.name.clone(),
        email: session.email.clone(),
        facts,
        subject: pending.shown_subject(),
        issuer: pending.issuer.clone(),
        token: pending.token.clone(),
    }
}
