//! Adds a merchant. For the operator of the machine; must not know the command line.

use chrono::{DateTime, Utc};

use crate::{
    app::Error,
    db::{self, Database, Scope, merchants::NewMerchant},
    domain::{
        Invalid,
        audit::{Action, Actor, NewRecord},
        email::Mailbox,
        merchant::{Slug, TicketUrl},
    },
};

/// What is known of the new merchant.
#[derive(Debug)]
pub struct AddMerchant {
    pub slug: Slug,
    pub name: String,
    pub zone: chrono_tz::Tz,
    pub ticket_url: Option<TicketUrl>,
    pub account_manager: Option<Mailbox>,
    pub mail_from: Option<Mailbox>,
}

/// Adds the merchant; the first record in its log says so.
pub fn add_merchant(db: &Database, now: DateTime<Utc>, new: &AddMerchant) -> Result<Scope, Error> {
    let name = crate::app::names::check("the merchant's name", &new.name)?;
    db.write(|tx| {
        let taken = || {
            Error::from(Invalid::because(format!(
                "there is already a merchant {:?}; choose another slug",
                new.slug.as_str()
            )))
        };
        if db::merchants::for_operator(tx, new.slug.as_str())?.is_some() {
            return Err(taken());
        }
        let row = NewMerchant {
            slug: &new.slug,
            name: &name,
            zone: new.zone,
            ticket_url: new.ticket_url.as_ref(),
            account_manager: new.account_manager.as_ref(),
            mail_from: new.mail_from.as_ref(),
        };
        let scope = db::merchants::add(tx, &row, now).map_err(|error| match error {
            db::Error::Conflict(which) if which.is_about("merchants", "slug") => taken(),
            other => other.into(),
        })?;
        let record = NewRecord::new(Some(scope.merchant()), Action::MerchantAdded, Actor::Cli);
        db::audit::append(
            tx,
            &record.detail("name", name.as_str()).detail("timezone", new.zone.name()),
            now,
        )?;
        Ok(scope)
    })
}
