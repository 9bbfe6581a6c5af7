//! One's own account in words.

use super::{plural, when_in};
use crate::{
    app::{
        own_account::{Account, SeenSession, StoredPasskey},
        sign_in::Membership,
    },
    web::views::{
        account::{self as views, Password},
        frame::Frame,
        merchants::Offer,
    },
};

/// The page; `password`: what was wrong with one.
pub fn show(frame: Frame, account: &Account, password: Password) -> views::AccountPage {
    let has_factor = account.user.has_second_factor;
    views::AccountPage {
        frame,
        name: account.user.name.clone(),
        email: account.user.email.clone(),
        password: account.has_password.then_some(password),
        sessions: account.sessions.iter().map(|seen| session(account, seen)).collect(),
        app_since: account.app_since.map(|at| when_in(account.zone, at)),
        recovery_codes: match account.recovery_codes {
            _ if !has_factor => String::new(),
            0 => "None left".to_owned(),
            left => format!("{} left", plural(left, "code")),
        },
        passkeys: account.passkeys.iter().map(|kept| passkey(account, kept)).collect(),
        passkeys_available: account.passkeys_available,
        sso: account.sso.as_ref().map(|sso| views::SsoSection {
            name: sso.name.clone(),
            since: sso.identity.as_ref().map(|identity| when_in(account.zone, identity.linked_at)),
            last_used: sso
                .identity
                .as_ref()
                .and_then(|identity| identity.last_used_at)
                .map(|at| when_in(account.zone, at)),
            can_unlink: account.has_password || !account.passkeys.is_empty(),
        }),
        offers: account.offers.iter().map(offer).collect(),
        required: if has_factor || account.requiring.is_empty() {
            String::new()
        } else {
            format!("Set one up: {} only with a second factor.", opens(&account.requiring))
        },
    }
}

/// A role that a merchant offers, with where it is answered.
pub fn offer(offer: &Membership) -> Offer {
    Offer {
        name: offer.merchant.name.clone(),
        role: offer.role.label().to_owned(),
        accept_action: format!("/offers/{}/acceptance", offer.merchant.slug),
        decline_action: format!("/offers/{}/refusal", offer.merchant.slug),
    }
}

/// "Acme opens", "Acme and Globex open".
fn opens(names: &[String]) -> String {
    format!("{} {}", names.join(" and "), if names.len() == 1 { "opens" } else { "open" })
}

fn session(account: &Account, seen: &SeenSession) -> views::SessionItem {
    let or = |text: &str, nothing: &str| {
        if text.is_empty() { nothing.to_owned() } else { text.to_owned() }
    };
    views::SessionItem {
        browser: or(&seen.agent, "Unknown browser"),
        address: or(&seen.address, "Unknown"),
        since: when_in(account.zone, seen.created_at),
        last_used: when_in(account.zone, seen.last_used_at),
        end_action: if seen.id == account.own_session {
            String::new()
        } else {
            format!("/account/sessions/{}/end", seen.id)
        },
    }
}

fn passkey(account: &Account, kept: &StoredPasskey) -> views::PasskeyItem {
    views::PasskeyItem {
        name: kept.name.clone(),
        since: when_in(account.zone, kept.created_at),
        last_used: kept.last_used_at.map(|at| when_in(account.zone, at)),
        remove_action: format!("/account/passkeys/{}/removal", kept.id),
    }
}
