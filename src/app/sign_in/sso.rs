//! Single sign-on: who comes back from the provider, and what they may do then.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::{
    confirm_session::owner_of,
    finish_sign_in,
    provider::{AuthRequest, OidcProvider, Proven, Trouble},
    sessions::{
        Device, Session, SessionLimits, freshen, new_token, record_failure_of,
        record_in_each_merchant, start_session,
    },
};
use crate::{
    app::{
        Desk, Error, Fault, encrypt_secret,
        origin::Origin,
        tokens,
        users::{link_identity, offers},
    },
    db::{WriteTx, account_links, identities, pending_sign_ins, sessions, users},
    domain::{
        account_link,
        audit::{Action, Actor, NewRecord},
        email::EmailAddress,
        ids::UserId,
        user::{Standing, User},
    },
};

/// How long somebody may be away at the provider.
pub const PATIENCE: TimeDelta = TimeDelta::minutes(10);
/// How far the provider's clock may be behind ours.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(1);
const STATE_PURPOSE: &str = "sso-errand-v1";
/// A path of our own is far shorter; all must fit into a cookie.
const LONGEST_PATH: usize = 1_000;

/// What somebody goes to the provider for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SsoPurpose {
    SignIn,
    /// To prove in a session that they are there.
    Confirm,
    /// To show which account of theirs is to be linked to the user of a session.
    Link,
}

/// What is remembered of a single sign-on between leaving for the provider and coming back.
#[derive(Clone, Serialize, Deserialize)]
pub struct SsoState {
    asked: AuthRequest,
    pub purpose: SsoPurpose,
    /// A path of our own to go to afterwards; may be empty.
    pub return_to: String,
    began: DateTime<Utc>,
}

/// What the provider's answer holds, as it is in the address.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct CallbackParams {
    pub state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// Why nothing came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SsoFailure {
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
    /// The provider did not ask the person again, or it is somebody else.
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
    NeedsSecondFactor {
        token: String,
    },
    /// The session goes on under this new token.
    Confirmed {
        token: String,
    },
    /// The account waits in the session until the user has confirmed it.
    Pending,
    Not(SsoFailure),
}

impl From<Trouble> for SsoFailure {
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
    /// To the provider's address. For signing in, the browser keeps the state in a cookie until it
    /// comes back; otherwise the session keeps it.
    To {
        address: String,
        state: Option<String>,
    },
    Not(SsoFailure),
}

/// Sends somebody out to sign in.
///
/// Errors: [`Error::NotFound`] where there is no provider.
pub fn set_out(desk: &Desk, return_to: &str) -> Result<Departure, Error> {
    depart(desk, SsoPurpose::SignIn, return_to, None)
}

/// Sends the user of a session out: they are asked for a new sign-in there. The session keeps what
/// for, so that only an answer to this request, in this session, and only once, counts.
///
/// Errors: [`Error::NotFound`] where there is no provider.
pub fn set_out_in_session(
    desk: &Desk,
    purpose: SsoPurpose,
    return_to: &str,
    session: &Session,
) -> Result<Departure, Error> {
    depart(desk, purpose, return_to, Some(session))
}

fn depart(
    desk: &Desk,
    purpose: SsoPurpose,
    return_to: &str,
    session: Option<&Session>,
) -> Result<Departure, Error> {
    let provider = desk.provider.as_deref().ok_or(Error::NotFound)?;
    let (address, asked) = match provider.depart(session.is_some()) {
        Ok(departed) => departed,
        Err(trouble) => return Ok(Departure::Not(trouble.into())),
    };
    let return_to =
        if return_to.len() <= LONGEST_PATH { return_to.to_owned() } else { String::new() };
    let state = SsoState { asked, purpose, return_to, began: desk.clock.now() };
    let plain =
        serde_json::to_vec(&state).map_err(|error| Fault::template("the SSO state", error))?;
    let encrypted = encrypt_secret::encrypt(
        desk,
        STATE_PURPOSE,
        &session.map(owner_of).unwrap_or_default(),
        &plain,
    )?;
    match session {
        Some(session) => {
            desk.db.write(|tx| sessions::set_challenge(tx, session.id, &encrypted))?;
            Ok(Departure::To { address, state: None })
        }
        None => Ok(Departure::To { address, state: Some(encrypted) }),
    }
}

/// Whether an answer belongs to a sign-in that this desk began.
pub enum Recognised {
    Begun(SsoState),
    /// It came back a second time, took too long or was begun elsewhere. The purpose, as far as it
    /// is known.
    Stale(SsoPurpose),
}

