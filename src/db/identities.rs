//! Who users are at the provider of single sign-on: issuer and subject, each of one user.

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::{DbConn, Error, WriteTx, instant::At, schema::identities as i};
use crate::domain::ids::UserId;

/// An identity as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub id: i64,
    pub user: UserId,
    pub issuer: String,
    pub linked_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
}

type IdentityRow = (i64, i64, String, At, Option<At>);

fn identity((id, user, issuer, linked, used): IdentityRow) -> Identity {
    Identity {
        id,
        user: UserId(user),
        issuer,
        linked_at: linked.0,
        last_used_at: used.map(|At(at)| at),
    }
}

/// The identity of that subject of the issuer.
pub fn find(conn: &mut DbConn, issuer: &str, subject: &str) -> Result<Option<Identity>, Error> {
    let row: Option<IdentityRow> = i::table
        .filter(i::issuer.eq(issuer))
        .filter(i::subject.eq(subject))
        .select((i::id, i::user_id, i::issuer, i::linked_at, i::last_used_at))
        .first(conn)
        .optional()?;
    Ok(row.map(identity))
}

/// The user's identity at that issuer: there is at most one.
pub fn of_user(conn: &mut DbConn, user: UserId, issuer: &str) -> Result<Option<Identity>, Error> {
    let row: Option<IdentityRow> = i::table
        .filter(i::user_id.eq(user.0))
        .filter(i::issuer.eq(issuer))
        .select((i::id, i::user_id, i::issuer, i::linked_at, i::last_used_at))
        .first(conn)
        .optional()?;
    Ok(row.map(identity))
}

/// Links the subject to the user. One that is linked, or a user who has another there, is
/// [`Error::Conflict`].
pub fn link(
    tx: &mut WriteTx<'_>,
    user: UserId,
    (issuer, subject): (&str, &str),
    now: DateTime<Utc>,
) -> Result<(), Error> {
    diesel::insert_into(i::table)
        .values((
            i::user_id.eq(user.0),
            i::issuer.eq(issuer),
            i::subject.eq(subject),
            i::linked_at.eq(At(now)),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// Writes down a use of the subject.
pub fn note_use(
    tx: &mut WriteTx<'_>,
    (issuer, subject): (&str, &str),
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let own = i::table.filter(i::issuer.eq(issuer)).filter(i::subject.eq(subject));
    diesel::update(own).set(i::last_used_at.eq(At(now))).execute(&mut **tx)?;
    Ok(())
}

/// Takes the user's identity at that issuer away; false: there is none.
pub fn unlink(tx: &mut WriteTx<'_>, user: UserId, issuer: &str) -> Result<bool, Error> {
    let own = i::table.filter(i::user_id.eq(user.0)).filter(i::issuer.eq(issuer));
    Ok(diesel::delete(own).execute(&mut **tx)? == 1)
}
