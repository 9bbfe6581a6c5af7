//! Memberships: a user's one role in each merchant. Must not know what a role allows.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::{
    DbConn, Error, Scope, WriteTx,
    schema::memberships::{self as m, dsl},
};
use crate::domain::{ids::UserId, role::Role};

/// The user's role in the merchant, if there is one.
pub fn role_of(conn: &mut DbConn, scope: Scope, user: UserId) -> Result<Option<Role>, Error> {
    let mine = dsl::memberships.filter(m::merchant_id.eq(scope.merchant().0)).filter(m::user_id.eq(user.0));
    let role: Option<String> = mine.select(m::role).first(conn).optional()?;
    role.map(|text| text.parse().map_err(Error::from)).transpose()
}

/// Gives the user this role in the merchant in place of the one they have, if any.
pub fn set_role(tx: &mut WriteTx<'_>, scope: Scope, user: UserId, role: Role) -> Result<(), Error> {
    let mine = dsl::memberships.filter(m::merchant_id.eq(scope.merchant().0)).filter(m::user_id.eq(user.0));
    let changed = diesel::update(mine).set(m::role.eq(role.as_str())).execute(&mut **tx)?;
    if changed == 0 {
        diesel::insert_into(m::table)
            .values((m::merchant_id.eq(scope.merchant().0), m::user_id.eq(user.0), m::role.eq(role.as_str())))
            .execute(&mut **tx)?;
    }
    Ok(())
}