/// The SSO state that an answer belongs to: one of signing in, which the browser's cookie holds, or
/// the one of the session.
pub fn recognise(
    desk: &Desk,
    cookie: &str,
    session: Option<&Session>,
    answer: &CallbackParams,
) -> Result<Recognised, Error> {
    let unknown = Recognised::Stale(SsoPurpose::SignIn);
    let Some(provider) = desk.provider.as_deref() else { return Ok(unknown) };
    if let Some(state) = open(desk, "", cookie, answer) {
        let counts = is_young(desk, state.began) && provider.use_up(&state.asked);
        return Ok(if counts {
            Recognised::Begun(state)
        } else {
            Recognised::Stale(state.purpose)
        });
    }
    let Some(session) = session else { return Ok(unknown) };
    let Some(encrypted) = desk.db.read(|conn| sessions::challenge(conn, session.id))? else {
        return Ok(unknown);
    };
    // Looked at first: an address that somebody else made up uses up nothing.
    let Some(state) = open(desk, &owner_of(session), &encrypted, answer) else {
        return Ok(unknown);
    };
    let is_first = desk.db.write(|tx| sessions::use_challenge(tx, session.id, &encrypted))?;
    Ok(if is_first && is_young(desk, state.began) {
        Recognised::Begun(state)
    } else {
        Recognised::Stale(state.purpose)
    })
}

/// The SSO state in the encrypted text, if the answer belongs to it.
fn open(desk: &Desk, owner: &str, encrypted: &str, answer: &CallbackParams) -> Option<SsoState> {
    let state: SsoState =
        serde_json::from_slice(&encrypt_secret::decrypt(desk, STATE_PURPOSE, owner, encrypted)?)
            .ok()?;
    let returned = answer.state.as_deref().unwrap_or_default();
    bool::from(returned.as_bytes().ct_eq(state.asked.state.as_bytes())).then_some(state)
}

/// Whether what began then may still be finished.
pub(in crate::app) fn is_young(desk: &Desk, began: DateTime<Utc>) -> bool {
    (TimeDelta::zero()..PATIENCE).contains(&(desk.clock.now() - began))
}

/// Handles the answer with which the person comes back from the provider. `session`: the one that
/// the browser has, if it is alive.
pub fn arrive(
    desk: &Desk,
    state: &SsoState,
    answer: &CallbackParams,
    session: Option<&Session>,
    limits: SessionLimits,
    origin: &Origin,
) -> Result<Arrival, Error> {
    let request_id = origin.request_id.as_str();
    let Some(provider) = desk.provider.as_deref() else {
        return Ok(Arrival::Not(SsoFailure::Stale));
    };
    // Another issuer's answer, mixed up with ours (RFC 9207), or no answer at all.
    let is_ours = answer.iss.as_deref().is_none_or(|iss| iss == provider.issuer());
    let code = match (&answer.code, &answer.error) {
        (Some(code), None) if is_ours => code,
        _ => {
            return Ok(Arrival::Not(if is_ours {
                SsoFailure::Denied
            } else {
                SsoFailure::Untrusted
            }));
        }
    };
    let proven = match provider.arrive(&state.asked, code, desk.clock.now()) {
        Ok(proven) => proven,
        Err(trouble) => {
            if trouble != Trouble::Silent {
                let record = failure("untrusted");
                desk.db.write(|tx| {
                    record_failure_of(
                        tx,
                        desk,
                        session.map(|session| session.user),
                        &record,
                        request_id,
                    )
                })?;
            }
            return Ok(Arrival::Not(trouble.into()));
        }
    };
    match (state.purpose, session) {
        (SsoPurpose::SignIn, _) => let_in(desk, provider, &proven, limits, origin),
        (SsoPurpose::Confirm, Some(session)) => confirm(desk, state, &proven, session, request_id),
        // A provider that says when it asked the person must have asked just now. One that does not
        // say so was asked to all the same: the page that shows the account says that it is not
        // known.
        (SsoPurpose::Link, Some(_)) if !is_fresh(state, &proven).unwrap_or(true) => {
            Ok(Arrival::Not(SsoFailure::NotProved))
        }
        (SsoPurpose::Link, Some(session)) => {
            link_identity::keep_pending(desk, provider, &proven, session)
        }
        (SsoPurpose::Confirm | SsoPurpose::Link, None) => Ok(Arrival::Not(SsoFailure::Stale)),
    }
}

/// Whether the provider has asked the person since they set out; `None`: it does not say.
fn is_fresh(state: &SsoState, proven: &Proven) -> Option<bool> {
    proven.authenticated_at.map(|at| at >= state.began - CLOCK_TOLERANCE)
}

fn failure(why: &str) -> NewRecord {
    NewRecord::new(None, Action::SignInFailed, Actor::System)
        .detail("method", "sso")
        .detail("why", why)
}

