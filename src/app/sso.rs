//! Single sign-on: who comes back from the provider, and what they may do then.
//! Must not know cookies, nor the provider's protocol; what is kept until somebody comes back goes out and in as a sealed text.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::{
    Desk, Error, finish_sign_in,
    provider::{Asked, Proven, Provider, Trouble},
    seal_secret,
    sign_in::{Device, Session, SessionLimits, freshen, new_token, record_failure_of, record_in_each_merchant, start_session},
    tokens,
};
use crate::{
    db::{self, WriteTx, half_sign_ins, identities, sessions, users},
    domain::{
        Unfit,
        audit::{Action, Actor, NewRecord},
        email::EmailAddress,
        ids::UserId,
        user::{Standing, User},
    },
};

/// How long somebody may be away at the provider.
pub const PATIENCE: TimeDelta = TimeDelta::minutes(10);
/// So far may the provider's clock be behind ours.
const CLOCKS: TimeDelta = TimeDelta::minutes(1);
const ERRAND: &str = "sso-errand-v1";
/// A path of our own is far shorter; all must fit into a cookie.
const LONGEST_PATH: usize = 1_000;

/// What somebody goes to the provider for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    SignIn,
    /// To prove in this session that they are there.
    Confirm {
        session: i64,
    },
    /// To link who they are there to the user of this session.
    Link {
        session: i64,
    },
}

/// Somebody who is on their way.
#[derive(Clone, Serialize, Deserialize)]
pub struct Errand {
    asked: Asked,
    pub purpose: Purpose,
    /// A path of our own to go to afterwards; may be empty.
    pub return_to: String,
    began: DateTime<Utc>,
}

/// What the provider's answer holds, as it stands in the address.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Answer {
    pub state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// Why nothing came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Too late, done before, or begun elsewhere.
    Stale,
    /// The person or the provider said no.
    Denied,
    Down,
    Untrusted,
    /// No user, or one who is disabled.
    Unknown,
    /// The user has another identity there, or the identity is another user's.
    Taken,
    Locked,
    /// The provider did not ask the person anew, or it is somebody else.
    NotProved,
}

/// What came of it.
#[derive(Debug)]
pub enum Arrival {
    /// The new session's token.
    In {
        token: String,
    },
    /// A second factor is asked for now: the token is for its own short-lived cookie.
    Half {
        token: String,
    },
    /// The session goes on under this new token.
    Confirmed {
        token: String,
    },
    Linked,
    Not(Why),
}

impl From<Trouble> for Why {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Silent => Self::Down,
            Trouble::Refused | Trouble::Untrusted => Self::Untrusted,
        }
    }
}

/// What came of setting out.
#[derive(Debug)]
pub enum Departure {
    /// To the provider's address; the errand is to be kept by the browser until it comes back.
    To {
        address: String,
        errand: String,
    },
    Not(Why),
}

/// Sends somebody out.
///
/// Errors: [`Error::NotFound`] where there is no provider.
pub fn set_out(desk: &Desk, purpose: Purpose, return_to: &str) -> Result<Departure, Error> {
    let provider = desk.provider.as_deref().ok_or(Error::NotFound)?;
    let (address, asked) = match provider.depart(matches!(purpose, Purpose::Confirm { .. })) {
        Ok(departed) => departed,
        Err(trouble) => return Ok(Departure::Not(trouble.into())),
    };
    let return_to = if return_to.len() <= LONGEST_PATH { return_to.to_owned() } else { String::new() };
    let errand = Errand { asked, purpose, return_to, began: desk.clock.now() };
    let plain = serde_json::to_vec(&errand).map_err(|_| db::Error::Unavailable("an errand could not be written".into()))?;
    Ok(Departure::To { address, errand: seal_secret::seal(desk, ERRAND, "", &plain)? })
}

/// The errand that was sealed, if it is not too old and the answer belongs to it. What comes back a second time is stale, too.
pub fn recognise(desk: &Desk, sealed: &str, answer: &Answer) -> Option<Errand> {
    let errand: Errand = serde_json::from_slice(&seal_secret::open(desk, ERRAND, "", sealed)?).ok()?;
    let state = answer.state.as_deref().unwrap_or_default();
    let is_young = (TimeDelta::zero()..PATIENCE).contains(&(desk.clock.now() - errand.began));
    let belongs = bool::from(state.as_bytes().ct_eq(errand.asked.state.as_bytes()));
    (is_young && belongs && desk.provider.as_deref()?.use_up(&errand.asked)).then_some(errand)
}

