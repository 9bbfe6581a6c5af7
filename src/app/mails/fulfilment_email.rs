//! The fulfilment e-mail of one coupon: rendered and queued in the transaction of what caused it.

use chrono::{DateTime, Utc};
use uuid::{NoContext, Timestamp, Uuid};

use crate::{
    app::{Desk, Error, Fault},
    db::{Scope, WriteTx, mails},
    domain::{
        code::CouponCode,
        customer::Customer,
        ids::{CouponId, MailId, ReissueId, UserId},
        mail::MailOrigin,
        merchant::Merchant,
        reissue::Refusal,
        reward::Reward,
    },
    mail::fulfilment::{FulfilmentFacts, compose},
};

/// Whose mail it is and what it carries.
#[derive(Debug)]
pub struct FulfilmentMail<'a> {
    pub merchant: &'a Merchant,
    pub customer: &'a Customer,
    pub reward: &'a Reward,
    pub coupon: CouponId,
    pub code: &'a CouponCode,
    pub pin: Option<&'a str>,
    /// It may lie ahead.
    pub starts_at: Option<DateTime<Utc>>,
    pub expires_at: Option<DateTime<Utc>>,
    /// The reissue that gave this reward its coupon, if one did: the mail then says that an earlier
    /// code has ended.
    pub reissue: Option<ReissueId>,
    pub origin: MailOrigin,
    pub asked_by: UserId,
}

/// A mail in the outbox and where it goes: the customer's address of this moment, whatever becomes
/// of it later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedMail {
    pub id: MailId,
    pub recipient: String,
}

impl FulfilmentMail<'_> {
    /// Queues the mail.
    pub fn enqueue(
        &self,
        tx: &mut WriteTx<'_>,
        desk: &Desk,
        scope: Scope,
        now: DateTime<Utc>,
    ) -> Result<QueuedMail, Error> {
        // Only a purge takes the address away.
        let purged = || Refusal::CustomerPurged { at: self.customer.purged_at.unwrap_or(now) };
        let recipient = self.customer.email.as_ref().ok_or_else(purged)?;
        let letter = compose(&FulfilmentFacts {
            merchant: self.merchant,
            desk: &desk.mail_from,
            recipient,
            first_name: self.customer.first_name.as_deref(),
            title: &self.reward.title,
            code: self.code,
            pin: self.pin,
            valid_from: self.starts_at.filter(|at| *at > now),
            valid_until: self.expires_at,
            replaces: self.reissue.is_some(),
            message_id: message_id(desk, now),
        })
        .map_err(|error| Fault::template("the fulfilment email", error))?;
        let new = mails::NewMail {
            customer: self.customer.no,
            reward: self.reward.no,
            coupon: self.coupon,
            reissue: self.reissue,
            origin: self.origin,
            asked_by: Some(self.asked_by),
            letter: &letter,
        };
        let id = mails::enqueue(tx, scope, &new, now)?;
        desk.wake_mail_worker(tx);
        Ok(QueuedMail { id, recipient: letter.recipient })
    }
}

/// One id per mail, fixed with its text: a second copy after a crash can be told from a second
/// mail.
pub(in crate::app) fn message_id(desk: &Desk, now: DateTime<Utc>) -> String {
    let at = Timestamp::from_unix(
        NoContext,
        now.timestamp().unsigned_abs(),
        now.timestamp_subsec_nanos(),
    );
    format!("{}@{}", Uuid::new_v7(at).simple(), desk.mail_domain)
}
