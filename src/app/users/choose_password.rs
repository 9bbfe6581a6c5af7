//! Links that let somebody in once: who follows one, a first or another password, and one
//! forgotten.

use chrono::TimeDelta;

use super::{
    account_mail::{self, AccountMatter, SignInChange, some_merchant_of, tell_user},
    offers,
};
use crate::{
    app::{Desk, Error, origin::Origin, sign_in::passwords, tokens},
    db::{WriteTx, account_links, audit, memberships, sessions, users},
    domain::{
        Invalid,
        account_link::LinkPurpose,
        audit::{Action, Actor, NewRecord},
        email::EmailAddress,
        user::User,
    },
};

/// Who a link lets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    pub purpose: LinkPurpose,
    pub email: String,
    pub name: String,
}

/// Who may follow the link with that token; `None`: it was used, is too old, or never was.
pub fn look_at_link(desk: &Desk, token: &str) -> Result<Option<Guest>, Error> {
    let hash = tokens::hash(token);
    desk.db.read(|conn| {
        let Some(link) = account_links::find_open(conn, &hash, desk.clock.now())? else {
            return Ok(None);
        };
        let Some(id) = link.user else { return Ok(None) };
        let user = users::get(conn, id)?;
        // A user without any merchant has nothing to sign in to.
        if memberships::list_counted(conn, id)?.is_empty() {
            return Ok(None);
        }
        Ok(user.disabled_at.is_none().then_some(Guest {
            purpose: link.purpose,
            email: user.email,
            name: user.name,
        }))
    })
}

/// What came of choosing a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    Done,
    Invalid(Invalid),
    /// The link was used meanwhile, or is too old.
    Gone,
}

/// Sets the password of the user whose link this is, uses the link up, and ends all of their
/// sessions. Slow on purpose.
pub fn choose_password(
    desk: &Desk,
    token: &str,
    password: &str,
    origin: &Origin,
) -> Result<Chosen, Error> {
    let Some(guest) = look_at_link(desk, token)? else { return Ok(Chosen::Gone) };
    if let Err(why) = passwords::check_new(password, &[&guest.email, &guest.name]) {
        return Ok(Chosen::Invalid(why));
    }
    let (hash, token) = (passwords::hash(password)?, tokens::hash(token));
    desk.db.write(|tx| {
        let now = desk.clock.now();
        let Some(link) = account_links::find_open(tx, &token, now)? else {
            return Ok(Chosen::Gone);
        };
        let Some(user) = link.user.filter(|_| link.purpose == guest.purpose) else {
            return Ok(Chosen::Gone);
        };
        users::lock(tx, &[user])?;
        let user = users::get(tx, user)?;
        let belongs = !memberships::list_counted(tx, user.id)?.is_empty();
        // Somebody else may have followed the link until the user was locked.
        let is_open = account_links::find_open(tx, &token, now)?.is_some();
        if user.disabled_at.is_some() || !belongs || !is_open {
            return Ok(Chosen::Gone);
        }
        users::set_password(tx, user.id, &hash, now)?;
        if link.purpose == LinkPurpose::Invite {
            // The time before they came in is no absence.
            users::unlock(tx, user.id, now)?;
            offers::accept_only_one(tx, desk, user.id, &origin.request_id)?;
        }
        if !account_links::use_up(tx, link.id, now)? {
            return Err(Error::NotFound);
        }
        // What was asked for before is not to be used after.
        account_links::remove_unused(tx, LinkPurpose::Reset, Some(user.id))?;
        account_links::remove_unused(tx, LinkPurpose::Invite, Some(user.id))?;
        sessions::end_all(tx, user.id, None)?;
        record(tx, desk, &user, Action::PasswordChosen, &origin.request_id)?;
        if link.purpose == LinkPurpose::Reset {
            tell_user(tx, desk, user.id, &[SignInChange::PasswordChanged], origin)?;
        }
        Ok::<_, Error>(Chosen::Done)
    })
}

/// The least time between two mails with a link for one user: repeated requests do not fill the
/// mailbox.
const RESET_MAIL_INTERVAL: TimeDelta = TimeDelta::minutes(5);

/// How long expired links are kept, so that their page can say that they have expired.
const LINK_RETENTION: TimeDelta = TimeDelta::days(90);

/// Sends a link for choosing another password to the user with that address, if there is one.
/// The answer does not say whether there is.
pub fn forget_password(desk: &Desk, email: &str, request_id: &str) -> Result<(), Error> {
    let Ok(email) = EmailAddress::parse(email) else { return Ok(()) };
    let Some(known) = desk.db.read(|conn| users::find_by_email(conn, &email))? else {
        return Ok(());
    };
    desk.db.write(|tx| {
        let now = desk.clock.now();
        users::lock(tx, &[known.id])?;
        let user = users::get(tx, known.id)?;
        // Repeated requests neither fill the mailbox nor end the link that the user
        // has just got.
        if account_links::newest(tx, LinkPurpose::Reset, user.id)?
            .is_some_and(|link| now - link.created_at < RESET_MAIL_INTERVAL)
        {
            return Ok(());
        }
        // An invited user has a link already; for a user without any merchant there is no name in
        // which to write.
        let (Some((scope, merchant)), true, None) =
            (some_merchant_of(tx, user.id)?, user.has_credentials, user.disabled_at)
        else {
            return Ok(());
        };
        let link = account_mail::new_link(desk, "welcome")?;
        account_links::remove_stale(tx, now - LINK_RETENTION)?;
        account_links::replace(
            tx,
            &link.hash,
            LinkPurpose::Reset,
            Some(user.id),
            now,
            now + LinkPurpose::Reset.lifetime(),
        )?;
        record(tx, desk, &user, Action::PasswordForgotten, request_id)?;
        account_mail::send(
            tx,
            desk,
            scope,
            &merchant,
            &user,
            &AccountMatter::Forgotten { link: link.address },
        )
    })
}

/// A record in each merchant of the user. Following a link proves that one reads the user's
/// mail; asking for one proves nothing.
fn record(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    user: &User,
    action: Action,
    request_id: &str,
) -> Result<(), Error> {
    let actor =
        if action == Action::PasswordForgotten { Actor::System } else { Actor::User(user.id) };
    for own in memberships::list_counted(tx, user.id)? {
        let mut record =
            NewRecord::new(Some(own.merchant.id), action, actor).detail("user", user.id.0);
        record.request_id = Some(request_id.to_owned());
        audit::append(tx, &record, desk.clock.now())?;
    }
    Ok(())
}
