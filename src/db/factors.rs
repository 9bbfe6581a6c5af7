//! A user's authenticator app and recovery codes; passkeys have a module of their own.

use chrono::{DateTime, Utc};
use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::{
    DbConn, Error, WriteTx,
    instant::At,
    schema::{recovery_codes as r, users as u},
};
use crate::domain::ids::UserId;

/// An authenticator app that is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticatorApp {
    pub encrypted_secret: String,
    pub added_at: DateTime<Utc>,
}

/// The user's authenticator app, if there is one.
pub fn app_of(conn: &mut DbConn, user: UserId) -> Result<Option<AuthenticatorApp>, Error> {
    let row: Option<(Option<String>, Option<At>)> =
        u::table.find(user.0).select((u::totp_secret, u::totp_added_at)).first(conn).optional()?;
    Ok(row.and_then(|(secret, added)| {
        Some(AuthenticatorApp { encrypted_secret: secret?, added_at: added?.0 })
    }))
}

/// Sets the app up; `step` is that of the code that proved it, so that this code is used up.
pub fn set_app(
    tx: &mut WriteTx<'_>,
    user: UserId,
    encrypted_secret: &str,
    step: i64,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let app =
        (u::totp_secret.eq(encrypted_secret), u::totp_added_at.eq(At(now)), u::totp_step.eq(step));
    diesel::update(u::table.find(user.0)).set(app).execute(&mut **tx)?;
    Ok(())
}

/// Removes the app; false: there was none.
pub fn remove_app(tx: &mut WriteTx<'_>, user: UserId) -> Result<bool, Error> {
    let nothing = (
        u::totp_secret.eq(None::<String>),
        u::totp_added_at.eq(None::<At>),
        u::totp_step.eq(None::<i64>),
    );
    let there = u::table.filter(u::id.eq(user.0)).filter(u::totp_secret.is_not_null());
    Ok(diesel::update(there).set(nothing).execute(&mut **tx)? == 1)
}

/// Uses the code of a time step up; false: it, or a later one, was used already.
pub fn use_step(tx: &mut WriteTx<'_>, user: UserId, step: i64) -> Result<bool, Error> {
    let unused =
        u::table.filter(u::id.eq(user.0)).filter(u::totp_step.is_null().or(u::totp_step.lt(step)));
    Ok(diesel::update(unused).set(u::totp_step.eq(step)).execute(&mut **tx)? == 1)
}

/// Puts these recovery codes in place of all others.
pub fn replace_recovery_codes(
    tx: &mut WriteTx<'_>,
    user: UserId,
    hashes: &[String],
) -> Result<(), Error> {
    remove_recovery_codes(tx, user)?;
    for hash in hashes {
        diesel::insert_into(r::table)
            .values((r::user_id.eq(user.0), r::code_hash.eq(hash)))
            .execute(&mut **tx)?;
    }
    Ok(())
}

/// Removes the user's recovery codes.
pub fn remove_recovery_codes(tx: &mut WriteTx<'_>, user: UserId) -> Result<(), Error> {
    diesel::delete(r::table.filter(r::user_id.eq(user.0))).execute(&mut **tx)?;
    Ok(())
}

/// Uses a recovery code up; false: it is none of this user's, or was used.
pub fn use_recovery_code(
    tx: &mut WriteTx<'_>,
    user: UserId,
    hash: &str,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let unused = r::table
        .filter(r::user_id.eq(user.0))
        .filter(r::code_hash.eq(hash))
        .filter(r::used_at.is_null());
    Ok(diesel::update(unused).set(r::used_at.eq(At(now))).execute(&mut **tx)? == 1)
}

/// How many recovery codes are left.
pub fn count_recovery_codes(conn: &mut DbConn, user: UserId) -> Result<i64, Error> {
    Ok(r::table
        .filter(r::user_id.eq(user.0))
        .filter(r::used_at.is_null())
        .count()
        .get_result(conn)?)
}
