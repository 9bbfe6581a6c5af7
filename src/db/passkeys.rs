//! Passkeys: the public halves, each of one user.

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};

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

#[derive(Queryable, Selectable)]
#[diesel(table_name = p)]
struct PasskeyRow {
    id: i64,
    user_id: i64,
    credential_id: String,
    name: String,
    credential: String,
    created_at: At,
    last_used_at: Option<At>,
}

impl From<PasskeyRow> for StoredPasskey {
    fn from(row: PasskeyRow) -> Self {
        Self {
            id: row.id,
            user: UserId(row.user_id),
            credential_id: row.credential_id,
            name: row.name,
            credential: row.credential,
            created_at: row.created_at.0,
            last_used_at: row.last_used_at.map(|At(at)| at),
        }
    }
}

/// The user's passkeys, the oldest first.
pub fn list_of_user(conn: &mut DbConn, user: UserId) -> Result<Vec<StoredPasskey>, Error> {
    let theirs = p::table.filter(p::user_id.eq(user.0)).order(p::id);
    let rows: Vec<PasskeyRow> = theirs.select(PasskeyRow::as_select()).load(conn)?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The passkey with that credential id.
pub fn find(conn: &mut DbConn, credential_id: &str) -> Result<Option<StoredPasskey>, Error> {
    let row: Option<PasskeyRow> = p::table
        .filter(p::credential_id.eq(credential_id))
        .select(PasskeyRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.map(Into::into))
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
