//! Signing in and out, and who a session belongs to.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;

use super::{finish_sign_in, passwords};
use crate::{
    app::{Desk, Error, encrypted_text, tokens},
    db::{WriteTx, audit, memberships, pending_sign_ins, sessions, users},
    domain::{
        audit::{Action, Actor, NewRecord},
        email::account_key,
        ids::{MerchantId, UserId},
        user::{Absence, Standing, User},
    },
};

pub use memberships::Membership;
pub use sessions::Session;

/// How long a session lives, and how long one may stay away.
#[derive(Debug, Clone, Copy)]
pub struct SessionLimits {
    pub idle: TimeDelta,
    pub absolute: TimeDelta,
    pub absence: Absence,
    /// For how long somebody counts as being there after they have proved it: then dangerous acts
    /// ask again.
    pub confirmation: TimeDelta,
}

impl Default for SessionLimits {
    /// Guarantee S3.
    fn default() -> Self {
        Self {
            idle: TimeDelta::minutes(30),
            absolute: TimeDelta::hours(8),
            absence: Some(TimeDelta::days(90)),
            confirmation: TimeDelta::minutes(15),
        }
    }
}

/// Where somebody signs in from.
#[derive(Debug, Clone, Default)]
pub struct Device {
    /// The browser in words, as its user may recognise it.
    pub agent: String,
    pub address: String,
    /// Whether the user has signed in with it before.
    pub is_known: bool,
}

/// What came of a sign-in.
#[derive(Debug)]
pub enum SignInOutcome {
    /// The new session's token: 256 random bits, for the cookie only.
    In { token: String },
    /// The password is right, and the user has a second factor: no session yet. The token is for
    /// its own short-lived cookie.
    NeedsSecondFactor { token: String },
    /// The password is right, and the user has stayed away too long.
    Locked,
    /// E-mail and password do not match an active user.
    No,
}

/// Checks e-mail and password, and starts a session, or for a user with a second factor half of
/// one.
///
/// The answer, and the time it takes, is the same for unknown users, disabled users and wrong
/// passwords.
pub fn sign_in(
    desk: &Desk,
    email: &str,
    password: &str,
    limits: SessionLimits,
    device: &Device,
    request_id: &str,
) -> Result<SignInOutcome, Error> {
    // PostgreSQL takes no NUL in a text; nobody's address has one.
    let email = account_key(email).replace('\0', "\u{fffd}");
    let known = desk.db.read(|conn| sessions::credentials(conn, &email).map_err(Error::from))?;
    let fits = passwords::verify(password, known.as_ref().map(|k| k.password_hash.as_str()));
    let Some(known) = known.as_ref().filter(|_| fits) else {
        desk.db.write(|tx| {
            record_failure(tx, desk, known.as_ref().map(|known| known.user), request_id)
        })?;
        return Ok(SignInOutcome::No);
    };
    let token = new_token()?;
    desk.db.write(|tx| {
        let now = desk.clock.now();
        users::lock(tx, &[known.user])?;
        let user = users::get(tx, known.user)?;
        // Checked before the lock: another one may have been chosen meanwhile, so that the sessions
        // of this one end.
        let is_still = sessions::credentials(tx, &email)?
            .is_some_and(|now| now.password_hash == known.password_hash);
        match user.standing(limits.absence, now) {
            Standing::Active if is_still => {}
            standing => {
                record_failure(tx, desk, Some(user.id), request_id)?;
                return Ok(if matches!(standing, Standing::Locked { .. }) {
                    SignInOutcome::Locked
                } else {
                    SignInOutcome::No
                });
            }
        }
        if user.has_second_factor {
            pending_sign_ins::remove_stale(tx, now - finish_sign_in::KEPT)?;
            pending_sign_ins::start(tx, user.id, &tokens::hash(&token), now)?;
            // The actor is nobody yet: a password alone does not prove that it is this user.
            let record = NewRecord::new(None, Action::PasswordAccepted, Actor::System)
                .detail("user", user.id.0);
            record_in_each_merchant(tx, desk, user.id, &record, request_id)?;
            return Ok(SignInOutcome::NeedsSecondFactor { token: token.clone() });
        }
        start_session(tx, desk, &user, &token, limits, device)?;
        record_in_each_merchant(
            tx,
            desk,
            user.id,
            &NewRecord::new(None, Action::SignedIn, Actor::User(user.id)),
            request_id,
        )?;
        Ok(SignInOutcome::In { token: token.clone() })
    })
}

/// Starts a session that `token` holds; always a new one, whatever the browser had before.
pub(in crate::app) fn start_session(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    user: &User,
    token: &str,
    limits: SessionLimits,
    device: &Device,
) -> Result<(), Error> {
    let now = desk.clock.now();
    // Each sign-in removes sessions that have ended, so that they do not pile up.
    sessions::remove_stale(tx, now - limits.absolute)?;
    sessions::start(tx, user.id, &tokens::hash(token), (&device.agent, &device.address), now)?;
    Ok(users::touch(tx, user.id, now)?)
}

