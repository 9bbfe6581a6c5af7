//! Sign-ins that wait for the second factor: the password was right. No session, and nothing that
//! could be mistaken for one.

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::{DbConn, Error, WriteTx, instant::At, schema::half_sign_ins as h};
use crate::domain::ids::UserId;

/// One that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingSignIn {
    pub id: i64,
    pub user: UserId,
    pub failures: i64,
    /// What a passkey is being asked, sealed.
    pub challenge: Option<String>,
}

/// Begins one. `token_hash` is the SHA-256 of the token in hex.
pub fn start(
    tx: &mut WriteTx<'_>,
    user: UserId,
    token_hash: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    diesel::insert_into(h::table)
        .values((h::token_hash.eq(token_hash), h::user_id.eq(user.0), h::created_at.eq(At(now))))
        .execute(&mut **tx)?;
    Ok(())
}

/// The one of that token, if it began after `began_after` and has fewer than `most` failures.
pub fn find(
    conn: &mut DbConn,
    token_hash: &str,
    began_after: DateTime<Utc>,
    most: i64,
) -> Result<Option<PendingSignIn>, Error> {
    let row: Option<(i64, i64, i64, Option<String>)> = h::table
        .filter(h::token_hash.eq(token_hash))
        .filter(h::created_at.gt(At(began_after)))
        .filter(h::failures.lt(most))
        .select((h::id, h::user_id, h::failures, h::challenge))
        .first(conn)
        .optional()?;
    Ok(row.map(|(id, user, failures, challenge)| PendingSignIn {
        id,
        user: UserId(user),
        failures,
        challenge,
    }))
}

/// Counts one more wrong factor, and forgets what was asked.
pub fn fail(tx: &mut WriteTx<'_>, id: i64) -> Result<(), Error> {
    let failed = (h::failures.eq(h::failures + 1), h::challenge.eq(None::<String>));
    diesel::update(h::table.find(id)).set(failed).execute(&mut **tx)?;
    Ok(())
}

/// How many wrong factors were given for the user since then, in all that wait or have ended by
/// them.
pub fn failures_of_user(
    conn: &mut DbConn,
    user: UserId,
    since: DateTime<Utc>,
) -> Result<i64, Error> {
    // Rows rather than a sum: the two engines sum whole numbers to different types, and there are a
    // handful.
    let failures: Vec<i64> = h::table
        .filter(h::user_id.eq(user.0))
        .filter(h::created_at.gt(At(since)))
        .select(h::failures)
        .load(conn)?;
    Ok(failures.into_iter().sum())
}

/// Notes what a passkey is asked.
pub fn set_challenge(tx: &mut WriteTx<'_>, id: i64, encrypted: &str) -> Result<(), Error> {
    diesel::update(h::table.find(id)).set(h::challenge.eq(encrypted)).execute(&mut **tx)?;
    Ok(())
}

/// Ends one.
pub fn remove(tx: &mut WriteTx<'_>, id: i64) -> Result<(), Error> {
    diesel::delete(h::table.find(id)).execute(&mut **tx)?;
    Ok(())
}

/// Ends all of the user's.
pub fn remove_of_user(tx: &mut WriteTx<'_>, user: UserId) -> Result<(), Error> {
    diesel::delete(h::table.filter(h::user_id.eq(user.0))).execute(&mut **tx)?;
    Ok(())
}

/// Removes those that began before `then`.
pub fn remove_stale(tx: &mut WriteTx<'_>, then: DateTime<Utc>) -> Result<(), Error> {
    diesel::delete(h::table.filter(h::created_at.le(At(then)))).execute(&mut **tx)?;
    Ok(())
}
