//! Which user has which role in which merchant; the one place where a user's scope is made.

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, RunQueryDsl};

use super::{
    DbConn, Error, Scope, WriteTx,
    instant::At,
    merchants,
    planner::WrittenOut,
    schema::{memberships as m, merchants as mt, users},
};
use crate::domain::{
    ids::{MerchantId, UserId},
    merchant::Merchant,
    role::{Permission, Role},
};

/// A user's place in one merchant.
#[derive(Debug, Clone)]
pub struct Membership {
    pub scope: Scope,
    pub merchant: Merchant,
    pub role: Role,
    /// Whether the merchant opens only to users with a second factor.
    pub requires_second_factor: bool,
}

/// The user's membership in the merchant of that slug, if there is one.
pub fn enter(conn: &mut DbConn, slug: &str, user: UserId) -> Result<Option<Membership>, Error> {
    let row: Option<(String, bool, merchants::MerchantRow)> = m::table
        .inner_join(mt::table.on(mt::id.eq(m::merchant_id)))
        .filter(mt::slug.eq(slug))
        .filter(m::user_id.eq(user.0))
        .filter(m::offered_at.is_null())
        .select((m::role, mt::requires_second_factor, merchants::COLUMNS))
        .first(conn)
        .optional()?;
    row.map(membership).transpose()
}

/// A user's role in a merchant, accepted or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldRole {
    pub role: Role,
    /// Whether it is only offered: its user has not accepted it.
    pub is_offer: bool,
}

/// The user's role in the merchant, if there is one; it may be one that is only offered.
pub fn role_of(conn: &mut DbConn, scope: Scope, user: UserId) -> Result<Option<HeldRole>, Error> {
    let mine = m::table.filter(m::merchant_id.eq(scope.merchant().0)).filter(m::user_id.eq(user.0));
    let found: Option<(String, Option<At>)> =
        mine.select((m::role, m::offered_at)).first(conn).optional()?;
    found
        .map(|(role, offered_at)| {
            Ok(HeldRole { role: role.parse()?, is_offer: offered_at.is_some() })
        })
        .transpose()
}

/// Gives the user this role in the merchant in place of the one they have, if any.
pub fn set_role(tx: &mut WriteTx<'_>, scope: Scope, user: UserId, role: Role) -> Result<(), Error> {
    let mine = m::table.filter(m::merchant_id.eq(scope.merchant().0)).filter(m::user_id.eq(user.0));
    let changed = diesel::update(mine).set(m::role.eq(role.as_str())).execute(&mut **tx)?;
    if changed == 0 { add(tx, scope, user, role) } else { Ok(()) }
}

