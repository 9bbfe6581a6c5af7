//! Inviting somebody into a merchant by mail, and inviting them again.

use super::{account_mail, manage_users};
use crate::{
    app::{Desk, Error, Fault, InvalidForm, Member, names},
    db::{self, Scope, WriteTx, account_links, memberships, users},
    domain::{
        Invalid,
        account_link::LinkPurpose,
        audit::{Action, Detail},
        email::EmailAddress,
        ids::UserId,
        merchant::Merchant,
        role::{Permission, Role},
        user::User,
    },
};

/// Who is invited, as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invitation {
    pub email: String,
    pub name: String,
    pub role: String,
}

/// The mail is queued: with a link, or without one for a user who has a password already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invited {
    pub user: UserId,
    pub has_link: bool,
}

/// Invites somebody: a new user gets a link to choose a password, one of another merchant an offer.
/// The role is theirs once they accept.
///
/// Errors: [`Error::Invalid`] for what can't be taken.
pub fn invite_user(desk: &Desk, actor: &Member, typed: &Invitation) -> Result<Invited, Error> {
    let role = typed.role.parse::<Role>().and_then(|role| {
        if actor.role.manages(role) {
            Ok(role)
        } else {
            Err(Invalid::because("your role doesn't allow you to give this role"))
        }
    });
    let checked = (EmailAddress::parse(&typed.email), names::check("the name", &typed.name), role);
    let (Ok(email), Ok(name), Ok(role)) = &checked else {
        let (email, name, role) = checked;
        return Err(InvalidForm::of([
            ("email", email.err()),
            ("name", name.err()),
            ("role", role.err()),
        ])
        .into());
    };
    let invite = || {
        desk.db.write(|tx| {
            let known = users::find_by_email(tx, email)?.map(|known| known.id);
            users::lock(tx, &[actor.user].into_iter().chain(known).collect::<Vec<_>>())?;
            let own = memberships::lock_role(tx, actor.scope, actor.user)?;
            own.filter(|own| own.may(Permission::ManageUsers) && own.manages(*role))
                .ok_or(Error::NotAllowed)?;
            let at_address =
                |why: &str| Error::from(InvalidForm::at("email", Invalid::because(why)));
            let id = match known {
                Some(known) => known,
                None => users::add(tx, email, name, "", desk.clock.now())?,
            };
            let user = users::get(tx, id)?;
            if memberships::role_of(tx, actor.scope, id)?.is_some() {
                return Err(at_address(
                    "this merchant already has a user with this address; open them in the list to \
                     change their role",
                ));
            }
            if user.disabled_at.is_some() {
                return Err(at_address(
                    "the user with this address is disabled; ask an administrator of all their \
                     merchants to enable them",
                ));
            }
            memberships::offer(tx, actor.scope, id, *role, desk.clock.now())?;
            manage_users::record(
                tx,
                desk,
                actor,
                actor.scope,
                Action::UserInvited,
                id,
                vec![("role", Detail::from(role.as_str()))],
            )?;
            send(tx, desk, (actor.scope, &actor.merchant), &actor.user_name, &user, *role, true)?;
            Ok::<_, Error>(Invited { user: id, has_link: !user.has_credentials })
        })
    };
    // Two who invite one person at once: the second finds them there.
    match invite() {
        Err(Error::Fault(Fault::Database(db::Error::Conflict(_)))) => invite(),
        outcome => outcome,
    }
}

/// Sends the invitation of a user again who has not followed it; the link before it ends. False:
/// there is nothing to follow any more.
pub fn invite_again(desk: &Desk, actor: &Member, id: UserId) -> Result<bool, Error> {
    desk.db.write(|tx| {
        users::lock(tx, &[actor.user, id])?;
        let own = memberships::lock_role(tx, actor.scope, actor.user)?.ok_or(Error::NotAllowed)?;
        let users::MerchantUser { user, role, is_offer } =
            users::find_member(tx, actor.scope, id)?.ok_or(Error::NotFound)?;
        if !own.manages(role) {
            return Err(Error::NotAllowed);
        }
        if (user.has_credentials && !is_offer) || user.disabled_at.is_some() {
            return Ok(false);
        }
        manage_users::record(
            tx,
            desk,
            actor,
            actor.scope,
            Action::UserInvited,
            id,
            vec![("role", Detail::from(role.as_str()))],
        )?;
        send(tx, desk, (actor.scope, &actor.merchant), &actor.user_name, &user, role, is_offer)?;
        Ok(true)
    })
}

/// Queues the mail: with a link, in place of the one before, for a user who cannot sign in yet.
/// `is_offer`: the role waits to be accepted.
pub(in crate::app) fn send(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    (scope, merchant): (Scope, &Merchant),
    by: &str,
    user: &User,
    role: Role,
    is_offer: bool,
) -> Result<(), Error> {
    let matter = match (user.has_credentials, is_offer) {
        (true, true) => account_mail::AccountMatter::Offered { by, role },
        (true, false) => account_mail::AccountMatter::Welcomed { by, role },
        (false, _) => {
            account_mail::AccountMatter::Invited { by, role, link: new_link(tx, desk, user)? }
        }
    };
    account_mail::send(tx, desk, scope, merchant, user, &matter)
}

/// A link by which the user chooses their first password, in place of the one before.
pub(in crate::app) fn new_link(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    user: &User,
) -> Result<String, Error> {
    let now = desk.clock.now();
    let link = account_mail::new_link(desk, "welcome")?;
    account_links::replace(
        tx,
        &link.hash,
        LinkPurpose::Invite,
        Some(user.id),
        now,
        now + LinkPurpose::Invite.lifetime(),
    )?;
    Ok(link.address)
}