/// 256 random bits as text.
pub(in crate::app) fn new_token() -> Result<String, Error> {
    Ok(URL_SAFE_NO_PAD.encode(encrypted_text::random::<32>()?))
}

/// Makes the session fresh after its user has just proved who they are; answers its new token.
pub(in crate::app) fn freshen(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    session: &Session,
) -> Result<String, Error> {
    let token = new_token()?;
    sessions::confirm(tx, session.user, session.id, &tokens::hash(&token), desk.clock.now())?;
    Ok(token)
}

/// Ends the session of that token, if there is one.
pub fn sign_out(desk: &Desk, token: &str, request_id: &str) -> Result<(), Error> {
    desk.db.write(|tx| match sessions::end(tx, &tokens::hash(token))? {
        Some(user) => record_in_each_merchant(
            tx,
            desk,
            user,
            &NewRecord::new(None, Action::SignedOut, Actor::User(user)),
            request_id,
        ),
        None => Ok(()),
    })
}

/// The live session of that token. Its last use is written down at most once a minute.
pub fn resume_session(
    desk: &Desk,
    token: &str,
    limits: SessionLimits,
) -> Result<Option<Session>, Error> {
    let (hash, now) = (tokens::hash(token), desk.clock.now());
    Ok(desk
        .db
        .read(|conn| sessions::find(conn, &hash, now - limits.idle, now - limits.absolute))?)
}

/// The live session of that token, and all merchants of its user, by name.
pub fn recognise(
    desk: &Desk,
    token: &str,
    limits: SessionLimits,
) -> Result<Option<(Session, Vec<Membership>)>, Error> {
    let (hash, now) = (tokens::hash(token), desk.clock.now());
    desk.db.read(|conn| {
        let Some(session) = sessions::find(conn, &hash, now - limits.idle, now - limits.absolute)?
        else {
            return Ok(None);
        };
        let merchants = memberships::list_of_user(conn, session.user)?;
        Ok(Some((session, merchants)))
    })
}

/// Whether the session's last use is old enough to be written again.
pub fn is_due_for_touch(desk: &Desk, session: &Session) -> bool {
    desk.clock.now() - session.last_used_at >= TimeDelta::minutes(1)
}

/// Writes down that the session was used, and that its user was here.
pub fn touch_session(desk: &Desk, session: i64, user: UserId) -> Result<(), Error> {
    desk.db.write(|tx| {
        let now = desk.clock.now();
        users::touch(tx, user, now)?;
        Ok(sessions::touch(tx, session, now)?)
    })
}

/// The user's place in the merchant of that slug.
pub fn enter_merchant(desk: &Desk, slug: &str, user: UserId) -> Result<Option<Membership>, Error> {
    Ok(desk.db.read(|conn| memberships::enter(conn, slug, user))?)
}

/// A failure goes into each merchant of the user, or into the installation's own log for an unknown
/// address.
pub(in crate::app) fn record_failure(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    user: Option<UserId>,
    request_id: &str,
) -> Result<(), Error> {
    // The actor of a failure is nobody: the person who typed did not prove to be this user.
    let record = NewRecord::new(None, Action::SignInFailed, Actor::System);
    let record = if let Some(user) = user { record.detail("user", user.0) } else { record };
    record_failure_of(tx, desk, user, &record, request_id)
}

/// The same with a record of one's own.
pub(in crate::app) fn record_failure_of(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    user: Option<UserId>,
    record: &NewRecord,
    request_id: &str,
) -> Result<(), Error> {
    match user {
        Some(user) => record_in_each_merchant(tx, desk, user, record, request_id),
        None => append(tx, desk, None, record, request_id),
    }
}

/// The same record in each merchant of the user, or in the installation's own log where there is
/// none.
pub(in crate::app) fn record_in_each_merchant(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    user: UserId,
    record: &NewRecord,
    request_id: &str,
) -> Result<(), Error> {
    let merchants = memberships::list_counted(tx, user)?;
    if merchants.is_empty() {
        return append(tx, desk, None, record, request_id);
    }
    for membership in merchants {
        append(tx, desk, Some(membership.merchant.id), record, request_id)?;
    }
    Ok(())
}

fn append(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    merchant: Option<MerchantId>,
    record: &NewRecord,
    request_id: &str,
) -> Result<(), Error> {
    let record = NewRecord { merchant, request_id: Some(request_id.to_owned()), ..record.clone() };
    audit::append(tx, &record, desk.clock.now())?;
    Ok(())
}
