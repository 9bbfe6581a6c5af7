//! Users: the people who sign in, alone and among the members of a merchant.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, Queryable,
    RunQueryDsl, dsl::exists,
};

use super::{
    DbConn, Error, Scope, WriteTx,
    among::among,
    instant::At,
    schema::{
        identities as ids, memberships as m, passkeys as pk,
        users::{self as u, dsl},
    },
};
use crate::domain::{email::EmailAddress, ids::UserId, role::Role, user::User};

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
    let these = among(conn, u::id, ids.iter().map(|id| id.0));
    let rows: Vec<(i64, String)> = dsl::users.select((u::id, u::email)).filter(these).load(conn)?;
    Ok(rows.into_iter().map(|(id, email)| (UserId(id), email)).collect())
}

/// Adds a user. An address that is taken is [`Error::Conflict`].
pub fn add(
    tx: &mut WriteTx<'_>,
    email: &EmailAddress,
    name: &str,
    password_hash: &str,
    now: DateTime<Utc>,
) -> Result<UserId, Error> {
    let id: i64 = diesel::insert_into(u::table)
        .values((
            u::email.eq(email.as_str()),
            u::name.eq(name),
            u::password_hash.eq(password_hash),
            u::created_at.eq(At(now)),
        ))
        .returning(u::id)
        .get_result(&mut **tx)?;
    Ok(UserId(id))
}

#[derive(Queryable)]
struct UserRow {
    id: i64,
    email: String,
    name: String,
    created_at: At,
    last_seen_at: Option<At>,
    unlocked_at: Option<At>,
    disabled_at: Option<At>,
    password_hash: String,
    has_identity: bool,
    totp_added_at: Option<At>,
    has_passkey: bool,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        let at = |at: Option<At>| at.map(|At(at)| at);
        Self {
            id: UserId(row.id),
            email: row.email,
            name: row.name,
            created_at: row.created_at.0,
            last_seen_at: at(row.last_seen_at),
            unlocked_at: at(row.unlocked_at),
            disabled_at: at(row.disabled_at),
            has_credentials: !row.password_hash.is_empty() || row.has_identity || row.has_passkey,
            has_second_factor: row.totp_added_at.is_some() || row.has_passkey,
        }
    }
}

/// A macro, since the type of this cannot be written down.
macro_rules! columns {
    () => {
        (
            u::id,
            u::email,
            u::name,
            u::created_at,
            u::last_seen_at,
            u::unlocked_at,
            u::disabled_at,
            u::password_hash,
            exists(ids::table.filter(ids::user_id.eq(u::id)).select(ids::id)),
            u::totp_added_at,
            exists(pk::table.filter(pk::user_id.eq(u::id)).select(pk::id)),
        )
    };
}

/// Whether there is any user at all.
pub fn exist(conn: &mut DbConn) -> Result<bool, Error> {
    Ok(diesel::select(exists(dsl::users.select(u::id))).get_result(conn)?)
}

/// The user of that number.
pub fn get(conn: &mut DbConn, id: UserId) -> Result<User, Error> {
    let row: UserRow = dsl::users.find(id.0).select(columns!()).first(conn)?;
    Ok(row.into())
}

/// A user with their role in a merchant.
#[derive(Debug, Clone)]
pub struct MerchantUser {
    pub user: User,
    pub role: Role,
    /// Whether the role is only offered: its user has not accepted it.
    pub is_offer: bool,
}

fn member((row, role, offered_at): (UserRow, String, Option<At>)) -> Result<MerchantUser, Error> {
    Ok(MerchantUser { user: row.into(), role: role.parse()?, is_offer: offered_at.is_some() })
}

/// The member of that number, or the user to whom the merchant offers a role.
pub fn find_member(
    conn: &mut DbConn,
    scope: Scope,
    id: UserId,
) -> Result<Option<MerchantUser>, Error> {
    let found: Option<(UserRow, String, Option<At>)> = dsl::users
        .inner_join(m::table.on(m::user_id.eq(u::id)))
        .filter(m::merchant_id.eq(scope.merchant().0))
        .filter(u::id.eq(id.0))
        .select((columns!(), m::role, m::offered_at))
        .first(conn)
        .optional()?;
    found.map(member).transpose()
}

