//! Mails to users about their account, and the links in them.

use crate::{
    app::{
        Desk, Error, Fault, Member, mails::fulfilment_email::message_id, origin::Origin,
        sign_in::sessions::new_token, tokens,
    },
    db::{Scope, WriteTx, mails, memberships, users},
    domain::{
        email::EmailAddress, ids::UserId, mail::Notice, merchant::Merchant, user::User, zone,
    },
    mail::{
        account::{AccountFacts, compose},
        account_changes::{AccountChange, ChangedBy},
    },
};

pub use crate::mail::{account::AccountMatter, account_changes::SignInChange};

/// A link that lets somebody in once.
pub struct OneTimeLink {
    pub address: String,
    /// What is kept of its token.
    pub hash: String,
}

/// A link to that page with a token of 256 random bits. The token stands in the query, which no log
/// keeps (guarantee S7).
pub fn new_link(desk: &Desk, page: &str) -> Result<OneTimeLink, Error> {
    let token = new_token()?;
    Ok(OneTimeLink {
        address: format!("{}/{page}?token={token}", desk.base_url),
        hash: tokens::hash(&token),
    })
}

/// Queues the mail.
pub fn send(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    scope: Scope,
    merchant: &Merchant,
    user: &User,
    matter: &AccountMatter<'_>,
) -> Result<(), Error> {
    let now = desk.clock.now();
    let recipient = EmailAddress::stored(user.email.clone());
    let facts = AccountFacts {
        merchant: &merchant.name,
        desk: &desk.mail_from,
        recipient: &recipient,
        name: &user.name,
        sign_in: format!("{}/sign-in", desk.base_url),
        home: &desk.base_url,
        matter,
        message_id: message_id(desk, now),
    };
    let letter = compose(&facts).map_err(|error| Fault::template("a mail", error))?;
    mails::enqueue_for_user(tx, scope, user.id, Notice::Account, &letter, now)?;
    desk.wake_mail_worker(tx);
    Ok(())
}

/// A merchant in whose name a mail can be sent.
pub(in crate::app) fn some_merchant_of(
    tx: &mut WriteTx<'_>,
    user: UserId,
) -> Result<Option<(Scope, Merchant)>, Error> {
    Ok(memberships::list_counted(tx, user)?.into_iter().next().map(|own| (own.scope, own.merchant)))
}

/// Queues the email about what the user, or somebody in their session, has changed about how they
/// sign in.
pub(in crate::app) fn tell_user(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    user: UserId,
    changes: &[SignInChange],
    origin: &Origin,
) -> Result<(), Error> {
    let by = ChangedBy::User { browser: origin.agent.clone(), address: origin.address.clone() };
    tell(tx, desk, user, changes, by)
}

/// The same for what an administrator did.
pub(in crate::app) fn tell_user_of_administrator(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    user: UserId,
    changes: &[SignInChange],
    actor: &Member,
) -> Result<(), Error> {
    let by = ChangedBy::Administrator {
        name: actor.user_name.clone(),
        merchant: actor.merchant.name.clone(),
    };
    tell(tx, desk, user, changes, by)
}

/// The same for what the machine's operator did.
pub(in crate::app) fn tell_user_of_operator(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    user: UserId,
    changes: &[SignInChange],
) -> Result<(), Error> {
    tell(tx, desk, user, changes, ChangedBy::Operator)
}

/// One email for all that one act changed. A user without any merchant gets none: there is nobody
/// in whose name to write.
fn tell(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    user: UserId,
    changes: &[SignInChange],
    by: ChangedBy,
) -> Result<(), Error> {
    let Some((scope, merchant)) = some_merchant_of(tx, user)? else { return Ok(()) };
    let at = zone::show(desk.clock.now(), merchant.zone);
    let matter = AccountMatter::Changed(AccountChange { changes: changes.to_vec(), by, at });
    let user = users::get(tx, user)?;
    send(tx, desk, scope, &merchant, &user, &matter)
}
