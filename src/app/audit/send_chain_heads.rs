//! Sends the heads of the audit logs out of the machine, once a day: only a head that was
//! remembered elsewhere shows that the end of a log was cut.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    app::{Desk, Error, Fault, mails::fulfilment_email::message_id},
    db::{audit_seals, head_mails, merchants},
    domain::{email::EmailAddress, mail::Letter, zone},
    mail::chain_heads::{HeadsFacts, LogHeadCopy, compose},
};

/// The time between two mails: one a day.
const MAIL_INTERVAL: TimeDelta = TimeDelta::days(1);

/// Queues the mail to that address when the last one is a day old, or there was none; answers
/// whether it did. Several servers may ask at once. Without a log that has a seal, or a merchant in
/// whose outbox to put it, there is nothing to send.
pub fn send_chain_heads(desk: &Desk, recipient: &EmailAddress) -> Result<bool, Error> {
    let is_due = |last: Option<DateTime<Utc>>| {
        last.is_none_or(|last| desk.clock.now() - last >= MAIL_INTERVAL)
    };
    // A look that costs no write.
    if !is_due(desk.db.read(head_mails::last)?) {
        return Ok(false);
    }
    desk.db.write(|tx| {
        if !head_mails::try_lock(tx)? || !is_due(head_mails::last(tx)?) {
            return Ok(false);
        }
        let heads: Vec<_> =
            audit_seals::heads(tx)?.into_iter().filter(|log| log.head.no > 0).collect();
        let Some((scope, _)) =
            merchants::list_for_operator(tx)?.into_iter().next().filter(|_| !heads.is_empty())
        else {
            return Ok(false);
        };
        let letter = letter(desk, recipient, &heads)?;
        head_mails::enqueue(tx, scope, &letter, desk.clock.now())?;
        desk.wake_mail_worker(tx);
        Ok(true)
    })
}

fn letter(
    desk: &Desk,
    recipient: &EmailAddress,
    heads: &[audit_seals::LogHead],
) -> Result<Letter, Error> {
    let now = desk.clock.now();
    let told = |log: &audit_seals::LogHead| {
        let head = &log.head;
        let command = match &log.slug {
            Some(slug) => format!("rewarddesk audit verify --merchant {slug} --head {head}"),
            None => format!("rewarddesk audit verify --head {head}"),
        };
        let name = log.slug.clone().unwrap_or_else(|| "the installation".to_owned());
        LogHeadCopy { log: name, count: head.no, digest: head.to_string(), command }
    };
    let facts = HeadsFacts {
        desk: &desk.mail_from,
        address: &desk.base_url,
        recipient,
        at: zone::show(now, chrono_tz::Tz::UTC),
        heads: heads.iter().map(told).collect(),
        message_id: message_id(desk, now),
    };
    compose(&facts).map_err(|error| Fault::template("a mail", error).into())
}
