//! A user's own account: what there is to see, another password, and the sessions.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::account_mail::{SignInChange, tell_user};
use crate::{
    app::{
        Desk, Error,
        factors::passkeys,
        origin::Origin,
        sign_in::{
            confirm_session::{is_still, right_password},
            passwords,
            sessions::{Session, SessionLimits, freshen, record_in_each_merchant},
        },
    },
    db::{self, account_links, factors, memberships, sessions, users},
    domain::{
        Invalid,
        account_link::LinkPurpose,
        audit::{Action, Actor, NewRecord},
        user::User,
    },
};

pub use db::{identities::Identity, passkeys::StoredPasskey, sessions::SeenSession};

/// Single sign-on, as it stands for a user.
#[derive(Debug, Clone)]
pub struct OwnSso {
    pub name: String,
    pub identity: Option<Identity>,
}

/// A user's own account.
#[derive(Debug, Clone)]
pub struct Account {
    pub user: User,
    /// Whether there is a password: who signs in elsewhere has none.
    pub has_password: bool,
    pub sessions: Vec<SeenSession>,
    /// Which of the sessions is the one that looks.
    pub own_session: i64,
    /// Since when there is an authenticator app.
    pub app_since: Option<DateTime<Utc>>,
    pub recovery_codes: i64,
    pub passkeys: Vec<StoredPasskey>,
    /// Whether passkeys can be had at this desk's address.
    pub passkeys_available: bool,
    /// Where one can sign in besides, and who one is there.
    pub sso: Option<OwnSso>,
    /// Merchants that offer a role.
    pub offers: Vec<memberships::Membership>,
    /// Merchants that open only with a second factor.
    pub requiring: Vec<String>,
    /// The zone of the user's first merchant; UTC where there is none.
    pub zone: Tz,
}

/// The account of the session's user.
pub fn show(desk: &Desk, session: &Session, limits: SessionLimits) -> Result<Account, Error> {
    let now = desk.clock.now();
    desk.db.read(|conn| {
        let user = session.user;
        let (merchants, offers) = memberships::accepted_and_offered(conn, user)?;
        Ok(Account {
            user: users::get(conn, user)?,
            has_password: sessions::credentials(conn, &session.email)?
                .is_some_and(|known| !known.password_hash.is_empty()),
            sessions: sessions::list_of_user(conn, user, now - limits.idle, now - limits.absolute)?,
            own_session: session.id,
            app_since: factors::app_of(conn, user)?.map(|app| app.added_at),
            recovery_codes: factors::count_recovery_codes(conn, user)?,
            passkeys: db::passkeys::list_of_user(conn, user)?,
            passkeys_available: passkeys::available(desk),
            sso: match desk.provider.as_deref() {
                Some(provider) => Some(OwnSso {
                    name: provider.name().to_owned(),
                    identity: db::identities::of_user(conn, user, provider.issuer())?,
                }),
                None => None,
            },
            offers,
            zone: merchants.first().map_or(Tz::UTC, |own| own.merchant.zone),
            requiring: merchants
                .into_iter()
                .filter(|own| own.requires_second_factor)
                .map(|own| own.merchant.name)
                .collect(),
        })
    })
}

/// The zone in which times are shown to the session's user, where no merchant is open.
pub fn zone_of(desk: &Desk, session: &Session) -> Result<Tz, Error> {
    desk.db.read(|conn| {
        Ok(memberships::list_of_user(conn, session.user)?
            .first()
            .map_or(Tz::UTC, |own| own.merchant.zone))
    })
}

/// What came of changing the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordChangeOutcome {
    /// The session goes on under this new token.
    Done {
        token: String,
    },
    /// The old one is not right.
    Wrong,
    Invalid(Invalid),
}

/// Changes the password of the session's user, ends all their other sessions and tells them by
/// mail. Slow on purpose.
pub fn change_password(
    desk: &Desk,
    session: &Session,
    old: &str,
    new: &str,
    origin: &Origin,
) -> Result<PasswordChangeOutcome, Error> {
    let request_id = origin.request_id.as_str();
    let actor = Actor::User(session.user);
    let Some(kept) = right_password(desk, session, old)? else {
        let record = NewRecord::new(None, Action::ConfirmFailed, actor);
        desk.db.write(|tx| record_in_each_merchant(tx, desk, session.user, &record, request_id))?;
        return Ok(PasswordChangeOutcome::Wrong);
    };
    if let Err(why) = passwords::check_new(new, &[&session.email, &session.name]) {
        return Ok(PasswordChangeOutcome::Invalid(why));
    }
    let hash = passwords::hash(new)?;
    desk.db.write(|tx| {
        let now = desk.clock.now();
        users::lock(tx, &[session.user])?;
        if !is_still(tx, session, &kept)? {
            return Ok(PasswordChangeOutcome::Wrong);
        }
        users::set_password(tx, session.user, &hash, now)?;
        // What was asked for before is not to be used after.
        account_links::remove_unused(tx, LinkPurpose::Reset, Some(session.user))?;
        account_links::remove_unused(tx, LinkPurpose::Invite, Some(session.user))?;
        sessions::end_all(tx, session.user, Some(session.id))?;
        let token = freshen(tx, desk, session)?;
        record_in_each_merchant(
            tx,
            desk,
            session.user,
            &NewRecord::new(None, Action::PasswordChanged, actor),
            request_id,
        )?;
        tell_user(tx, desk, session.user, &[SignInChange::PasswordChanged], origin)?;
        Ok::<_, Error>(PasswordChangeOutcome::Done { token })
    })
}

/// Ends one session of the session's user.
///
/// Errors: [`Error::NotFound`] for one that is not theirs, or has ended; and for this one, which
/// ends by signing out.
pub fn end_session(desk: &Desk, session: &Session, id: i64, request_id: &str) -> Result<(), Error> {
    desk.db.write(|tx| {
        if id == session.id || !sessions::end_one(tx, session.user, id)? {
            return Err(Error::NotFound);
        }
        record_end(tx, desk, session, 1, request_id)
    })
}

/// Ends all sessions of the session's user but this one.
pub fn end_other_sessions(desk: &Desk, session: &Session, request_id: &str) -> Result<(), Error> {
    desk.db.write(|tx| {
        users::lock(tx, &[session.user])?;
        let ended = sessions::end_all(tx, session.user, Some(session.id))?;
        record_end(tx, desk, session, i64::try_from(ended).unwrap_or(i64::MAX), request_id)
    })
}

pub(in crate::app) fn record_end(
    tx: &mut db::WriteTx<'_>,
    desk: &Desk,
    session: &Session,
    ended: i64,
    request_id: &str,
) -> Result<(), Error> {
    let record = NewRecord::new(None, Action::SessionsEnded, Actor::User(session.user))
        .detail("user", session.user.0);
    record_in_each_merchant(tx, desk, session.user, &record.detail("sessions", ended), request_id)
}
