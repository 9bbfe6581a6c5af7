//! The second step of signing in: a factor after the password, or a passkey alone.

use chrono::TimeDelta;

use super::{
    Desk, Error,
    factors::{self, Challenge, Factor, Has, PresentedFactor},
    passkeys::{self, Question},
    sign_in::{
        Device, SessionLimits, SignIn, new_token, record_failure, record_in_each_merchant,
        start_session,
    },
    tokens,
};
use crate::{
    db::{DbConn, WriteTx, half_sign_ins, half_sign_ins::PendingSignIn, users},
    domain::{
        audit::{Action, Actor, NewRecord},
        user::{Standing, User},
    },
};

/// How long a password that was right waits for the factor.
pub const PATIENCE: TimeDelta = TimeDelta::minutes(10);
/// How long a pending sign-in is remembered. It is longer than one may take, so that every failure
/// of the last ten minutes still belongs to a row.
pub const KEPT: TimeDelta = TimeDelta::minutes(20);
/// So many wrong factors end it.
const TRIES: i64 = 5;
/// So many wrong factors for one user within the patience, from wherever they come, and codes are
/// not looked at for a while: otherwise whoever has the password could try them all from many
/// addresses. Passkeys cannot be guessed, and stay.
const CODES_IN_ALL: i64 = 20;

/// A sign-in that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub email: String,
    pub has: Has,
}

/// The sign-in that waits under that token; `None`: it is over, or never was.
pub fn look_at(desk: &Desk, token: &str) -> Result<Option<Waiting>, Error> {
    desk.db.read(|conn| {
        let Some(half) = find(conn, desk, token)? else { return Ok(None) };
        let user = users::get(conn, half.user)?;
        Ok(Some(Waiting { email: user.email, has: factors::of_user(conn, half.user)? }))
    })
}

fn find(conn: &mut DbConn, desk: &Desk, token: &str) -> Result<Option<PendingSignIn>, Error> {
    Ok(half_sign_ins::find(conn, &tokens::hash(token), desk.clock.now() - PATIENCE, TRIES)?)
}

fn owner_of(half: &PendingSignIn) -> String {
    format!("half-sign-in:{}", half.id)
}

/// What the browser is to ask a passkey of the user for; `None` as in [`look_at`].
pub fn ask_passkey(desk: &Desk, token: &str) -> Result<Option<String>, Error> {
    desk.db.write(|tx| {
        let Some(half) = find(tx, desk, token)? else { return Ok(None) };
        let known = crate::db::passkeys::list_of_user(tx, half.user)?;
        let question = passkeys::ask(desk, &known, &owner_of(&half))?;
        half_sign_ins::set_challenge(tx, half.id, &question.sealed)?;
        Ok(Some(question.options))
    })
}

/// What came of showing a factor.
#[derive(Debug)]
pub enum Finished {
    /// The new session's token.
    In { token: String },
    Wrong {
        /// So many more tries.
        left: i64,
    },
    /// Too many wrong ones lately: a code was not even looked at.
    TooMany,
    /// The sign-in is over: it begins again.
    Gone,
}

/// Shows a factor; if it is right the session begins, and the half sign-in is used up.
pub fn finish(
    desk: &Desk,
    token: &str,
    shown: &PresentedFactor,
    limits: SessionLimits,
    device: &Device,
    request_id: &str,
) -> Result<Finished, Error> {
    let session = new_token()?;
    desk.db.write(|tx| {
        let Some(half) = find(tx, desk, token)? else { return Ok(Finished::Gone) };
        users::lock(tx, &[half.user])?;
        // Again, now that nobody else can use it up.
        let Some(half) = find(tx, desk, token)? else { return Ok(Finished::Gone) };
        let user = users::get(tx, half.user)?;
        if user.standing(limits.absence, desk.clock.now()) != Standing::Active
            || !user.has_second_factor
        {
            half_sign_ins::remove(tx, half.id)?;
            return Ok(Finished::Gone);
        }
        let since = desk.clock.now() - KEPT;
        // Whoever has the password can spend these, but a browser of the user has tries of its own.
        if matches!(shown, PresentedFactor::Code(_))
            && !device.is_known
            && half_sign_ins::failures_of_user(tx, user.id, since)? >= CODES_IN_ALL
        {
            return Ok(Finished::TooMany);
        }
        let challenge = Challenge { owner: &owner_of(&half), sealed: half.challenge.as_deref() };
        let Some(factor) = factors::check(tx, desk, user.id, shown, &challenge, request_id)? else {
            half_sign_ins::fail(tx, half.id)?;
            let record =
                NewRecord::new(None, Action::FactorFailed, Actor::System).detail("user", user.id.0);
            record_in_each_merchant(tx, desk, user.id, &record, request_id)?;
            return Ok(Finished::Wrong { left: TRIES - half.failures - 1 });
        };
        half_sign_ins::remove(tx, half.id)?;
        start(tx, desk, &user, &session, factor, limits, device, request_id)?;
        Ok(Finished::In { token: session.clone() })
    })
}

/// What the browser is to ask any passkey of this desk for.
pub fn ask_any_passkey(desk: &Desk) -> Result<Question, Error> {
    passkeys::ask_anybody(desk)
}

/// Signs in with a passkey alone: it is there, and its user was verified by the device.
pub fn sign_in_with_passkey(
    desk: &Desk,
    sealed: &str,
    answer: &str,
    limits: SessionLimits,
    device: &Device,
    request_id: &str,
) -> Result<SignIn, Error> {
    let token = new_token()?;
    desk.db.write(|tx| {
        let Some(claimed) = passkeys::claimed_owner(tx, answer)? else {
            record_failure(tx, desk, None, request_id)?;
            return Ok(SignIn::No);
        };
        users::lock(tx, &[claimed.user])?;
        let user = users::get(tx, claimed.user)?;
        // Again, now that it cannot be removed or used by somebody else.
        let kept = passkeys::claimed_owner(tx, answer)?;
        let is_right = match &kept {
            Some(kept) => passkeys::check_anybody(tx, desk, kept, sealed, answer)?,
            None => false,
        };
        match user.standing(limits.absence, desk.clock.now()) {
            Standing::Active if is_right => {
                start(tx, desk, &user, &token, Factor::Passkey, limits, device, request_id)?;
                Ok(SignIn::In { token: token.clone() })
            }
            standing => {
                record_failure(tx, desk, Some(user.id), request_id)?;
                Ok(if is_right && matches!(standing, Standing::Locked { .. }) {
                    SignIn::Locked
                } else {
                    SignIn::No
                })
            }
        }
    })
}

#[allow(clippy::too_many_arguments, reason = "one act, called from two places")]
fn start(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    user: &User,
    token: &str,
    factor: Factor,
    limits: SessionLimits,
    device: &Device,
    request_id: &str,
) -> Result<(), Error> {
    start_session(tx, desk, user, token, limits, device)?;
    let record = NewRecord::new(None, Action::SignedIn, Actor::User(user.id))
        .detail("factor", factor.as_str());
    record_in_each_merchant(tx, desk, user.id, &record, request_id)
}
