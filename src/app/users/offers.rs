//! Roles that a merchant offers to a user: they count once the user has accepted them.

use crate::{
    app::{Desk, Error, sign_in::sessions::Session},
    db::{Scope, WriteTx, audit, memberships, users},
    domain::{
        audit::{Action, Actor, NewRecord},
        ids::UserId,
        role::Role,
    },
};

/// The roles that are offered to the session's user.
pub fn list_offers(desk: &Desk, session: &Session) -> Result<Vec<memberships::Membership>, Error> {
    Ok(desk.db.read(|conn| memberships::list_offers(conn, session.user))?)
}

/// Accepts or declines the role that the merchant of that slug offers to the session's user.
///
/// Errors: [`Error::NotFound`] where none is offered.
pub fn answer_offer(
    desk: &Desk,
    session: &Session,
    slug: &str,
    is_accepted: bool,
    request_id: &str,
) -> Result<(), Error> {
    desk.db.write(|tx| {
        users::lock(tx, &[session.user])?;
        let offers = memberships::list_offers(tx, session.user)?;
        let offer = offers
            .into_iter()
            .find(|offer| offer.merchant.slug.as_str() == slug)
            .ok_or(Error::NotFound)?;
        if is_accepted {
            return accept(tx, desk, session.user, (offer.scope, offer.role), request_id);
        }
        memberships::remove(tx, offer.scope, session.user)?;
        let declined = record_of(offer.scope, session.user, Action::RoleRemoved)
            .detail("role_before", offer.role.as_str());
        append(tx, desk, declined, request_id)
    })
}

/// For somebody who comes in by their first invitation: the one role that is offered is theirs.
/// Where several are, they choose on the first page; otherwise an invitation by another merchant
/// would be accepted with the one that they followed. A user who has accepted a role already
/// follows no first invitation, and accepts each further one by name.
pub(in crate::app) fn accept_only_one(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    user: UserId,
    request_id: &str,
) -> Result<(), Error> {
    let (accepted, offered) = memberships::accepted_and_offered(tx, user)?;
    match (accepted.as_slice(), offered.as_slice()) {
        ([], [only]) => accept(tx, desk, user, (only.scope, only.role), request_id),
        _ => Ok(()),
    }
}

fn accept(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    user: UserId,
    (scope, role): (Scope, Role),
    request_id: &str,
) -> Result<(), Error> {
    memberships::accept(tx, scope, user)?;
    append(
        tx,
        desk,
        record_of(scope, user, Action::RoleAdded).detail("role", role.as_str()),
        request_id,
    )
}

fn record_of(scope: Scope, user: UserId, action: Action) -> NewRecord {
    NewRecord::new(Some(scope.merchant()), action, Actor::User(user)).detail("user", user.0)
}

fn append(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    record: NewRecord,
    request_id: &str,
) -> Result<(), Error> {
    audit::append(
        tx,
        &NewRecord { request_id: Some(request_id.to_owned()), ..record },
        desk.clock.now(),
    )?;
    Ok(())
}
