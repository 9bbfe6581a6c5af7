//! The second step of signing in: a factor after the password, or a passkey alone.

use chrono::TimeDelta;

use super::sessions::{
    Device, SessionLimits, SignInOutcome, new_token, record_failure, record_in_each_merchant,
    start_session,
};
use crate::{
    app::{
        Desk, Error,
        factors::{
            passkeys::{self, Question},
            second_factors::{self, Challenge, Factor, FactorProof, Has},
        },
        tokens,
    },
    db::{
        DbConn, WriteTx,
        pending_sign_ins::{self, PendingSignIn},
        users,
    },
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
/// How many wrong factors end a pending sign-in.
const TRIES: i64 = 5;
/// So many wrong factors for one user within the patience, from wherever they come, and codes are
/// not looked at for a while: otherwise somebody with the password could try them all from many
/// addresses. Passkeys cannot be guessed, and stay.
const CODES_IN_ALL: i64 = 20;

/// A sign-in that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingSignIn {
    pub email: String,
    pub has: Has,
}

/// The sign-in that waits under that token; `None`: it is over, or never was.
pub fn look_at(desk: &Desk, token: &str) -> Result<Option<WaitingSignIn>, Error> {
    desk.db.read(|conn| {
        let Some(pending) = find(conn, desk, token)? else { return Ok(None) };
        let user = users::get(conn, pending.user)?;
        Ok(Some(WaitingSignIn {
            email: user.email,
            has: second_factors::of_user(conn, pending.user)?,
        }))
    })
}

fn find(conn: &mut DbConn, desk: &Desk, token: &str) -> Result<Option<PendingSignIn>, Error> {
    Ok(pending_sign_ins::find(conn, &tokens::hash(token), desk.clock.now() - PATIENCE, TRIES)?)
}

fn owner_of(pending: &PendingSignIn) -> String {
    format!("half-sign-in:{}", pending.id)
}

/// What the browser is to ask a passkey of the user for; `None` as in [`look_at`].
pub fn ask_passkey(desk: &Desk, token: &str) -> Result<Option<String>, Error> {
    desk.db.write(|tx| {
        let Some(pending) = find(tx, desk, token)? else { return Ok(None) };
        let known = crate::db::passkeys::list_of_user(tx, pending.user)?;
        let question = passkeys::ask(desk, &known, &owner_of(&pending))?;
        pending_sign_ins::set_challenge(tx, pending.id, &question.encrypted)?;
        Ok(Some(question.options))
    })
}

/// What came of showing a factor.
#[derive(Debug)]
pub enum Finished {
    /// The new session's token.
    In { token: String },
    Wrong {
        /// How many tries are left.
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
    shown: &FactorProof,
    limits: SessionLimits,
    device: &Device,
    request_id: &str,
) -> Result<Finished, Error> {
    let session = new_token()?;
    desk.db.write(|tx| {
        let Some(pending) = find(tx, desk, token)? else { return Ok(Finished::Gone) };
        users::lock(tx, &[pending.user])?;
        // Again, now that nobody else can use it up.
        let Some(pending) = find(tx, desk, token)? else { return Ok(Finished::Gone) };
        let user = users::get(tx, pending.user)?;
        if user.standing(limits.absence, desk.clock.now()) != Standing::Active
            || !user.has_second_factor
        {
            pending_sign_ins::remove(tx, pending.id)?;
            return Ok(Finished::Gone);
        }
        let since = desk.clock.now() - KEPT;
        // Somebody with the password can use these up, but a browser of the user has tries of its
        // own.
        if matches!(shown, FactorProof::Code(_))
            && !device.is_known
            && pending_sign_ins::failures_of_user(tx, user.id, since)? >= CODES_IN_ALL
        {
            return Ok(Finished::TooMany);
        }
        let challenge =
            Challenge { owner: &owner_of(&pending), encrypted: pending.challenge.as_deref() };
        let Some(factor) = second_factors::check(tx, desk, user.id, shown, &challenge, request_id)?
        else {
            pending_sign_ins::fail(tx, pending.id)?;
            let record =
                NewRecord::new(None, Action::FactorFailed, Actor::System).detail("user", user.id.0);
            record_in_each_merchant(tx, desk, user.id, &record, request_id)?;
            return Ok(Finished::Wrong { left: TRIES - pending.failures - 1 });
        };
        pending_sign_ins::remove(tx, pending.id)?;
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
    encrypted: &str,
    answer: &str,
    limits: SessionLimits,
    device: &Device,
    request_id: &str,
) -> Result<SignInOutcome, Error> {
    let token = new_token()?;
    desk.db.write(|tx| {
        let Some(claimed) = passkeys::claimed_owner(tx, answer)? else {
            record_failure(tx, desk, None, request_id)?;
            return Ok(SignInOutcome::No);
        };
        users::lock(tx, &[claimed.user])?;
        let user = users::get(tx, claimed.user)?;
        // Again, now that it cannot be removed or used by somebody else.
        let kept = passkeys::claimed_owner(tx, answer)?;
        let is_right = match &kept {
            Some(kept) => passkeys::check_anybody(tx, desk, kept, encrypted, answer)?,
            None => false,
        };
        match user.standing(limits.absence, desk.clock.now()) {
            Standing::Active if is_right => {
                start(tx, desk, &user, &token, Factor::Passkey, limits, device, request_id)?;
                Ok(SignInOutcome::In { token: token.clone() })
            }
            standing => {
                record_failure(tx, desk, Some(user.id), request_id)?;
                Ok(if is_right && matches!(standing, Standing::Locked { .. }) {
                    SignInOutcome::Locked
                } else {
                    SignInOutcome::No
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