/// Signs in whom the identity belongs to; the first time the one who has its verified e-mail.
fn let_in(
    desk: &Desk,
    provider: &OidcProvider,
    proven: &Proven,
    limits: SessionLimits,
    origin: &Origin,
) -> Result<Arrival, Error> {
    let request_id = origin.request_id.as_str();
    let device = &Device {
        agent: origin.agent.clone(),
        address: origin.address.clone(),
        ..Device::default()
    };
    let who = (proven.issuer.as_str(), proven.subject.as_str());
    let email =
        match desk.db.read(|conn| identities::find(conn, who.0, who.1).map_err(Error::from))? {
            Some(_) => None,
            None => match provider.verified_email(proven) {
                Ok(email) => email,
                Err(trouble) => return Ok(Arrival::Not(trouble.into())),
            },
        };
    let token = new_token()?;
    desk.db.write::<_, Error>(|tx| {
        let now = desk.clock.now();
        let Some(id) = whose(tx, who, email.as_deref())? else {
            record_failure_of(tx, desk, None, &failure("unknown"), request_id)?;
            return Ok(Arrival::Not(SsoFailure::Unknown));
        };
        users::lock(tx, &[id])?;
        // An invited user comes in this way, too.
        let kept = users::get(tx, id)?;
        let is_invited = !kept.has_credentials;
        let user = User { has_credentials: true, ..kept };
        let linked = identities::find(tx, who.0, who.1)?;
        let refused = match (user.standing(limits.absence, now), &linked) {
            (Standing::Locked { .. }, _) => Some(("locked", SsoFailure::Locked)),
            (Standing::Disabled { .. } | Standing::Invited, _) => {
                Some(("disabled", SsoFailure::Unknown))
            }
            (Standing::Active, Some(linked)) if linked.user != id => {
                Some(("taken", SsoFailure::Taken))
            }
            (Standing::Active, None) if identities::of_user(tx, id, who.0)?.is_some() => {
                Some(("taken", SsoFailure::Taken))
            }
            (Standing::Active, _) => None,
        };
        if let Some((word, why)) = refused {
            record_failure_of(tx, desk, Some(id), &failure(word).detail("user", id.0), request_id)?;
            return Ok(Arrival::Not(why));
        }
        if linked.is_none() {
            if is_invited {
                offers::accept_only_one(tx, desk, id, request_id)?;
                // They are in: the link of the invitation has done its work.
                account_links::remove_unused(tx, account_link::LinkPurpose::Invite, Some(id))?;
            }
            link_identity::link(tx, desk, id, who, "email", origin)?;
        }
        identities::note_use(tx, who, now)?;
        if user.has_second_factor {
            pending_sign_ins::remove_stale(tx, now - finish_sign_in::KEPT)?;
            pending_sign_ins::start(tx, id, &tokens::hash(&token), now)?;
            let record =
                NewRecord::new(None, Action::IdentityAccepted, Actor::System).detail("user", id.0);
            record_in_each_merchant(tx, desk, id, &record, request_id)?;
            return Ok(Arrival::NeedsSecondFactor { token: token.clone() });
        }
        start_session(tx, desk, &user, &token, limits, device)?;
        let record =
            NewRecord::new(None, Action::SignedIn, Actor::User(id)).detail("method", "sso");
        record_in_each_merchant(tx, desk, id, &record, request_id)?;
        Ok(Arrival::In { token: token.clone() })
    })
}

/// Whom the identity belongs to, or would if it were linked.
fn whose(
    tx: &mut WriteTx<'_>,
    (issuer, subject): (&str, &str),
    email: Option<&str>,
) -> Result<Option<UserId>, Error> {
    if let Some(linked) = identities::find(tx, issuer, subject)? {
        return Ok(Some(linked.user));
    }
    let Some(email) = email.filter(|email| !email.contains('\0')) else { return Ok(None) };
    Ok(users::find_by_email(tx, &EmailAddress::stored(email.to_owned()))?.map(|user| user.id))
}

/// The user of the session has proved again to be there, if it is they, and if the provider has
/// just asked them.
fn confirm(
    desk: &Desk,
    state: &SsoState,
    proven: &Proven,
    session: &Session,
    request_id: &str,
) -> Result<Arrival, Error> {
    desk.db.write(|tx| {
        users::lock(tx, &[session.user])?;
        let linked = identities::find(tx, &proven.issuer, &proven.subject)?;
        let is_own = linked.is_some_and(|linked| linked.user == session.user);
        let is_right = is_own && is_fresh(state, proven) == Some(true);
        let token = is_right.then(|| freshen(tx, desk, session)).transpose()?;
        let action = if is_right { Action::Confirmed } else { Action::ConfirmFailed };
        let record =
            NewRecord::new(None, action, Actor::User(session.user)).detail("method", "sso");
        record_in_each_merchant(tx, desk, session.user, &record, request_id)?;
        Ok(token.map_or(Arrival::Not(SsoFailure::NotProved), |token| Arrival::Confirmed { token }))
    })
}
