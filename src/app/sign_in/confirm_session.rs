//! Proving again to be there, before a dangerous act in a session that is no longer fresh.

use super::{
    passwords,
    sessions::{Session, SessionLimits, freshen, record_in_each_merchant},
};
use crate::{
    app::{
        Desk, Error,
        factors::{
            passkeys,
            second_factors::{self, Challenge, FactorProof, Has},
        },
    },
    db::{self, WriteTx, sessions, users},
    domain::audit::{Action, Actor, NewRecord},
};

/// Whether the session's user has proved lately enough to be there.
pub fn is_fresh(desk: &Desk, session: &Session, limits: SessionLimits) -> bool {
    session.confirmed_at.is_some_and(|at| desk.clock.now() - at < limits.confirmation)
}

/// What is shown to prove it.
#[derive(Clone)]
pub enum Proof {
    Password(String),
    Factor(FactorProof),
}

/// How the user of a session can prove to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ways {
    pub password: bool,
    pub factors: Has,
    /// At the provider of single sign-on.
    pub identity: bool,
}

/// What the user of the session can be asked for.
pub fn what_to_ask(desk: &Desk, session: &Session) -> Result<Ways, Error> {
    desk.db.read(|conn| {
        Ok(Ways {
            password: sessions::credentials(conn, &session.email)?
                .is_some_and(|known| !known.password_hash.is_empty()),
            factors: second_factors::of_user(conn, session.user)?,
            identity: match desk.provider.as_deref() {
                Some(provider) => {
                    db::identities::of_user(conn, session.user, provider.issuer())?.is_some()
                }
                None => false,
            },
        })
    })
}

/// What the browser is to ask a passkey of the user for.
pub fn ask_passkey(desk: &Desk, session: &Session) -> Result<String, Error> {
    desk.db.write(|tx| {
        let question = passkeys::ask(
            desk,
            &db::passkeys::list_of_user(tx, session.user)?,
            &owner_of(session),
        )?;
        sessions::set_challenge(tx, session.id, &question.encrypted)?;
        Ok(question.options)
    })
}

/// To whom a question in a session is put. With the user: SQLite gives the number of a session that
/// has ended to a later one.
pub(in crate::app) fn owner_of(session: &Session) -> String {
    format!("session:{}:{}", session.id, session.user.0)
}

/// Checks the proof; if it is right the session is fresh again, under the new token that is
/// answered. Slow on purpose where it is a password.
pub fn confirm(
    desk: &Desk,
    session: &Session,
    proof: &Proof,
    request_id: &str,
) -> Result<Option<String>, Error> {
    let password = match proof {
        Proof::Password(password) => Some(right_password(desk, session, password)?),
        Proof::Factor(_) => None,
    };
    desk.db.write(|tx| {
        users::lock(tx, &[session.user])?;
        let is_right = match (proof, &password) {
            (Proof::Password(_), Some(Some(kept))) => is_still(tx, session, kept)?,
            (Proof::Factor(shown), _) => check_factor(tx, desk, session, shown, request_id)?,
            _ => false,
        };
        let token = is_right.then(|| freshen(tx, desk, session)).transpose()?;
        let action = if is_right { Action::Confirmed } else { Action::ConfirmFailed };
        let record = NewRecord::new(None, action, Actor::User(session.user));
        record_in_each_merchant(tx, desk, session.user, &record, request_id)?;
        Ok(token)
    })
}

/// Whether the factor is right in this session; the user's row is locked by the caller.
pub(in crate::app) fn check_factor(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    session: &Session,
    shown: &FactorProof,
    request_id: &str,
) -> Result<bool, Error> {
    let encrypted = sessions::take_challenge(tx, session.id)?;
    let challenge = Challenge { owner: &owner_of(session), encrypted: encrypted.as_deref() };
    Ok(second_factors::check(tx, desk, session.user, shown, &challenge, request_id)?.is_some())
}

/// The kept form of the session's user's password, if `password` is it. To be compared once more
/// inside the transaction, by [`is_still`].
pub(in crate::app) fn right_password(
    desk: &Desk,
    session: &Session,
    password: &str,
) -> Result<Option<String>, Error> {
    let known = desk.db.read(|conn| sessions::credentials(conn, &session.email))?;
    let kept = known.map(|known| known.password_hash);
    Ok(if passwords::verify(password, kept.as_deref()) { kept } else { None })
}

/// Whether the password is the one that was compared: somebody may have changed it meanwhile.
pub(in crate::app) fn is_still(
    tx: &mut WriteTx<'_>,
    session: &Session,
    kept: &str,
) -> Result<bool, Error> {
    Ok(sessions::credentials(tx, &session.email)?
        .is_some_and(|known| known.user == session.user && known.password_hash == kept))
}