/// Takes in whoever comes back. `session`: the one that the browser has, if it is alive.
pub fn arrive(
    desk: &Desk,
    errand: &Errand,
    answer: &Answer,
    session: Option<&Session>,
    (limits, device): (SessionLimits, &Device),
    request_id: &str,
) -> Result<Arrival, Error> {
    let Some(provider) = desk.provider.as_deref() else { return Ok(Arrival::Not(Why::Stale)) };
    // Another issuer's answer, mixed up with ours (RFC 9207), or no answer at all.
    let is_ours = answer.iss.as_deref().is_none_or(|iss| iss == provider.issuer());
    let code = match (&answer.code, &answer.error) {
        (Some(code), None) if is_ours => code,
        _ => return Ok(Arrival::Not(if is_ours { Why::Denied } else { Why::Untrusted })),
    };
    let proven = match provider.arrive(&errand.asked, code, desk.clock.now()) {
        Ok(proven) => proven,
        Err(trouble) => {
            if trouble != Trouble::Silent {
                let record = failure("untrusted");
                desk.db.write(|tx| record_failure_of(tx, desk, session.map(|session| session.user), &record, request_id))?;
            }
            return Ok(Arrival::Not(trouble.into()));
        }
    };
    match (errand.purpose, session) {
        (Purpose::SignIn, _) => let_in(desk, provider, &proven, limits, device, request_id),
        (Purpose::Confirm { session: asked }, Some(session)) if asked == session.id => confirm(desk, errand, &proven, session, request_id),
        (Purpose::Link { session: asked }, Some(session)) if asked == session.id => link_own(desk, &proven, session, request_id),
        _ => Ok(Arrival::Not(Why::Stale)),
    }
}

fn failure(why: &str) -> NewRecord {
    NewRecord::new(None, Action::SignInFailed, Actor::System).detail("method", "sso").detail("why", why)
}

/// Signs in whom the identity belongs to; the first time the one who has its verified e-mail.
fn let_in(
    desk: &Desk,
    provider: &Provider,
    proven: &Proven,
    limits: SessionLimits,
    device: &Device,
    request_id: &str,
) -> Result<Arrival, Error> {
    let who = (proven.issuer.as_str(), proven.subject.as_str());
    let email = match desk.db.read(|conn| identities::find(conn, who.0, who.1).map_err(Error::from))? {
        Some(_) => None,
        None => match provider.verified_email(proven) {
            Ok(email) => email,
            Err(trouble) => return Ok(Arrival::Not(trouble.into())),
        },
    };
    let token = new_token()?;
    desk.db.write(|tx| {
        let now = desk.clock.now();
        let Some(id) = whose(tx, who, email.as_deref())? else {
            record_failure_of(tx, desk, None, &failure("unknown"), request_id)?;
            return Ok(Arrival::Not(Why::Unknown));
        };
        users::lock(tx, &[id])?;
        // An invited user comes in this way, too.
        let user = User { has_credentials: true, ..users::get(tx, id)? };
        let linked = identities::find(tx, who.0, who.1)?;
        let refused = match (user.standing(limits.absence, now), &linked) {
            (Standing::Locked { .. }, _) => Some(("locked", Why::Locked)),
            (Standing::Disabled { .. } | Standing::Invited, _) => Some(("disabled", Why::Unknown)),
            (Standing::Active, Some(linked)) if linked.user != id => Some(("taken", Why::Taken)),
            (Standing::Active, None) if identities::of_user(tx, id, who.0)?.is_some() => Some(("taken", Why::Taken)),
            (Standing::Active, _) => None,
        };
        if let Some((word, why)) = refused {
            record_failure_of(tx, desk, Some(id), &failure(word).detail("user", id.0), request_id)?;
            return Ok(Arrival::Not(why));
        }
        if linked.is_none() {
            link(tx, desk, id, who, "email", request_id)?;
        }
        identities::note_use(tx, who, now)?;
        if user.has_second_factor {
            half_sign_ins::remove_stale(tx, now - finish_sign_in::KEPT)?;
            half_sign_ins::start(tx, id, &tokens::hash(&token), now)?;
            let record = NewRecord::new(None, Action::IdentityAccepted, Actor::System).detail("user", id.0);
            record_in_each_merchant(tx, desk, id, &record, request_id)?;
            return Ok(Arrival::Half { token: token.clone() });
        }
        start_session(tx, desk, &user, &token, limits, device)?;
        let record = NewRecord::new(None, Action::SignedIn, Actor::User(id)).detail("method", "sso");
        record_in_each_merchant(tx, desk, id, &record, request_id)?;
        Ok(Arrival::In { token: token.clone() })
    })
}

