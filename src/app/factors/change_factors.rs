//! Setting up and removing second factors: one's own, and all of a user's who has lost theirs.

use super::{
    passkeys,
    second_factors::{self, FactorProof},
    totp,
};
use crate::{
    app::{
        Desk, Error, names,
        origin::Origin,
        sign_in::{
            confirm_session::{check_factor, owner_of},
            sessions::{Session, record_in_each_merchant},
        },
        users::{
            account_mail::{SignInChange, tell_user},
            own_account::record_end,
        },
    },
    db::{self, WriteTx, sessions, users},
    domain::{
        Invalid,
        audit::{Action, Actor, NewRecord},
        ids::UserId,
    },
};

/// An app that is being set up: nothing is kept of it until a code proves that the app has the
/// secret.
#[derive(Clone)]
pub struct NewApp {
    /// The secret, sealed for this user: it comes back with the code.
    pub encrypted: String,
    /// For typing.
    pub letters: String,
    /// For the picture.
    pub address: String,
}

/// Begins to set up an authenticator app, or goes on with the secret that was sealed before.
pub fn begin_app(desk: &Desk, session: &Session, encrypted: Option<&str>) -> Result<NewApp, Error> {
    let secret = match encrypted
        .and_then(|encrypted| second_factors::secret_in_form(desk, session.user, encrypted))
    {
        Some(secret) => secret,
        None => totp::new_secret()?,
    };
    Ok(NewApp {
        encrypted: second_factors::encrypt_for_form(desk, session.user, &secret)?,
        letters: totp::in_letters(&secret),
        address: totp::address(&secret, &session.email),
    })
}

/// What came of setting a factor up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Added {
    /// With recovery codes where there were none: they are shown this once.
    Done { recovery_codes: Vec<String> },
    /// The code or the answer is not right.
    Wrong,
}

/// Sets the app up in place of the one before, if the code is one of the secret's.
pub fn add_app(
    desk: &Desk,
    session: &Session,
    encrypted: &str,
    code: &str,
    origin: &Origin,
) -> Result<Added, Error> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let Some(secret) = second_factors::secret_in_form(desk, session.user, encrypted) else {
        return Ok(Added::Wrong);
    };
    let Some(step) = totp::step_of(&secret, &code, desk.clock.now()) else {
        return Ok(Added::Wrong);
    };
    desk.db.write::<_, Error>(|tx| {
        users::lock(tx, &[session.user])?;
        shut_others_out(tx, desk, session, &origin.request_id)?;
        let had_one = db::factors::app_of(tx, session.user)?.is_some();
        db::factors::set_app(
            tx,
            session.user,
            &second_factors::seal(desk, session.user, &secret)?,
            step,
            desk.clock.now(),
        )?;
        record(tx, desk, session, Action::AppAdded, &origin.request_id)?;
        added(
            tx,
            desk,
            session,
            if had_one { SignInChange::AppReplaced } else { SignInChange::AppAdded },
            origin,
        )
    })
}

/// What there is to show after a factor was added, and the email about it.
fn added(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    session: &Session,
    change: SignInChange,
    origin: &Origin,
) -> Result<Added, Error> {
    let recovery_codes = first_codes(tx, desk, session, &origin.request_id)?;
    let mut changes = vec![change];
    changes.extend((!recovery_codes.is_empty()).then_some(SignInChange::RecoveryCodesMade));
    tell_user(tx, desk, session.user, &changes, origin)?;
    Ok(Added::Done { recovery_codes })
}

/// Removes the authenticator app; with the last factor the recovery codes go, too.
pub fn remove_app(desk: &Desk, session: &Session, origin: &Origin) -> Result<(), Error> {
    desk.db.write::<_, Error>(|tx| {
        users::lock(tx, &[session.user])?;
        if !db::factors::remove_app(tx, session.user)? {
            return Err(Error::NotFound);
        }
        record(tx, desk, session, Action::AppRemoved, &origin.request_id)?;
        removed(tx, desk, session, SignInChange::AppRemoved, origin)
    })
}

/// What the browser is to ask a device for, to make a passkey.
pub fn begin_passkey(desk: &Desk, session: &Session) -> Result<String, Error> {
    desk.db.write(|tx| {
        let user = users::get(tx, session.user)?;
        let question = passkeys::ask_for_new(
            desk,
            &user,
            &db::passkeys::list_of_user(tx, user.id)?,
            &owner_of(session),
        )?;
        sessions::set_challenge(tx, session.id, &question.encrypted)?;
        Ok(question.options)
    })
}

/// As many passkeys as one user may have.
const MAX_PASSKEYS: usize = 20;

