//! Mails to users about their account, and the links in them.
//! Must not know when one is sent.

use super::{Desk, Error, fulfilment_email::message_id, sign_in::new_token, tokens};
use crate::{
    db::{self, Scope, WriteTx, mails},
    domain::{email::EmailAddress, mail::Notice, merchant::Merchant, user::User},
    mail::account::{Facts, compose},
};

pub use crate::mail::account::Matter;

/// A link that lets somebody in once.
pub struct Link {
    pub address: String,
    /// What is kept of its token.
    pub hash: String,
}

/// A link to that page with a token of 256 random bits. The token stands in the query, which no log keeps (quality.md S7).
pub fn new_link(desk: &Desk, page: &str) -> Result<Link, Error> {
    let token = new_token()?;
    Ok(Link { address: format!("{}/{page}?token={token}", desk.base_url), hash: tokens::hash(&token) })
}

/// Queues the mail.
pub fn send(tx: &mut WriteTx<'_>, desk: &Desk, scope: Scope, merchant: &Merchant, user: &User, matter: &Matter<'_>) -> Result<(), Error> {
    let now = desk.clock.now();
    let recipient = EmailAddress::stored(user.email.clone());
    let facts = Facts {
        merchant: &merchant.name,
        desk: &desk.mail_from,
        recipient: &recipient,
        name: &user.name,
        sign_in: format!("{}/sign-in", desk.base_url),
        matter,
        message_id: message_id(desk, now),
    };
    let letter = compose(&facts).map_err(|error| db::Error::Corrupt(format!("a mail could not be rendered: {error}")))?;
    mails::enqueue_for_user(tx, scope, user.id, Notice::Account, &letter, now)?;
    Ok(())
}
