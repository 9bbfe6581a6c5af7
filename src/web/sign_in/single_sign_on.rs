//! Single sign-on: the way to the provider and back, for signing in, for proving to be there, and
//! for linking an account, which counts after its user has seen which one it is.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
    web,
};
use askama::Template;
use chrono_tz::Tz;
use serde::Deserialize;

use crate::{
    app::{
        Desk,
        sign_in::{
            sessions::{self, Session},
            sso::{self, Arrival, CallbackParams, Departure, Recognised, SsoFailure, SsoPurpose},
        },
        users::{
            link_identity::{self, Linked, PendingLink},
            own_account,
        },
    },
    web::{
        account::{self, Leaving, LinkIdentityPage as LinkPage, factors::Away},
        shared::{
            answers::{html, see_other},
            context::{PublicRequest, UserRequest},
            cookies,
            errors::Error,
            format::when_in,
            frame::Frame,
            request::{self, FormBody},
            site::Site,
            ui::{Fact, TextLink},
        },
        sign_in::sessions::{LOCKED, signed_in},
    },
};

/// "Continue with Acme", and back to `return_to`, a path of our own; `None`: there is no provider.
pub fn provider_link(desk: &Desk, path: &str, return_to: &str) -> Option<TextLink> {
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

#[derive(Deserialize)]
pub struct SsoQuery {
    #[serde(default)]
    return_to: String,
}

/// `GET /sign-in/sso`: to the provider, with a cookie to know them by when they come back. Nothing
/// is stored here.
pub async fn new(cx: PublicRequest, query: web::Query<SsoQuery>) -> Result<HttpResponse, Error> {
    let return_to = request::own_path(&query.return_to).unwrap_or_default().to_owned();
    let path = return_to.clone();
    Ok(match cx.desk.asking_provider(move |desk| sso::set_out(desk, &path)).await? {
        Departure::To { address, state } => {
            let cookie = cookies::oidc_state_cookie(&cx.site, state.as_deref());
            HttpResponse::SeeOther()
                .cookie(cookie)
                .insert_header((header::LOCATION, address))
                .finish()
        }
        Departure::Not(why) => sorry(&cx.site, SsoPurpose::SignIn, why, &return_to),
    })
}

/// `POST /confirm/sso`
pub async fn confirm(cx: UserRequest, form: FormBody) -> Result<HttpResponse, Error> {
    let return_to = form.field("return_to").unwrap_or_default();
    leave(&cx, SsoPurpose::Confirm, &return_to).await
}

/// `POST /account/identity/start`
pub async fn start(cx: UserRequest) -> Result<HttpResponse, Error> {
    leave(&cx, SsoPurpose::Link, "").await
}

/// To the provider from within a session. Not by a redirect: browsers follow one from a form only
/// to where forms may be sent, and a provider may send people on to places that we don't know. The
/// page goes on by itself, and has a link for browsers that don't.
async fn leave(
    cx: &UserRequest,
    purpose: SsoPurpose,
    return_to: &str,
) -> Result<HttpResponse, Error> {
    let return_to = request::own_path(return_to).unwrap_or_default().to_owned();
    let (session, path) = (cx.visitor.session.clone(), return_to.clone());
    match cx
        .desk
        .asking_provider(move |desk| sso::set_out_in_session(desk, purpose, &path, &session))
        .await?
    {
        Departure::To { address, .. } => {
            let name = cx
                .desk
                .provider
                .as_deref()
                .map(|provider| provider.name().to_owned())
                .unwrap_or_default();
            let frame = cx.frame(&format!("Going to {name}"));
            let mut answer =
                html(StatusCode::OK, Leaving { frame, name, href: address.clone() }.render()?);
            let on = header::HeaderValue::from_str(&format!("0; url={address}"))
                .map_err(|_| Error::Internal)?;
            answer.headers_mut().insert(header::HeaderName::from_static("refresh"), on);
            Ok(answer)
        }
        Departure::Not(why) => Ok(sorry(&cx.site, purpose, why, &return_to)),
    }
}

/// `GET /account/identity`: which account will be linked, before it counts.
pub async fn show(cx: UserRequest) -> Result<HttpResponse, Error> {
    let found = cx
        .read(move |desk, session| {
            if desk.provider.is_none() {
                return Err(crate::app::Error::NotFound);
            }
            let Some(pending) = link_identity::pending(desk, session)? else { return Ok(None) };
            Ok(Some((pending, own_account::zone_of(desk, session)?)))
        })
        .await?;
    let Some((pending, zone)) = found else {
        return Ok(sorry(&cx.site, SsoPurpose::Link, SsoFailure::Stale, ""));
    };
    let name =
        cx.desk.provider.as_deref().map(|provider| provider.name().to_owned()).unwrap_or_default();
    let frame = cx.frame(&format!("Link {name}"));
    Ok(html(StatusCode::OK, link_page(frame, &name, &pending, &cx.visitor.session, zone).render()?))
}

/// `POST /account/identity`
pub async fn link(cx: UserRequest, form: FormBody) -> Result<HttpResponse, Error> {
    let token = form.field("token").unwrap_or_default();
    let (session, origin) = (cx.visitor.session.clone(), cx.origin());
    let linked = cx
        .desk
        .writing(move |desk| {
            if desk.provider.is_none() {
                return Err(crate::app::Error::NotFound);
            }
            link_identity::link_pending(desk, &session, &token, &origin)
        })
        .await?;
    Ok(match linked {
        Linked::Done => account::back("identity"),
        Linked::Not(why) => sorry(&cx.site, SsoPurpose::Link, why, ""),
    })
}

/// `POST /account/identity/removal`
pub async fn unlink(cx: UserRequest) -> Result<HttpResponse, Error> {
    let (session, origin) = (cx.visitor.session.clone(), cx.origin());
    cx.desk.writing(move |desk| link_identity::unlink(desk, &session, &origin)).await?;
    Ok(account::back("identity-removed"))
}

/// `GET /sign-in/sso/callback`: another site leads here, so that nothing counts but what the sealed
/// cookie or the session, and the provider, say.
pub async fn arrive(
    cx: PublicRequest,
    answer: web::Query<CallbackParams>,
) -> Result<HttpResponse, Error> {
    let answer = answer.into_inner();
    let value_of = |name: &str| cx.http.cookie(name).map(|cookie| cookie.value().to_owned());
    let encrypted = value_of(cx.site.oidc_state_cookie_name()).unwrap_or_default();
    if encrypted.is_empty() && cx.http.cookie(cx.site.cookie_name()).is_none() {
        // Nothing can wait for this browser: the database is not asked.
        return Ok(sorry(&cx.site, SsoPurpose::SignIn, SsoFailure::Stale, ""));
    }
    let (token, limits, asked) =
        (value_of(cx.site.cookie_name()), cx.site.session_limits, answer.clone());
    let (recognised, session) = cx
        .desk
        .writing(move |desk| {
            let session: Option<Session> = token
                .map(|token| sessions::resume_session(desk, &token, limits))
                .transpose()?
                .flatten();
            Ok((sso::recognise(desk, &encrypted, session.as_ref(), &asked)?, session))
        })
        .await?;
    let state = match recognised {
        Recognised::Begun(state) => state,
        Recognised::Stale(purpose) => return Ok(sorry(&cx.site, purpose, SsoFailure::Stale, "")),
    };
    let origin = cx.origin();
    // Who it is will only be known afterwards: the tries of an address are counted.
    let one_try = cx.throttle.nobody(&origin.address);
    if cx.throttle.spend(&one_try).is_err() {
        return Ok(sorry(&cx.site, state.purpose, SsoFailure::Down, &state.return_to));
    }
    let own = state.clone();
    let arriving = cx.desk.asking_provider(move |desk| {
        sso::arrive(desk, &own, &answer, session.as_ref(), limits, &origin)
    });
    let arrival = cx.throttle.judged(&one_try, arriving.await)?;
    if !matches!(arrival, Arrival::Not(_)) {
        cx.throttle.refund(&one_try);
    }
    let path = request::own_path(&state.return_to).unwrap_or_default();
    let mut response = match arrival {
        Arrival::In { token } => signed_in(&cx, &token, path).await?,
        Arrival::NeedsSecondFactor { token } => {
            let target = format!("/sign-in/factor?return_to={path}");
            let cookie = cookies::pending_sign_in_cookie(&cx.site, Some(&token));
            HttpResponse::SeeOther()
                .cookie(cookie)
                .insert_header((header::LOCATION, target))
                .finish()
        }
        Arrival::Confirmed { token } => {
            let target = if path.is_empty() || path.starts_with("/confirm") { "/" } else { path };
            let mut response = to(format!("{target}?confirmed=yes#message"));
            response
                .add_cookie(&cookies::session_cookie(&cx.site, Some(&token)))
                .map_err(|_| Error::Internal)?;
            response
        }
        Arrival::Pending => to("/account/identity".to_owned()),
        Arrival::Not(why) => return Ok(sorry(&cx.site, state.purpose, why, path)),
    };
    forget(&mut response, &cx.site)?;
    Ok(response)
}

/// Removes the cookie with the SSO state: it has been used.
fn forget(response: &mut HttpResponse, site: &Site) -> Result<(), Error> {
    response.add_cookie(&cookies::oidc_state_cookie(site, None)).map_err(|_| Error::Internal)
}

fn to(target: String) -> HttpResponse {
    see_other(target)
}

/// Back to where it began, with the reason in one of our words: neither code nor state stays in the
/// address, and a reload repeats nothing.
fn sorry(site: &Site, purpose: SsoPurpose, why: SsoFailure, return_to: &str) -> HttpResponse {
    let word = WORDS.iter().find(|(known, ..)| *known == why).map_or("stale", |(_, word, _)| word);
    let target = match purpose {
        SsoPurpose::SignIn => format!("/sign-in?sso={word}&return_to={return_to}"),
        SsoPurpose::Confirm => format!("/confirm?sso={word}&return_to={return_to}"),
        SsoPurpose::Link => format!("/account?done=identity-{word}#message"),
    };
    let mut response = to(target);
    // A cookie that cannot be removed expires by itself.
    let _ = forget(&mut response, site);
    response
}

/// What went wrong: the word in the address, and what is said.
const WORDS: [(SsoFailure, &str, &str); 8] = [
    (
        SsoFailure::Stale,
        "stale",
        "This sign-in took too long, was already used, or was started in another browser. Nothing \
         was done. Start again.",
    ),
    (
        SsoFailure::Denied,
        "denied",
        "The sign-in wasn't completed there. Nothing was done. Try again, or sign in another way.",
    ),
    (
        SsoFailure::Down,
        "down",
        "The sign-in service isn't responding. Nothing was done. Try again in a minute, or sign in \
         another way.",
    ),
    (
        SsoFailure::Untrusted,
        "untrusted",
        "The response from the sign-in service couldn't be trusted. Nothing was done. Try again; \
         if it keeps happening, tell the people who run this desk.",
    ),
    (
        SsoFailure::Unknown,
        "unknown",
        "There's no account here for this sign-in. Ask an administrator to invite you.",
    ),
    (
        SsoFailure::Taken,
        "taken",
        "Your account here is linked to a different sign-in, or this sign-in is linked to a \
         different account. Sign in another way and check your account page.",
    ),
    (SsoFailure::Locked, "locked", LOCKED),
    (
        SsoFailure::NotProved,
        "other",
        "That was a different account, or you weren't asked to sign in again there. Nothing was \
         done. Confirm another way.",
    ),
];

/// What to say for that word in an address; nothing for words that are not ours.
pub fn said(word: &str) -> Option<&'static str> {
    WORDS.iter().find(|(_, known, _)| *known == word).map(|(.., says)| *says)
}