/// Gives a role to a user who has none in the merchant; one who has is [`Error::Conflict`].
pub fn add(tx: &mut WriteTx<'_>, scope: Scope, user: UserId, role: Role) -> Result<(), Error> {
    diesel::insert_into(m::table)
        .values((
            m::merchant_id.eq(scope.merchant().0),
            m::user_id.eq(user.0),
            m::role.eq(role.as_str()),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// Offers a role to a user who has none in the merchant: it is theirs once they accept it. One who
/// has a role is [`Error::Conflict`].
pub fn offer(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    user: UserId,
    role: Role,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let offered = m::offered_at.eq(Some(At(now)));
    diesel::insert_into(m::table)
        .values((
            m::merchant_id.eq(scope.merchant().0),
            m::user_id.eq(user.0),
            m::role.eq(role.as_str()),
            offered,
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// Makes the role that is offered the user's own; false: none is offered.
pub fn accept(tx: &mut WriteTx<'_>, scope: Scope, user: UserId) -> Result<bool, Error> {
    let offered = m::table
        .filter(m::merchant_id.eq(scope.merchant().0))
        .filter(m::user_id.eq(user.0))
        .filter(m::offered_at.is_not_null());
    Ok(diesel::update(offered).set(m::offered_at.eq(None::<At>)).execute(&mut **tx)? == 1)
}

/// Takes the user out of the merchant; false: they were not in it.
pub fn remove(tx: &mut WriteTx<'_>, scope: Scope, user: UserId) -> Result<bool, Error> {
    let own = m::table.filter(m::merchant_id.eq(scope.merchant().0)).filter(m::user_id.eq(user.0));
    Ok(diesel::delete(own).execute(&mut **tx)? == 1)
}

/// All merchants of the user, by name: those whose role they have accepted.
pub fn list_of_user(conn: &mut DbConn, user: UserId) -> Result<Vec<Membership>, Error> {
    Ok(accepted_and_offered(conn, user)?.0)
}

/// The merchants that offer the user a role, by name.
pub fn list_offers(conn: &mut DbConn, user: UserId) -> Result<Vec<Membership>, Error> {
    Ok(accepted_and_offered(conn, user)?.1)
}

/// The merchants that the user's account belongs to: an offer counts only as long as nothing was
/// accepted. Otherwise anybody could make themselves a say over the account of a user of another
/// merchant, and take it from those who have it, by an invitation.
pub fn list_counted(conn: &mut DbConn, user: UserId) -> Result<Vec<Membership>, Error> {
    let (accepted, offered) = accepted_and_offered(conn, user)?;
    Ok(if accepted.is_empty() { offered } else { accepted })
}

/// The merchants of the user, and those that offer them a role, both by name.
pub fn accepted_and_offered(
    conn: &mut DbConn,
    user: UserId,
) -> Result<(Vec<Membership>, Vec<Membership>), Error> {
    let rows: Vec<(Option<At>, (String, bool, merchants::MerchantRow))> = m::table
        .inner_join(mt::table.on(mt::id.eq(m::merchant_id)))
        .filter(m::user_id.eq(user.0))
        .order((mt::name, mt::id))
        .select((m::offered_at, (m::role, mt::requires_second_factor, merchants::COLUMNS)))
        .load(conn)?;
    let (mut accepted, mut offered) = (vec![], vec![]);
    for (since, row) in rows {
        if since.is_none() { &mut accepted } else { &mut offered }.push(membership(row)?);
    }
    Ok((accepted, offered))
}

/// The role that an active user has in the merchant, held until the transaction ends: what was
/// allowed at commit (guarantee I10).
pub fn lock_role(tx: &mut WriteTx<'_>, scope: Scope, user: UserId) -> Result<Option<Role>, Error> {
    // The user first: see `lock_order`. A change of the role has locked the user, and then this
    // waits and holds nothing.
    let query = users::table
        .inner_join(m::table.on(m::user_id.eq(users::id)))
        .filter(m::merchant_id.eq(scope.merchant().0))
        .filter(m::user_id.eq(user.0))
        .filter(m::offered_at.is_null())
        .filter(users::disabled_at.is_null())
        .select(m::role);
    let role: Option<String> = match &mut **tx {
        // BEGIN IMMEDIATE holds every row already.
        DbConn::Sqlite(c) => query.first(c).optional()?,
        DbConn::Postgres(c) => query.for_share().first(c).optional()?,
    };
    role.map(|role| role.parse().map_err(Error::from)).transpose()
}

/// The names of up to `limit` active users whose role in the merchant has this permission, by name.
pub fn names_who_may(
    conn: &mut DbConn,
    scope: Scope,
    permission: Permission,
    limit: i64,
) -> Result<Vec<String>, Error> {
    let roles: Vec<String> = Role::ALL
        .into_iter()
        .filter(|role| role.may(permission))
        .map(|role| format!("'{}'", role.as_str()))
        .collect();
    Ok(m::table
        .inner_join(users::table.on(users::id.eq(m::user_id)))
        .filter(m::merchant_id.eq(scope.merchant().0))
        .filter(WrittenOut::kept(format!("memberships.role IN ({})", roles.join(", "))))
        .filter(m::offered_at.is_null())
        .filter(users::disabled_at.is_null())
        .order((users::name, users::id))
        .limit(limit)
        .select(users::name)
        .load(conn)?)
}

fn membership(
    (role, requires_second_factor, row): (String, bool, merchants::MerchantRow),
) -> Result<Membership, Error> {
    let merchant = Merchant::try_from(row)?;
    Ok(Membership {
        scope: Scope::of(MerchantId(merchant.id.0)),
        role: role.parse()?,
        merchant,
        requires_second_factor,
    })
}
