//! Linking an identity at the provider of single sign-on to the user of a session: it counts only
//! once the user has seen which account it is and has confirmed it; and removing it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::account_mail::{SignInChange, tell_user};
use crate::{
    app::{
        Desk, Error, Fault, encrypt_secret,
        origin::Origin,
        sign_in::{
            confirm_session::owner_of,
            provider::{OidcProvider, Proven},
            sessions::{Session, new_token, record_in_each_merchant},
            sso::{self, Arrival, SsoFailure},
        },
    },
    db::{self, WriteTx, identities, sessions, users},
    domain::{
        Invalid,
        audit::{Action, Actor, NewRecord},
        ids::UserId,
        invisible,
    },
};

/// What the waiting account is sealed for in the session: nothing else opens as one.
const PURPOSE: &str = "sso-link-v1";
/// Providers' names and addresses are cut here: all must fit into one field of the session.
const MAX_SHOWN_CHARS: usize = 200;

/// The account of the provider that waits for the user's confirmation.
#[derive(Clone, Serialize, Deserialize)]
pub struct PendingLink {
    pub issuer: String,
    pub subject: String,
    pub name: Option<String>,
    pub email: Option<String>,
    /// When the provider says it last asked the person; not every provider says so.
    pub authenticated_at: Option<DateTime<Utc>>,
    /// In the form, so that the button confirms the account that its page showed.
    pub token: String,
    waits_since: DateTime<Utc>,
}

/// Keeps who came back from the provider in the session, until the user has confirmed it. Nothing
/// is linked yet.
pub(in crate::app) fn keep_pending(
    desk: &Desk,
    provider: &OidcProvider,
    proven: &Proven,
    session: &Session,
) -> Result<Arrival, Error> {
    // Only shown: without it, the name and the subject say which account it is.
    let email = provider.email(proven).ok().flatten().map(|(email, _)| email);
    let pending = PendingLink {
        issuer: proven.issuer.clone(),
        subject: proven.subject.clone(),
        name: proven.name.as_deref().and_then(shown),
        email: email.as_deref().and_then(shown),
        authenticated_at: proven.authenticated_at,
        token: new_token()?,
        waits_since: desk.clock.now(),
    };
    let plain = serde_json::to_vec(&pending)
        .map_err(|error| Fault::template("the account to link", error))?;
    let encrypted = encrypt_secret::encrypt(desk, PURPOSE, &owner_of(session), &plain)?;
    desk.db.write(|tx| {
        if is_taken(tx, session.user, &pending)? {
            return Ok(Arrival::Not(SsoFailure::Taken));
        }
        sessions::set_pending_link(tx, session.id, &encrypted)?;
        Ok(Arrival::Pending)
    })
}

impl PendingLink {
    /// The subject as it is shown: without characters that show nothing, or turn what follows.
    pub fn shown_subject(&self) -> String {
        shown(&self.subject).unwrap_or_default()
    }
}

/// Somebody else's text as one short line without invisible characters; `None`: nothing is left of
/// it.
fn shown(text: &str) -> Option<String> {
    let plain = text
        .chars()
        .filter(|c| !invisible::is_invisible(*c))
        .map(|c| if c.is_control() { ' ' } else { c });
    let line: String = plain.take(MAX_SHOWN_CHARS).collect();
    Some(line.trim().to_owned()).filter(|line| !line.is_empty())
}

/// Whether the user has an identity there already, or the identity is a user's.
fn is_taken(tx: &mut WriteTx<'_>, user: UserId, pending: &PendingLink) -> Result<bool, Error> {
    let linked = identities::find(tx, &pending.issuer, &pending.subject)?.is_some();
    Ok(linked || identities::of_user(tx, user, &pending.issuer)?.is_some())
}

/// The account that waits in the session for its user's confirmation; `None`: there is none, or it
/// has waited too long.
pub fn pending(desk: &Desk, session: &Session) -> Result<Option<PendingLink>, Error> {
    let encrypted = desk.db.read(|conn| sessions::pending_link(conn, session.id))?;
    Ok(encrypted.and_then(|encrypted| opened(desk, session, &encrypted)))
}

