//! What the machine's operator does to users, in no merchant's name: standing, sessions, factors,
//! and invitations.

use super::{
    account_mail::{self, tell_user_of_operator},
    invite_user,
    manage_users::{UserAct, UserChange, change_account},
};
use crate::{
    app::{Desk, Error, names},
    db::{WriteTx, audit, memberships, users},
    domain::{
        Invalid,
        audit::{Action, Actor, Detail, NewRecord},
        email::EmailAddress,
        ids::MerchantId,
        role::Role,
        user::{Absence, User},
    },
};

/// Does it to the account of that address; false: it was so already.
///
/// Errors: [`Error::Invalid`] where there is no such user.
pub fn operate(
    desk: &Desk,
    email: &EmailAddress,
    act: UserAct,
    absence: Absence,
) -> Result<bool, Error> {
    desk.db.write(|tx| {
        let known = users::find_by_email(tx, email)?
            .ok_or_else(|| Invalid::because(format!("there is no user {email}")))?;
        users::lock(tx, &[known.id])?;
        let user = users::get(tx, known.id)?;
        let Some(change) = change_account(tx, desk.clock.now(), &user, act, absence)? else {
            return Ok(false);
        };
        let merchants: Vec<_> = memberships::list_counted(tx, user.id)?
            .into_iter()
            .map(|own| Some(own.merchant.id))
            .collect();
        for merchant in if merchants.is_empty() { vec![None] } else { merchants } {
            record(tx, desk, merchant, &user, &change)?;
        }
        if change.0 == Action::FactorsReset {
            tell_user_of_operator(tx, desk, user.id, &[account_mail::SignInChange::FactorsReset])?;
        }
        Ok(true)
    })
}

fn record(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    merchant: Option<MerchantId>,
    user: &User,
    change: &UserChange,
) -> Result<(), Error> {
    let mut record = NewRecord::new(merchant, change.0, Actor::Cli).detail("user", user.id.0);
    record.details.extend(change.1.iter().cloned());
    audit::append(tx, &record, desk.clock.now())?;
    Ok(())
}

/// Who is invited, and into which merchant (by slug).
#[derive(Debug)]
pub struct InvitationRequest {
    pub email: EmailAddress,
    pub name: String,
    pub role: Role,
    pub merchant: String,
    /// No mail: the link is answered.
    pub by_hand: bool,
}

/// What came of an invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperatorInvitation {
    /// The mail is queued.
    Mailed,
    /// The link, to be handed over: it lets its holder in, once.
    Link(String),
    /// They have the role, and sign in as they do already: there is no link to hand over.
    NoLink,
}

fn has_a_role(new: &InvitationRequest, held: memberships::HeldRole) -> Error {
    let (email, role, merchant) = (&new.email, held.role.label(), &new.merchant);
    let sentence = if held.is_offer {
        format!(
            "{merchant} has offered {email} the role {role}, which they haven't accepted yet; to \
             give the role without acceptance, use `rewarddesk user add`"
        )
    } else {
        format!(
            "{email} is already {role} in {merchant}; to give a higher role, use `rewarddesk user \
             add`"
        )
    };
    Invalid::because(sentence).into()
}

/// Invites somebody, or invites them again who have not followed their link; the link before it
/// ends.
///
/// Errors: [`Error::Invalid`] for a merchant that is not there, a name that can't be one, and a
/// user who is disabled or has another role, or all of this, already.
pub fn invite(desk: &Desk, new: &InvitationRequest) -> Result<OperatorInvitation, Error> {
    let name = names::check("the name", &new.name)?;
    desk.db.write(|tx| {
        let (scope, merchant) = crate::app::find_merchant(tx, &new.merchant)?;
        let known = users::find_by_email(tx, &new.email)?.map(|known| known.id);
        users::lock(tx, &known.into_iter().collect::<Vec<_>>())?;
        let id = match known {
            Some(known) => known,
            None => users::add(tx, &new.email, &name, "", desk.clock.now())?,
        };
        let user = users::get(tx, id)?;
        if user.disabled_at.is_some() {
            return Err(Invalid::because(format!(
                "{0} is disabled; run `rewarddesk user enable {0}` first",
                new.email
            ))
            .into());
        }
        match memberships::role_of(tx, scope, id)? {
            // The operator has a say in every merchant: a user who signs in already need not
            // accept.
            None if user.has_credentials => memberships::add(tx, scope, id, new.role)?,
            None => memberships::offer(tx, scope, id, new.role, desk.clock.now())?,
            Some(held) if held.role == new.role && !user.has_credentials => {}
            Some(held) => return Err(has_a_role(new, held)),
        }
        record(
            tx,
            desk,
            Some(merchant.id),
            &user,
            &(Action::UserInvited, vec![("role", Detail::from(new.role.as_str()))]),
        )?;
        Ok::<_, Error>(match (new.by_hand, user.has_credentials) {
            (true, true) => OperatorInvitation::NoLink,
            (true, false) => OperatorInvitation::Link(invite_user::new_link(tx, desk, &user)?),
            (false, _) => {
                invite_user::send(
                    tx,
                    desk,
                    (scope, &merchant),
                    "The operator of this desk",
                    &user,
                    new.role,
                    false,
                )?;
                OperatorInvitation::Mailed
            }
        })
    })
}
