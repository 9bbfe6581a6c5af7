//! Sessions on the server: who holds which token, stored only as its hash.

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, dsl::exists,
};

use super::{
    DbConn, Error, WriteTx,
    instant::At,
    pending_sign_ins,
    schema::{passkeys, sessions as s, users},
};
use crate::domain::ids::UserId;

/// A live session and its user.
#[derive(Debug, Clone)]
pub struct Session {
    pub id: i64,
    pub user: UserId,
    pub name: String,
    pub email: String,
    pub created_at: DateTime<Utc>,
    pub last_used_at: DateTime<Utc>,
    /// When the user last proved to be there.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// Whether the user has an authenticator app or a passkey.
    pub has_second_factor: bool,
}

/// What a sign-in is checked against.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub user: UserId,
    pub password_hash: String,
}

/// The credentials of the user with that address (lower case).
pub fn credentials(conn: &mut DbConn, email: &str) -> Result<Option<Credentials>, Error> {
    let row: Option<(i64, String)> = users::table
        .filter(users::email.eq(email))
        .select((users::id, users::password_hash))
        .first(conn)
        .optional()?;
    Ok(row.map(|(id, password_hash)| Credentials { user: UserId(id), password_hash }))
}

/// Starts a session. `token_hash` is the SHA-256 of the token in hex; `agent` and `address` tell
/// its user where it was begun.
pub fn start(
    tx: &mut WriteTx<'_>,
    user: UserId,
    token_hash: &str,
    (agent, address): (&str, &str),
    now: DateTime<Utc>,
) -> Result<(), Error> {
    diesel::insert_into(s::table)
        .values((
            s::token_hash.eq(token_hash),
            s::user_id.eq(user.0),
            s::created_at.eq(At(now)),
            s::last_used_at.eq(At(now)),
            s::confirmed_at.eq(At(now)),
            s::agent.eq(agent),
            s::address.eq(address),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

#[derive(Queryable)]
struct SessionRow {
    id: i64,
    user: i64,
    name: String,
    email: String,
    created_at: At,
    last_used_at: At,
    confirmed_at: Option<At>,
    app_added_at: Option<At>,
    has_passkey: bool,
}

/// The session of that token if it was used after `idle_since`, began after `began_after`, and its
/// user is active.
pub fn find(
    conn: &mut DbConn,
    token_hash: &str,
    idle_since: DateTime<Utc>,
    began_after: DateTime<Utc>,
) -> Result<Option<Session>, Error> {
    let row: Option<SessionRow> = s::table
        .inner_join(users::table.on(users::id.eq(s::user_id)))
        .filter(s::token_hash.eq(token_hash))
        .filter(s::last_used_at.gt(At(idle_since)))
        .filter(s::created_at.gt(At(began_after)))
        .filter(users::disabled_at.is_null())
        .select((
            s::id,
            users::id,
            users::name,
            users::email,
            s::created_at,
            s::last_used_at,
            s::confirmed_at,
            users::totp_added_at,
            exists(passkeys::table.filter(passkeys::user_id.eq(users::id)).select(passkeys::id)),
        ))
        .first(conn)
        .optional()?;
    Ok(row.map(|row| Session {
        id: row.id,
        user: UserId(row.user),
        name: row.name,
        email: row.email,
        created_at: row.created_at.0,
        last_used_at: row.last_used_at.0,
        confirmed_at: row.confirmed_at.map(|At(at)| at),
        has_second_factor: row.app_added_at.is_some() || row.has_passkey,
    }))
}

/// A session as its user sees it in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenSession {
    pub id: i64,
    pub created_at: DateTime<Utc>,
    pub last_used_at: DateTime<Utc>,
    /// The browser in words, and the address; empty: not known.
    pub agent: String,
    pub address: String,
}

/// The user's live sessions, the last used first.
pub fn list_of_user(
    conn: &mut DbConn,
    user: UserId,
    idle_since: DateTime<Utc>,
    began_after: DateTime<Utc>,
) -> Result<Vec<SeenSession>, Error> {
    let rows: Vec<(i64, At, At, String, String)> = s::table
        .filter(s::user_id.eq(user.0))
        .filter(s::last_used_at.gt(At(idle_since)))
        .filter(s::created_at.gt(At(began_after)))
        .order((s::last_used_at.desc(), s::id.desc()))
        .select((s::id, s::created_at, s::last_used_at, s::agent, s::address))
        .load(conn)?;
    let session = |(id, created, used, agent, address): (i64, At, At, String, String)| {
        SeenSession { id, created_at: created.0, last_used_at: used.0, agent, address }
    };
    Ok(rows.into_iter().map(session).collect())
}

/// Ends the user's sessions but for `spared`, and sign-ins that are half done; answers how many
/// sessions there were.
pub fn end_all(tx: &mut WriteTx<'_>, user: UserId, spared: Option<i64>) -> Result<usize, Error> {
    pending_sign_ins::remove_of_user(tx, user)?;
    let others = s::table.filter(s::user_id.eq(user.0)).filter(s::id.ne(spared.unwrap_or(0)));
    Ok(diesel::delete(others).execute(&mut **tx)?)
}

/// Ends one session of the user; false: it is none of theirs, or has ended.
pub fn end_one(tx: &mut WriteTx<'_>, user: UserId, id: i64) -> Result<bool, Error> {
    let own = s::table.filter(s::user_id.eq(user.0)).filter(s::id.eq(id));
    Ok(diesel::delete(own).execute(&mut **tx)? == 1)
}

/// Writes down that the session was used.
pub fn touch(tx: &mut WriteTx<'_>, id: i64, now: DateTime<Utc>) -> Result<(), Error> {
    diesel::update(s::table.find(id)).set(s::last_used_at.eq(At(now))).execute(&mut **tx)?;
    Ok(())
}

/// Writes down that the user has proved again to be there, and gives the session another token: a
/// copy of the old one opens nothing. Only a session of that user: SQLite gives the number of one
/// that has ended to a later one, which may be another user's.
pub fn confirm(
    tx: &mut WriteTx<'_>,
    user: UserId,
    id: i64,
    token_hash: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let own = s::table.filter(s::id.eq(id)).filter(s::user_id.eq(user.0));
    diesel::update(own)
        .set((s::confirmed_at.eq(At(now)), s::token_hash.eq(token_hash)))
        .execute(&mut **tx)?;
    Ok(())
}

/// Notes what is asked in the session, of a passkey or of the provider of single sign-on, sealed:
/// one question at a time.
pub fn set_challenge(tx: &mut WriteTx<'_>, id: i64, encrypted: &str) -> Result<(), Error> {
    diesel::update(s::table.find(id)).set(s::challenge.eq(encrypted)).execute(&mut **tx)?;
    Ok(())
}

/// What a passkey was asked, for its one answer.
pub fn take_challenge(tx: &mut WriteTx<'_>, id: i64) -> Result<Option<String>, Error> {
    let asked: Option<Option<String>> =
        s::table.find(id).select(s::challenge).first(&mut **tx).optional()?;
    diesel::update(s::table.find(id)).set(s::challenge.eq(None::<String>)).execute(&mut **tx)?;
    Ok(asked.flatten())
}

/// What is being asked in the session, sealed; it is not used up by looking.
pub fn challenge(conn: &mut DbConn, id: i64) -> Result<Option<String>, Error> {
    let asked: Option<Option<String>> =
        s::table.find(id).select(s::challenge).first(conn).optional()?;
    Ok(asked.flatten())
}

/// Uses up that question; false: it was used before, or another was asked since.
pub fn use_challenge(tx: &mut WriteTx<'_>, id: i64, encrypted: &str) -> Result<bool, Error> {
    let asked = s::table.filter(s::id.eq(id)).filter(s::challenge.eq(encrypted));
    Ok(diesel::update(asked).set(s::challenge.eq(None::<String>)).execute(&mut **tx)? == 1)
}

/// Keeps the account that waits for its user's confirmation, sealed, in place of the one before.
pub fn set_pending_link(tx: &mut WriteTx<'_>, id: i64, encrypted: &str) -> Result<(), Error> {
    diesel::update(s::table.find(id)).set(s::pending_link.eq(encrypted)).execute(&mut **tx)?;
    Ok(())
}

/// The account that waits, sealed; it is not used up by looking.
pub fn pending_link(conn: &mut DbConn, id: i64) -> Result<Option<String>, Error> {
    let waits: Option<Option<String>> =
        s::table.find(id).select(s::pending_link).first(conn).optional()?;
    Ok(waits.flatten())
}

/// Uses up the account that waits; false: it was used before, or another waits since.
pub fn use_pending_link(tx: &mut WriteTx<'_>, id: i64, encrypted: &str) -> Result<bool, Error> {
    let waits = s::table.filter(s::id.eq(id)).filter(s::pending_link.eq(encrypted));
    Ok(diesel::update(waits).set(s::pending_link.eq(None::<String>)).execute(&mut **tx)? == 1)
}

/// Ends the session of that token; answers whose it was.
pub fn end(tx: &mut WriteTx<'_>, token_hash: &str) -> Result<Option<UserId>, Error> {
    let user: Option<i64> = diesel::delete(s::table.filter(s::token_hash.eq(token_hash)))
        .returning(s::user_id)
        .get_result(&mut **tx)
        .optional()?;
    Ok(user.map(UserId))
}

/// Removes sessions that are too old to be used, so that the table does not grow for ever. Those at
/// rest stay until then: an index on their last use would be written with every use.
pub fn remove_stale(tx: &mut WriteTx<'_>, began_before: DateTime<Utc>) -> Result<usize, Error> {
    Ok(diesel::delete(s::table.filter(s::created_at.le(At(began_before)))).execute(&mut **tx)?)
}
