//! Links that let somebody in once; only their hashes are kept.

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::{DbConn, Error, WriteTx, instant::At, schema::account_links as l};
use crate::domain::{account_link::LinkPurpose, ids::UserId};

/// A link that may still be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenLink {
    pub id: i64,
    pub purpose: LinkPurpose,
    /// Nobody for the desk's first user.
    pub user: Option<UserId>,
}

/// Adds a link in place of those of the same purpose and user that have not been used.
pub fn replace(
    tx: &mut WriteTx<'_>,
    token_hash: &str,
    purpose: LinkPurpose,
    user: Option<UserId>,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), Error> {
    remove_unused(tx, purpose, user)?;
    diesel::insert_into(l::table)
        .values((
            l::token_hash.eq(token_hash),
            l::purpose.eq(purpose.as_str()),
            l::user_id.eq(user.map(|user| user.0)),
            l::created_at.eq(At(now)),
            l::expires_at.eq(At(expires_at)),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// Removes the unused links of that purpose and user; answers how many there were.
pub fn remove_unused(
    tx: &mut WriteTx<'_>,
    purpose: LinkPurpose,
    user: Option<UserId>,
) -> Result<usize, Error> {
    let unused = diesel::delete(
        l::table.filter(l::purpose.eq(purpose.as_str())).filter(l::used_at.is_null()),
    );
    Ok(match user {
        Some(user) => unused.filter(l::user_id.eq(user.0)).execute(&mut **tx)?,
        None => unused.filter(l::user_id.is_null()).execute(&mut **tx)?,
    })
}

/// The link with that hash, if it was neither used nor is too old.
pub fn find_open(
    conn: &mut DbConn,
    token_hash: &str,
    now: DateTime<Utc>,
) -> Result<Option<OpenLink>, Error> {
    let row: Option<(i64, String, Option<i64>)> = l::table
        .filter(l::token_hash.eq(token_hash))
        .filter(l::used_at.is_null())
        .filter(l::expires_at.gt(At(now)))
        .select((l::id, l::purpose, l::user_id))
        .first(conn)
        .optional()?;
    row.map(|(id, purpose, user)| {
        Ok(OpenLink { id, purpose: purpose.parse()?, user: user.map(UserId) })
    })
    .transpose()
}

/// Uses the link up; false: somebody was quicker.
pub fn use_up(tx: &mut WriteTx<'_>, id: i64, now: DateTime<Utc>) -> Result<bool, Error> {
    let unused = l::table.filter(l::id.eq(id)).filter(l::used_at.is_null());
    Ok(diesel::update(unused).set(l::used_at.eq(At(now))).execute(&mut **tx)? == 1)
}

/// A link's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// The time of the user's newest link of that purpose that was not used; it may be over.
pub fn newest(
    conn: &mut DbConn,
    purpose: LinkPurpose,
    user: UserId,
) -> Result<Option<Lifetime>, Error> {
    let row: Option<(At, At)> = l::table
        .filter(l::user_id.eq(user.0))
        .filter(l::purpose.eq(purpose.as_str()))
        .filter(l::used_at.is_null())
        .order(l::id.desc())
        .select((l::created_at, l::expires_at))
        .first(conn)
        .optional()?;
    Ok(row.map(|(created, expires)| Lifetime { created_at: created.0, expires_at: expires.0 }))
}

/// Removes links that ended before `then`.
pub fn remove_stale(tx: &mut WriteTx<'_>, then: DateTime<Utc>) -> Result<usize, Error> {
    Ok(diesel::delete(l::table.filter(l::expires_at.le(At(then)))).execute(&mut **tx)?)
}
