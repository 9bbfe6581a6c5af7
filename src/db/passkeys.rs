//! Passkeys: the public halves, each of one user.

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::{DbConn, Error, WriteTx, instant::At, schema::passkeys as p};
use crate::domain::ids::UserId;

/// A passkey as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPasskey {
    pub id: i64,
    pub user: UserId,
    pub credential_id: String,
    pub name: String,
    pub credential: String,
    pub created_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
}

type PasskeyRow = (i64, i64, String, String, String, At, Option<At>);

fn kept((id, user, credential_id, name, credential, created, used): PasskeyRow) -> StoredPasskey {
    StoredPasskey {
        id,
        user: UserId(user),
        credential_id,
        name,
        credential,
        created_at: created.0,
        last_used_at: used.map(|At(at)| at),
    }
}

/// The user's passkeys, the oldest first.
pub fn list_of_user(conn: &mut DbConn, user: UserId) -> Result<Vec<StoredPasskey>, Error> {
    let rows: Vec<PasskeyRow> = p::table.filter(p::user_id.eq(user.0)).order(p::id).load(conn)?;
    Ok(rows.into_iter().map(kept).collect())
}

/// The passkey with that credential id.
pub fn find(conn: &mut DbConn, credential_id: &str) -> Result<Option<StoredPasskey>, Error> {
    let row: Option<PasskeyRow> =
        p::table.filter(p::credential_id.eq(credential_id)).first(conn).optional()?;
    Ok(row.map(kept))
}

/// Adds one; answers its number. A credential id that is known is [`Error::Conflict`].
pub fn add(
    tx: &mut WriteTx<'_>,
    user: UserId,
    name: &str,
    (credential_id, credential): (&str, &str),
    now: DateTime<Utc>,
) -> Result<i64, Error> {
    Ok(diesel::insert_into(p::table)
        .values((
            p::user_id.eq(user.0),
            p::credential_id.eq(credential_id),
            p::name.eq(name),
            p::credential.eq(credential),
            p::created_at.eq(At(now)),
        ))
        .returning(p::id)
        .get_result(&mut **tx)?)
}

/// Writes down a use, with the credential as it is after it.
pub fn note_use(
    tx: &mut WriteTx<'_>,
    id: i64,
    credential: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    diesel::update(p::table.find(id))
        .set((p::credential.eq(credential), p::last_used_at.eq(At(now))))
        .execute(&mut **tx)?;
    Ok(())
}

/// Removes one of the user's; false: it is none of theirs.
pub fn remove(tx: &mut WriteTx<'_>, user: UserId, id: i64) -> Result<bool, Error> {
    let own = p::table.filter(p::user_id.eq(user.0)).filter(p::id.eq(id));
    Ok(diesel::delete(own).execute(&mut **tx)? == 1)
}

/// Removes all of the user's; answers how many there were.
pub fn remove_all(tx: &mut WriteTx<'_>, user: UserId) -> Result<usize, Error> {
    Ok(diesel::delete(p::table.filter(p::user_id.eq(user.0))).execute(&mut **tx)?)
}
