//! Users: the people who sign in. Must not know their roles; see `memberships`.

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::{
    DbConn, Error, WriteTx,
    instant::At,
    schema::users::{self as u, dsl},
};
use crate::domain::{email::EmailAddress, ids::UserId};

/// A user as found by address.
#[derive(Clone, PartialEq, Eq)]
pub struct FoundUser {
    pub id: UserId,
    pub email: EmailAddress,
    pub name: String,
    pub password_hash: String,
    pub disabled_at: Option<DateTime<Utc>>,
}

/// The user with this address, if there is one.
pub fn find_by_email(conn: &mut DbConn, email: &EmailAddress) -> Result<Option<FoundUser>, Error> {
    let row: Option<(i64, String, String, String, Option<At>)> = dsl::users
        .select((u::id, u::email, u::name, u::password_hash, u::disabled_at))
        .filter(u::email.eq(email.as_str()))
        .first(conn)
        .optional()?;
    Ok(row.map(|(id, email, name, password_hash, disabled_at)| FoundUser {
        id: UserId(id),
        email: EmailAddress::stored(email),
        name,
        password_hash,
        disabled_at: disabled_at.map(|at| at.0),
    }))
}

/// The addresses of those of `ids` that there are.
pub fn emails_of(conn: &mut DbConn, ids: &[UserId]) -> Result<Vec<(UserId, String)>, Error> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let rows: Vec<(i64, String)> = dsl::users.select((u::id, u::email)).filter(u::id.eq_any(ids)).load(conn)?;
    Ok(rows.into_iter().map(|(id, email)| (UserId(id), email)).collect())
}

/// Adds a user. An address that is taken is [`Error::Conflict`].
pub fn add(tx: &mut WriteTx<'_>, email: &EmailAddress, name: &str, password_hash: &str, now: DateTime<Utc>) -> Result<UserId, Error> {
    let id: i64 = diesel::insert_into(u::table)
        .values((u::email.eq(email.as_str()), u::name.eq(name), u::password_hash.eq(password_hash), u::created_at.eq(At(now))))
        .returning(u::id)
        .get_result(&mut **tx)?;
    Ok(UserId(id))
}
