//! One's own account: the page, the password, the sessions, and linking an account elsewhere.

pub mod factors;
pub mod merchants;

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::{
        sign_in::sessions::Membership,
        users::own_account::{self, Account, PasswordChangeOutcome, SeenSession, StoredPasskey},
    },
    web::{
        account::merchants::Offer,
        shared::{
            answers::{html, see_other},
            context::{PathId, UserRequest},
            cookies,
            errors::Error,
            flash,
            format::{self, plural, when_in},
            frame::Frame,
            request::FormBody,
            ui::{Fact, Toast, Tone, When},
        },
        sign_in::{
            known_devices::{self, TOO_MANY},
            single_sign_on,
        },
    },
};

#[derive(Deserialize)]
pub struct AccountQuery {
    /// What was just done: one of our own words.
    done: Option<String>,
}

/// `GET /account`
pub async fn show(cx: UserRequest, query: web::Query<AccountQuery>) -> Result<HttpResponse, Error> {
    let flash = query.done.as_deref().and_then(said);
    let body = page(&cx, Password::default(), flash).await?;
    Ok(html(StatusCode::OK, body))
}

async fn page(cx: &UserRequest, password: Password, flash: Option<Toast>) -> Result<String, Error> {
    let (session, limits) = (cx.visitor.session.clone(), cx.site.session_limits);
    let account = cx.desk.reading(move |desk| own_account::show(desk, &session, limits)).await?;
    let mut page = account_page(cx.frame("Your account"), &account, password);
    page.frame.flash = flash.or(page.frame.flash);
    Ok(page.render()?)
}

/// `POST /account/password`
pub async fn change_password(cx: UserRequest, form: FormBody) -> Result<HttpResponse, Error> {
    let (old, new) = (form.field("old").unwrap_or_default(), form.field("new").unwrap_or_default());
    let session = cx.visitor.session.clone();
    let one_try = cx.throttle.in_session(session.id, &session.email);
    if cx.throttle.spend(&one_try).is_err() {
        let told = Password { old_error: Some(TOO_MANY.to_owned()), new_error: None };
        let body = page(&cx, told, None).await?;
        return Ok(html(StatusCode::TOO_MANY_REQUESTS, body));
    }
    let origin = cx.origin();
    let change = cx.desk.checking_password(move |desk| {
        own_account::change_password(desk, &session, &old, &new, &origin)
    });
    let changed = cx.throttle.judged(&one_try, change.await)?;
    if changed != PasswordChangeOutcome::Wrong {
        cx.throttle.refund(&one_try);
    }
    let told = match changed {
        PasswordChangeOutcome::Done { token } => {
            let mut answer = back("password");
            answer
                .add_cookie(&cookies::session_cookie(&cx.site, Some(&token)))
                .map_err(|_| Error::Internal)?;
            // It was known under the old password.
            known_devices::remember(&cx, &cx.visitor.session.email, &mut answer).await;
            return Ok(answer);
        }
        PasswordChangeOutcome::Wrong => Password {
            old_error: Some(
                "This isn't your current password. Nothing was changed. Try again.".to_owned(),
            ),
            new_error: None,
        },
        PasswordChangeOutcome::Invalid(why) => {
            Password { old_error: None, new_error: Some(format::sentence(&why.0)) }
        }
    };
    let body = page(&cx, told, None).await?;
    Ok(html(StatusCode::UNPROCESSABLE_ENTITY, body))
}

/// `POST /account/sessions/{id}/end`
pub async fn end_session(cx: UserRequest, PathId(id): PathId<i64>) -> Result<HttpResponse, Error> {
    let (session, request_id) = (cx.visitor.session.clone(), cx.request_id());
    cx.desk.writing(move |desk| own_account::end_session(desk, &session, id, &request_id)).await?;
    Ok(back("session"))
}

/// `POST /account/sessions/end-others`
pub async fn end_other_sessions(cx: UserRequest) -> Result<HttpResponse, Error> {
    let (session, request_id) = (cx.visitor.session.clone(), cx.request_id());
    cx.desk
        .writing(move |desk| own_account::end_other_sessions(desk, &session, &request_id))
        .await?;
    Ok(back("sessions"))
}

/// Back to the account, with a word about what was done.
pub fn back(done: &str) -> HttpResponse {
    see_other(format!("/account?done={done}#message"))
}

fn said(done: &str) -> Option<Toast> {
    if let Some(why) = done.strip_prefix("identity-").and_then(single_sign_on::said) {
        return Some(flash::plain(Tone::Bad, "Not linked", why));
    }
    let (title, text) = match done {
        "password" => (
            "Password changed",
            "All your other sessions have ended. We've also sent you an email \
                                  about it.",
        ),
        "session" => ("Session ended", "Anyone using it has to sign in again."),
        "sessions" => ("Other sessions ended", "Only this session is still open."),
        "app" => {
            ("Authenticator app set up", "From now on, you'll need a code from it to sign in.")
        }
        "app-removed" => ("Authenticator app removed", "Its codes no longer work."),
        "passkey" => ("Passkey added", "You can now use it to sign in."),
        "accepted" => (
            "Role accepted",
            "You now have a role at this merchant. Choose it from the list of merchants.",
        ),
        "declined" => ("Offer declined", "You don't have a role there. Nothing else has changed."),
        "identity" => ("Single sign-on linked", "You can now use it to sign in."),
        "identity-removed" => ("Single sign-on unlinked", "You can no longer sign in with it."),
        "passkey-removed" => ("Passkey removed", "It can no longer be used to sign in."),
        _ => return None,
    };
    Some(flash::plain(Tone::Good, title, text))
}

/// The page; `password`: what was wrong with one.
pub fn account_page(frame: Frame, account: &Account, password: Password) -> AccountPage {
    let has_factor = account.user.has_second_factor;
    AccountPage {
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
        sso: account.sso.as_ref().map(|sso| SsoSection {
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

fn session(account: &Account, seen: &SeenSession) -> SessionItem {
    let or = |text: &str, nothing: &str| {
        if text.is_empty() { nothing.to_owned() } else { text.to_owned() }
    };
    SessionItem {
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

fn passkey(account: &Account, kept: &StoredPasskey) -> PasskeyItem {
    PasskeyItem {
        name: kept.name.clone(),
        since: when_in(account.zone, kept.created_at),
        last_used: kept.last_used_at.map(|at| when_in(account.zone, at)),
        remove_action: format!("/account/passkeys/{}/removal", kept.id),
    }
}

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
