//! Sending the fulfilment e-mail again: of the coupon the reward has now, to the address the
//! customer has now.

use chrono::TimeDelta;

use super::fulfilment_email::{FulfilmentMail, QueuedMail};
use crate::{
    app::{Desk, Error, Member},
    db::{WriteTx, audit, locked_files, mails},
    domain::{
        audit::{Action, Actor, NewRecord},
        coupon::Coupon,
        ids::{CustomerNo, RewardNo},
        mail::MailOrigin,
        reissue::{Refusal, RewardFile, check_email},
        reward::Fulfilment as FulfilledBy,
        role::Permission,
    },
};

/// Two requests of one user within this time are one double click.
const DOUBLE_CLICK: TimeDelta = TimeDelta::seconds(10);

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resent {
    pub mail: QueuedMail,
    /// The same mail was on its way already; nothing was added.
    pub already_queued: bool,
}

/// Queues the fulfilment e-mail of a reward's current coupon once more.
///
/// Errors: [`Error::NotFound`] outside the member's merchant, [`Error::NotAllowed`] when the
/// member's right is gone, [`Error::Refused`] for a purged or blocked customer, one whose e-mails
/// are off, or a reward without a coupon of a batch.
pub fn resend_email(
    desk: &Desk,
    member: &Member,
    customer: CustomerNo,
    reward: RewardNo,
) -> Result<Resent, Error> {
    desk.db.write(|tx| resend_in(tx, desk, member, customer, reward))
}

fn resend_in(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    member: &Member,
    customer: CustomerNo,
    reward: RewardNo,
) -> Result<Resent, Error> {
    let scope = member.scope;
    // The lock on the reward makes the second click wait for the first, and then find its mail.
    let locked = locked_files::lock(tx, scope, member.user, (customer, reward), desk.clock.now())?;
    let (_, file) =
        locked.filter(|(role, _)| role.may(Permission::ResendEmails)).ok_or(Error::NotAllowed)?;
    let file = file.ok_or(Error::NotFound)?;
    let now = desk.clock.now();
    let coupon = check_resend(&file)?;
    let reissue = file.reissued.as_ref().map(|reissue| reissue.id);
    if let Some(address) = &file.customer.email {
        let twin = mails::find_twin(
            tx,
            scope,
            (customer, coupon.id),
            (member.user, address.as_str()),
            now - DOUBLE_CLICK,
        )?;
        if let Some(id) = twin {
            return Ok(Resent {
                mail: QueuedMail { id, recipient: address.to_string() },
                already_queued: true,
            });
        }
    }
    let fulfilment = FulfilmentMail {
        merchant: &member.merchant,
        customer: &file.customer,
        reward: &file.reward,
        coupon: coupon.id,
        code: &coupon.code,
        pin: coupon.pin.as_deref(),
        starts_at: coupon.window.from,
        expires_at: coupon.window.until,
        reissue,
        origin: MailOrigin::Resend,
        asked_by: member.user,
    };
    let mail = fulfilment.enqueue(tx, desk, scope, now)?;
    let record = NewRecord {
        customer: Some(customer),
        reward: Some(reward),
        reissue,
        request_id: Some(member.request_id.clone()),
        ..NewRecord::new(Some(scope.merchant()), Action::EmailResent, Actor::User(member.user))
    };
    audit::append(
        tx,
        &record.detail("mail", mail.id.0).detail("reward_id", file.reward.reward_id.as_str()),
        now,
    )?;
    Ok(Resent { mail, already_queued: false })
}

/// The coupon to send, or why none may be sent. A spent coupon may: the customer may ask which code
/// it was.
fn check_resend(file: &RewardFile) -> Result<&Coupon, Error> {
    if let Some(at) = file.customer.purged_at {
        return Err(Refusal::CustomerPurged { at }.into());
    }
    if let Some(blocked) = &file.customer.blocked {
        return Err(Refusal::CustomerBlocked(blocked.clone()).into());
    }
    check_email(file, true)?;
    if let FulfilledBy::External(provider) = file.reward.fulfilment {
        return Err(Refusal::NonBatchReward(provider).into());
    }
    file.coupon.as_ref().ok_or_else(|| Refusal::NoCouponYet.into())
}