/// Up to `limit` members of the merchant, and users to whom it offers a role, after that one, by
/// name.
pub fn list_members(
    conn: &mut DbConn,
    scope: Scope,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<MerchantUser>, Error> {
    let mut query = dsl::users
        .inner_join(m::table.on(m::user_id.eq(u::id)))
        .filter(m::merchant_id.eq(scope.merchant().0))
        .order((u::name, u::id))
        .limit(limit)
        .select((columns!(), m::role, m::offered_at))
        .into_boxed::<super::conn::MultiBackend>();
    if let Some(after) = after {
        // Only a member's name: those of others are nobody's business here.
        let own = dsl::users
            .inner_join(m::table.on(m::user_id.eq(u::id)))
            .filter(m::merchant_id.eq(scope.merchant().0));
        let name: Option<String> =
            own.filter(u::id.eq(after.0)).select(u::name).first(conn).optional()?;
        let name = name.unwrap_or_default();
        query = query.filter(u::name.gt(name.clone()).or(u::name.eq(name).and(u::id.gt(after.0))));
    }
    let rows: Vec<(UserRow, String, Option<At>)> = query.load(conn)?;
    rows.into_iter().map(member).collect()
}

/// Disables the user, or enables them again; false: they were so already.
pub fn set_disabled(
    tx: &mut WriteTx<'_>,
    id: UserId,
    disabled: bool,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let user = dsl::users.filter(u::id.eq(id.0));
    let changed = if disabled {
        diesel::update(user.filter(u::disabled_at.is_null()))
            .set(u::disabled_at.eq(At(now)))
            .execute(&mut **tx)?
    } else {
        // A long absence is no reason to stay out any more.
        let back = (u::disabled_at.eq(None::<At>), u::unlocked_at.eq(At(now)));
        diesel::update(user.filter(u::disabled_at.is_not_null())).set(back).execute(&mut **tx)?
    };
    Ok(changed == 1)
}

/// Lets the user in again after a long absence.
pub fn unlock(tx: &mut WriteTx<'_>, id: UserId, now: DateTime<Utc>) -> Result<(), Error> {
    diesel::update(dsl::users.filter(u::id.eq(id.0)))
        .set(u::unlocked_at.eq(At(now)))
        .execute(&mut **tx)?;
    Ok(())
}

/// Sets the user's password by its hash.
pub fn set_password(
    tx: &mut WriteTx<'_>,
    id: UserId,
    hash: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let password = (u::password_hash.eq(hash), u::password_changed_at.eq(At(now)));
    diesel::update(dsl::users.filter(u::id.eq(id.0))).set(password).execute(&mut **tx)?;
    Ok(())
}

/// Sets the user's name.
pub fn set_name(tx: &mut WriteTx<'_>, id: UserId, name: &str) -> Result<(), Error> {
    diesel::update(dsl::users.filter(u::id.eq(id.0))).set(u::name.eq(name)).execute(&mut **tx)?;
    Ok(())
}

/// Writes down that the user was here.
pub fn touch(tx: &mut WriteTx<'_>, id: UserId, now: DateTime<Utc>) -> Result<(), Error> {
    diesel::update(dsl::users.filter(u::id.eq(id.0)))
        .set(u::last_seen_at.eq(At(now)))
        .execute(&mut **tx)?;
    Ok(())
}

/// Holds these users' rows until the transaction ends, in one order for everybody: a transaction
/// that changes one's standing or roles comes after.
pub fn lock(tx: &mut WriteTx<'_>, ids: &[UserId]) -> Result<(), Error> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let query = dsl::users.select(u::id).filter(u::id.eq_any(ids)).order(u::id);
    let _: Vec<i64> = match &mut **tx {
        // BEGIN IMMEDIATE holds every row already.
        DbConn::Sqlite(c) => query.load(c)?,
        DbConn::Postgres(c) => query.for_no_key_update().load(c)?,
    };
    Ok(())
}
