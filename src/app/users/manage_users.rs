//! What users may do to users of their merchant: roles, leaving, standing, sessions.

use chrono::{DateTime, Utc};

use super::account_mail::{self, tell_user_of_administrator};
use crate::{
    app::{Desk, Error, Member, factors::change_factors},
    db::{Scope, WriteTx, account_links, audit, memberships, sessions, users},
    domain::{
        account_link::LinkPurpose,
        audit::{Action, Actor, Detail, NewRecord},
        ids::{AuditId, UserId},
        role::{Permission, Role},
        user::{Absence, Barrier, Standing, User},
    },
};

/// What is done to a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserAct {
    ChangeRole(Role),
    /// Out of this merchant; the account stays.
    Remove,
    Disable,
    Enable,
    /// In again after a long absence.
    Unlock,
    EndSessions,
    /// For a user who has lost their second factor: they sign in with the password alone, and set
    /// up another.
    ResetFactors,
}

/// Whether `actor` may do `act` to a user with that role, as far as their roles decide. Pages and
/// acts ask the same.
pub fn barrier(
    actor: &Member,
    (user, role, is_offer): (&User, Role, bool),
    act: UserAct,
    is_administrator_everywhere: bool,
) -> Option<Barrier> {
    if actor.user == user.id && act != UserAct::EndSessions {
        return Some(Barrier::Yourself);
    }
    let reaches = match act {
        UserAct::ChangeRole(to) => actor.role.manages(role) && actor.role.manages(to),
        UserAct::Remove => actor.role.manages(role),
        UserAct::Unlock if !is_offer => actor.role == Role::Administrator,
        // A merchant that only offers a role does not unlock another merchant's user.
        UserAct::Unlock
        | UserAct::Disable
        | UserAct::Enable
        | UserAct::EndSessions
        | UserAct::ResetFactors => {
            if actor.role == Role::Administrator && !is_administrator_everywhere {
                return Some(Barrier::OtherMerchants);
            }
            actor.role == Role::Administrator
        }
    };
    (!reaches).then_some(Barrier::NotYours)
}

/// Does it, and leaves a record: of roles in this merchant, of the account in each of the user's
/// merchants. Answers the record in this one; `None`: it was so already.
///
/// Errors: [`Error::NotFound`] for a user of another merchant, [`Error::Refused`] where the actor's
/// role does not reach so far.
pub fn manage_user(
    desk: &Desk,
    actor: &Member,
    id: UserId,
    act: UserAct,
    absence: Absence,
) -> Result<Option<AuditId>, Error> {
    desk.db.write::<_, Error>(|tx| {
        let now = desk.clock.now();
        // Both at once: two who act on each other come one after the other. The one who acts is an
        // administrator who stays, or acts on no administrator: so every merchant keeps one.
        users::lock(tx, &[actor.user, id])?;
        let role = memberships::lock_role(tx, actor.scope, actor.user)?
            .filter(|role| role.may(Permission::ManageUsers));
        let actor = Member { role: role.ok_or(Error::NotAllowed)?, ..actor.clone() };
        let users::MerchantUser { user, role, is_offer } =
            users::find_member(tx, actor.scope, id)?.ok_or(Error::NotFound)?;
        let everywhere = is_administrator_everywhere(tx, actor.user, id)?;
        if let Some(barrier) = barrier(&actor, (&user, role, is_offer), act, everywhere) {
            return Err(barrier.into());
        }
        match act {
            UserAct::ChangeRole(to) if to == role => return Ok(None),
            UserAct::ChangeRole(to) => {
                memberships::set_role(tx, actor.scope, id, to)?;
                let old = vec![
                    ("role", Detail::from(to.as_str())),
                    ("role_before", Detail::from(role.as_str())),
                ];
                return Ok(Some(record(
                    tx,
                    desk,
                    &actor,
                    actor.scope,
                    Action::RoleChanged,
                    id,
                    old,
                )?));
            }
            UserAct::Remove => {
                memberships::remove(tx, actor.scope, id)?;
                if memberships::list_counted(tx, id)?.is_empty() {
                    remove_links(tx, id)?;
                }
                let old = vec![("role_before", Detail::from(role.as_str()))];
                return Ok(Some(record(
                    tx,
                    desk,
                    &actor,
                    actor.scope,
                    Action::RoleRemoved,
                    id,
                    old,
                )?));
            }
            _ => {}
        }
        match change_account(tx, now, &user, act, absence)? {
            Some((action, old)) => {
                if action == Action::FactorsReset {
                    tell_user_of_administrator(
                        tx,
                        desk,
                        id,
                        &[account_mail::SignInChange::FactorsReset],
                        &actor,
                    )?;
                }
                record_everywhere(tx, desk, &actor, action, id, &old)
            }
            None => Ok(None),
        }
    })
}