fn opened(desk: &Desk, session: &Session, encrypted: &str) -> Option<PendingLink> {
    let pending: PendingLink = serde_json::from_slice(&encrypt_secret::decrypt(
        desk,
        PURPOSE,
        &owner_of(session),
        encrypted,
    )?)
    .ok()?;
    let issuer = desk.provider.as_deref()?.issuer();
    (sso::is_young(desk, pending.waits_since) && pending.issuer == issuer).then_some(pending)
}

/// What came of confirming it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linked {
    Done,
    Not(SsoFailure),
}

/// Links the account that waits in the session, if its page held this token. It is used up by that.
pub fn link_pending(
    desk: &Desk,
    session: &Session,
    token: &str,
    origin: &Origin,
) -> Result<Linked, Error> {
    let linked = desk.db.write::<_, Error>(|tx| {
        users::lock(tx, &[session.user])?;
        let Some(encrypted) = sessions::pending_link(tx, session.id)? else {
            return Ok(Linked::Not(SsoFailure::Stale));
        };
        let pending = opened(desk, session, &encrypted);
        let Some(pending) =
            pending.filter(|pending| bool::from(pending.token.as_bytes().ct_eq(token.as_bytes())))
        else {
            return Ok(Linked::Not(SsoFailure::Stale));
        };
        if !sessions::use_pending_link(tx, session.id, &encrypted)? {
            return Ok(Linked::Not(SsoFailure::Stale));
        }
        if is_taken(tx, session.user, &pending)? {
            return Ok(Linked::Not(SsoFailure::Taken));
        }
        link(tx, desk, session.user, (&pending.issuer, &pending.subject), "user", origin)?;
        Ok(Linked::Done)
    });
    match linked {
        // Another user's request has just linked the same account.
        Err(Error::Fault(Fault::Database(db::Error::Conflict(which))))
            if which.is_about("identities", "") =>
        {
            Ok(Linked::Not(SsoFailure::Taken))
        }
        other => other,
    }
}

/// Links the subject to the user, whose row the caller has locked. `by`: what proved that it is the
/// same person.
pub(in crate::app) fn link(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    user: UserId,
    who: (&str, &str),
    by: &str,
    origin: &Origin,
) -> Result<(), Error> {
    identities::link(tx, user, who, desk.clock.now())?;
    // The subject may name a person: no record holds it.
    let record = NewRecord::new(None, Action::IdentityLinked, Actor::User(user))
        .detail("by", by)
        .detail("issuer", who.0);
    record_in_each_merchant(tx, desk, user, &record, &origin.request_id)?;
    let provider = desk.provider.as_deref().map_or(who.0, OidcProvider::name).to_owned();
    tell_user(tx, desk, user, &[SignInChange::IdentityLinked { provider }], origin)
}

/// Removes the identity of the session's user at the provider.
///
/// Errors: [`Error::NotFound`] where there is none; [`Error::Invalid`] where they could not sign in
/// any more.
pub fn unlink(desk: &Desk, session: &Session, origin: &Origin) -> Result<(), Error> {
    let provider = desk.provider.as_deref().ok_or(Error::NotFound)?;
    desk.db.write::<_, Error>(|tx| {
        users::lock(tx, &[session.user])?;
        let has_password = sessions::credentials(tx, &session.email)?
            .is_some_and(|known| !known.password_hash.is_empty());
        if !has_password && db::passkeys::list_of_user(tx, session.user)?.is_empty() {
            return Err(Invalid::because(
                "this is your only way to sign in; first set a password with “Forgotten password?” \
                 or add a passkey",
            )
            .into());
        }
        if !identities::unlink(tx, session.user, provider.issuer())? {
            return Err(Error::NotFound);
        }
        let record = NewRecord::new(None, Action::IdentityUnlinked, Actor::User(session.user))
            .detail("issuer", provider.issuer());
        record_in_each_merchant(tx, desk, session.user, &record, &origin.request_id)?;
        tell_user(
            tx,
            desk,
            session.user,
            &[SignInChange::IdentityUnlinked { provider: provider.name().to_owned() }],
            origin,
        )
    })
}
