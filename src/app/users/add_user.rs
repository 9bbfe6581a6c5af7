//! Adds a user, or gives one more roles. For the operator of the machine; must not know the command
//! line.

use chrono::{DateTime, Utc};

use crate::{
    app::Error,
    db::{self, Database, WriteTx, users::FoundUser},
    domain::{
        Invalid,
        audit::{Action, Actor, NewRecord},
        email::EmailAddress,
        ids::UserId,
        role::Role,
    },
};

/// Who, and which role in which merchant (by slug), in the order given.
#[derive(Debug)]
pub struct AddUser {
    pub email: EmailAddress,
    pub name: String,
    pub roles: Vec<(Role, String)>,
}

/// What became of one role that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantedRole {
    pub merchant: String,
    pub asked: Role,
    /// The role the user has now: the higher of old and new.
    pub now: Role,
    pub before: Option<Role>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedUser {
    pub id: UserId,
    /// Whether the user is new; an existing one keeps name and password.
    pub is_new: bool,
    pub is_disabled: bool,
    pub given: Vec<GrantedRole>,
}

/// Whether a user with this address is there, so that nobody is asked for a password in vain.
pub fn user_exists(db: &Database, email: &EmailAddress) -> Result<bool, Error> {
    db.read(|conn| Ok(db::users::find_by_email(conn, email)?.is_some()))
}

/// Adds the user with `password_hash`, or adds the roles to the user who has this address.
pub fn add_user(
    db: &Database,
    now: DateTime<Utc>,
    new: &AddUser,
    password_hash: Option<&str>,
) -> Result<AddedUser, Error> {
    let name = crate::app::names::check("the user's name", &new.name)?;
    db.write(|tx| match (db::users::find_by_email(tx, &new.email)?, password_hash) {
        (Some(user), _) if new.roles.is_empty() => Err(already_there(&user)),
        (Some(user), _) => {
            db::users::lock(tx, &[user.id])?;
            let given = give_roles(tx, now, user.id, &new.roles, false)?;
            Ok(AddedUser {
                id: user.id,
                is_new: false,
                is_disabled: user.disabled_at.is_some(),
                given,
            })
        }
        (None, None) => {
            Err(Invalid::because("a new user needs a password; run the command again").into())
        }
        (None, Some(hash)) => {
            let id = db::users::add(tx, &new.email, &name, hash, now)?;
            let given = give_roles(tx, now, id, &new.roles, true)?;
            if given.is_empty() {
                db::audit::append(
                    tx,
                    &NewRecord::new(None, Action::UserAdded, Actor::Cli).detail("user", id.0),
                    now,
                )?;
            }
            Ok(AddedUser { id, is_new: true, is_disabled: false, given })
        }
    })
}

fn already_there(user: &FoundUser) -> Error {
    let sentence = format!(
        "there is already a user {}; name a role to add with --role and --merchant",
        user.email
    );
    Invalid::because(sentence).into()
}

/// Gives each role where it is higher than what the user has; each change leaves a record in its
/// merchant.
fn give_roles(
    tx: &mut WriteTx<'_>,
    now: DateTime<Utc>,
    user: UserId,
    roles: &[(Role, String)],
    is_new: bool,
) -> Result<Vec<GrantedRole>, Error> {
    let mut given: Vec<GrantedRole> = Vec::new();
    for (role, slug) in roles {
        let (scope, _) = crate::app::find_merchant(tx, slug)?;
        // A role that is only offered is none yet: what the operator gives takes its place.
        let before = db::memberships::role_of(tx, scope, user)?
            .filter(|held| !held.is_offer)
            .map(|held| held.role);
        let after = before.map_or(*role, |old| old.max(*role));
        if before != Some(after) {
            db::memberships::set_role(tx, scope, user, after)?;
            // What the operator gives need not be accepted.
            db::memberships::accept(tx, scope, user)?;
            let first_here = is_new && given.iter().all(|g| g.merchant != *slug);
            let action = if first_here { Action::UserAdded } else { Action::RoleAdded };
            let mut record = NewRecord::new(Some(scope.merchant()), action, Actor::Cli)
                .detail("user", user.0)
                .detail("role", after.as_str());
            if let Some(before) = before {
                record = record.detail("role_before", before.as_str());
            }
            db::audit::append(tx, &record, now)?;
        }
        given.push(GrantedRole { merchant: slug.clone(), asked: *role, now: after, before });
    }
    Ok(given)
}