/// What a change leaves in the record.
pub(in crate::app) type UserChange = (Action, Vec<(&'static str, Detail)>);

/// Does to an account, whose row the caller has locked, what is done to it in all merchants at
/// once; answers what to record. `None`: it was so already, or the act is about one merchant.
pub(in crate::app) fn change_account(
    tx: &mut WriteTx<'_>,
    now: DateTime<Utc>,
    user: &User,
    act: UserAct,
    absence: Absence,
) -> Result<Option<UserChange>, Error> {
    let ended = |sessions: usize| {
        vec![("sessions", Detail::from(i64::try_from(sessions).unwrap_or(i64::MAX)))]
    };
    Ok(match act {
        UserAct::ChangeRole(_) | UserAct::Remove => None,
        UserAct::Disable | UserAct::Enable
            if !users::set_disabled(tx, user.id, act == UserAct::Disable, now)? =>
        {
            None
        }
        UserAct::Disable => {
            remove_links(tx, user.id)?;
            Some((Action::UserDisabled, ended(sessions::end_all(tx, user.id, None)?)))
        }
        UserAct::Enable => Some((Action::UserEnabled, vec![])),
        UserAct::Unlock if !matches!(user.standing(absence, now), Standing::Locked { .. }) => None,
        UserAct::Unlock => {
            users::unlock(tx, user.id, now)?;
            Some((Action::UserUnlocked, vec![]))
        }
        UserAct::EndSessions => {
            Some((Action::SessionsEnded, ended(sessions::end_all(tx, user.id, None)?)))
        }
        UserAct::ResetFactors => {
            change_factors::remove_all(tx, user.id)?.then(|| (Action::FactorsReset, vec![]))
        }
    })
}

/// Whether `actor` is administrator in all merchants that the account of `user` belongs to. A role
/// that another merchant only offers takes nothing from those who have a say over it.
pub fn is_administrator_everywhere(
    conn: &mut crate::db::DbConn,
    actor: UserId,
    user: UserId,
) -> Result<bool, Error> {
    let own: Vec<_> = memberships::list_of_user(conn, actor)?
        .into_iter()
        .filter(|own| own.role == Role::Administrator)
        .map(|own| own.merchant.id)
        .collect();
    Ok(memberships::list_counted(conn, user)?
        .iter()
        .all(|theirs| own.contains(&theirs.merchant.id)))
}

/// Ends the links by which the user could come in.
fn remove_links(tx: &mut WriteTx<'_>, user: UserId) -> Result<(), Error> {
    account_links::remove_unused(tx, LinkPurpose::Invite, Some(user))?;
    account_links::remove_unused(tx, LinkPurpose::Reset, Some(user))?;
    Ok(())
}

/// A record in each merchant of the user, and in the actor's, which is answered.
fn record_everywhere(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    actor: &Member,
    action: Action,
    user: UserId,
    details: &[(&'static str, Detail)],
) -> Result<Option<AuditId>, Error> {
    for theirs in
        memberships::list_counted(tx, user)?.iter().filter(|theirs| theirs.scope != actor.scope)
    {
        record(tx, desk, actor, theirs.scope, action, user, details.to_vec())?;
    }
    record(tx, desk, actor, actor.scope, action, user, details.to_vec()).map(Some)
}

/// Leaves a record of something done to a user.
pub(in crate::app) fn record(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    actor: &Member,
    scope: Scope,
    action: Action,
    user: UserId,
    details: Vec<(&'static str, Detail)>,
) -> Result<AuditId, Error> {
    let mut record = NewRecord::new(Some(scope.merchant()), action, Actor::User(actor.user))
        .detail("user", user.0);
    record.details.extend(details);
    record.request_id = Some(actor.request_id.clone());
    Ok(audit::append(tx, &record, desk.clock.now())?)
}