/// Keeps the passkey that the device has made.
///
/// Errors: [`Error::Invalid`] for a name that is none, or too many passkeys.
pub fn add_passkey(
    desk: &Desk,
    session: &Session,
    name: &str,
    answer: &str,
    origin: &Origin,
) -> Result<Added, Error> {
    let name = names::check("the passkey's name", name)?;
    desk.db.write::<_, Error>(|tx| {
        users::lock(tx, &[session.user])?;
        let asked = sessions::take_challenge(tx, session.id)?;
        let made = asked
            .and_then(|encrypted| passkeys::new_of(desk, &owner_of(session), &encrypted, answer));
        let Some((id, credential)) = made else { return Ok(Added::Wrong) };
        if db::passkeys::find(tx, &id)?.is_some() {
            return Ok(Added::Wrong);
        }
        if db::passkeys::list_of_user(tx, session.user)?.len() >= MAX_PASSKEYS {
            return Err(Invalid::because(format!(
                "you already have {MAX_PASSKEYS} passkeys; remove one first"
            ))
            .into());
        }
        shut_others_out(tx, desk, session, &origin.request_id)?;
        let number =
            db::passkeys::add(tx, session.user, &name, (&id, &credential), desk.clock.now())?;
        let added = NewRecord::new(None, Action::PasskeyAdded, Actor::User(session.user))
            .detail("passkey", number);
        record_in_each_merchant(tx, desk, session.user, &added, &origin.request_id)?;
        self::added(tx, desk, session, SignInChange::PasskeyAdded { name: name.clone() }, origin)
    })
}

/// Removes one of the user's own passkeys.
///
/// Errors: [`Error::NotFound`] for one that is not theirs.
pub fn remove_passkey(
    desk: &Desk,
    session: &Session,
    id: i64,
    origin: &Origin,
) -> Result<(), Error> {
    desk.db.write::<_, Error>(|tx| {
        users::lock(tx, &[session.user])?;
        let own = db::passkeys::list_of_user(tx, session.user)?;
        let name = own.into_iter().find(|key| key.id == id).map(|key| key.name).unwrap_or_default();
        if !db::passkeys::remove(tx, session.user, id)? {
            return Err(Error::NotFound);
        }
        let removed = NewRecord::new(None, Action::PasskeyRemoved, Actor::User(session.user))
            .detail("passkey", id);
        record_in_each_merchant(tx, desk, session.user, &removed, &origin.request_id)?;
        self::removed(tx, desk, session, SignInChange::PasskeyRemoved { name }, origin)
    })
}

/// Ten recovery codes in place of the old ones, for a user who shows a factor. `None`: it is not
/// right.
pub fn renew_recovery_codes(
    desk: &Desk,
    session: &Session,
    shown: &FactorProof,
    origin: &Origin,
) -> Result<Option<Vec<String>>, Error> {
    let request_id = origin.request_id.as_str();
    desk.db.write::<_, Error>(|tx| {
        users::lock(tx, &[session.user])?;
        if !users::get(tx, session.user)?.has_second_factor
            || !check_factor(tx, desk, session, shown, request_id)?
        {
            record(tx, desk, session, Action::ConfirmFailed, request_id)?;
            return Ok(None);
        }
        let codes = make_codes(tx, desk, session, request_id)?;
        tell_user(tx, desk, session.user, &[SignInChange::RecoveryCodesReplaced], origin)?;
        Ok(Some(codes))
    })
}

/// With the first factor all other sessions end: none of them has shown one, and a merchant that
/// requires one lets all of the user's in.
fn shut_others_out(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    session: &Session,
    request_id: &str,
) -> Result<(), Error> {
    if users::get(tx, session.user)?.has_second_factor {
        return Ok(());
    }
    match db::sessions::end_all(tx, session.user, Some(session.id))? {
        0 => Ok(()),
        ended => {
            record_end(tx, desk, session, i64::try_from(ended).unwrap_or(i64::MAX), request_id)
        }
    }
}

/// Recovery codes for somebody who has none yet.
fn first_codes(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    session: &Session,
    request_id: &str,
) -> Result<Vec<String>, Error> {
    if db::factors::count_recovery_codes(tx, session.user)? > 0 {
        return Ok(vec![]);
    }
    make_codes(tx, desk, session, request_id)
}

fn make_codes(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    session: &Session,
    request_id: &str,
) -> Result<Vec<String>, Error> {
    record(tx, desk, session, Action::RecoveryCodesMade, request_id)?;
    second_factors::make_recovery_codes(tx, session.user)
}

fn record(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    session: &Session,
    action: Action,
    request_id: &str,
) -> Result<(), Error> {
    record_in_each_merchant(
        tx,
        desk,
        session.user,
        &NewRecord::new(None, action, Actor::User(session.user)),
        request_id,
    )
}

/// After a factor was removed: recovery codes recover nothing where there is none. And the email
/// about it.
fn removed(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    session: &Session,
    change: SignInChange,
    origin: &Origin,
) -> Result<(), Error> {
    let mut changes = vec![change];
    if !users::get(tx, session.user)?.has_second_factor {
        let had_codes = db::factors::count_recovery_codes(tx, session.user)? > 0;
        db::factors::remove_recovery_codes(tx, session.user)?;
        changes.extend(had_codes.then_some(SignInChange::RecoveryCodesRemoved));
    }
    tell_user(tx, desk, session.user, &changes, origin)
}

/// Removes all of a user's factors and recovery codes, and ends their sessions: somebody who has
/// the lost device may be in one. False: there were no factors, and nothing was done. The record is
/// the caller's.
pub(in crate::app) fn remove_all(tx: &mut WriteTx<'_>, user: UserId) -> Result<bool, Error> {
    let app = db::factors::remove_app(tx, user)?;
    let passkeys = db::passkeys::remove_all(tx, user)?;
    db::factors::remove_recovery_codes(tx, user)?;
    let had = app || passkeys > 0;
    if had {
        db::sessions::end_all(tx, user, None)?;
    }
    Ok(had)
}