/// Whom the identity belongs to, or would if it were linked.
fn whose(tx: &mut WriteTx<'_>, (issuer, subject): (&str, &str), email: Option<&str>) -> Result<Option<UserId>, Error> {
    if let Some(linked) = identities::find(tx, issuer, subject)? {
        return Ok(Some(linked.user));
    }
    let Some(email) = email.filter(|email| !email.contains('\0')) else { return Ok(None) };
    Ok(users::find_by_email(tx, &EmailAddress::stored(email.to_owned()))?.map(|user| user.id))
}

fn link(tx: &mut WriteTx<'_>, desk: &Desk, user: UserId, who: (&str, &str), by: &str, request_id: &str) -> Result<(), Error> {
    identities::link(tx, user, who, desk.clock.now())?;
    // The subject may name a person: no record holds it.
    let record = NewRecord::new(None, Action::IdentityLinked, Actor::User(user)).detail("by", by).detail("issuer", who.0);
    record_in_each_merchant(tx, desk, user, &record, request_id)
}

/// The user of the session has proved again to be there, if it is they, and if the provider has just asked them.
fn confirm(desk: &Desk, errand: &Errand, proven: &Proven, session: &Session, request_id: &str) -> Result<Arrival, Error> {
    desk.db.write(|tx| {
        users::lock(tx, &[session.user])?;
        let linked = identities::find(tx, &proven.issuer, &proven.subject)?;
        let is_own = linked.is_some_and(|linked| linked.user == session.user);
        let is_fresh = proven.authenticated_at.is_some_and(|at| at >= errand.began - CLOCKS);
        let is_right = is_own && is_fresh;
        let token = is_right.then(|| freshen(tx, desk, session)).transpose()?;
        let action = if is_right { Action::Confirmed } else { Action::ConfirmFailed };
        let record = NewRecord::new(None, action, Actor::User(session.user)).detail("method", "sso");
        record_in_each_merchant(tx, desk, session.user, &record, request_id)?;
        Ok(token.map_or(Arrival::Not(Why::NotProved), |token| Arrival::Confirmed { token }))
    })
}

fn link_own(desk: &Desk, proven: &Proven, session: &Session, request_id: &str) -> Result<Arrival, Error> {
    let who = (proven.issuer.as_str(), proven.subject.as_str());
    desk.db.write(|tx| {
        users::lock(tx, &[session.user])?;
        if identities::find(tx, who.0, who.1)?.is_some() || identities::of_user(tx, session.user, who.0)?.is_some() {
            return Ok(Arrival::Not(Why::Taken));
        }
        link(tx, desk, session.user, who, "user", request_id)?;
        Ok(Arrival::Linked)
    })
}

/// Takes away the identity of the session's user at the provider.
///
/// Errors: [`Error::NotFound`] where there is none; [`Error::Unfit`] where they could not sign in any more.
pub fn unlink(desk: &Desk, session: &Session, request_id: &str) -> Result<(), Error> {
    let provider = desk.provider.as_deref().ok_or(Error::NotFound)?;
    desk.db.write(|tx| {
        users::lock(tx, &[session.user])?;
        let has_password = sessions::credentials(tx, &session.email)?.is_some_and(|known| !known.password_hash.is_empty());
        if !has_password && db::passkeys::list_of_user(tx, session.user)?.is_empty() {
            return Err(
                Unfit::because("this is your only way in; choose a password by “Forgotten password?” or add a passkey first").into()
            );
        }
        if !identities::unlink(tx, session.user, provider.issuer())? {
            return Err(Error::NotFound);
        }
        let record = NewRecord::new(None, Action::IdentityUnlinked, Actor::User(session.user)).detail("issuer", provider.issuer());
        record_in_each_merchant(tx, desk, session.user, &record, request_id)
    })
}
