//! What is done to a customer by hand: blocked and unblocked, e-mails off and on, purged; each with
//! its record in one transaction.

use chrono::{DateTime, TimeDelta, Utc};

use super::{private_details, purge_customer};
use crate::{
    app::{Desk, Error, InvalidForm, Member, coupons::coupon_acts::reason_of},
    db::{WriteTx, audit, customers, memberships, purges},
    domain::{
        Invalid,
        audit::{Action, Actor, NewRecord, ShownActor},
        customer::Customer,
        customer_acts::{CustomerAct, CustomerRefusal, check_act},
        ids::{AuditId, CustomerNo},
        note::Note,
        zone,
    },
};

/// Two requests of one user within this time that ask for the same are one double click.
const DOUBLE_CLICK: TimeDelta = TimeDelta::seconds(10);

/// Among so many of the customer's newest records the first of two clicks is looked for.
const MAX_RECORDS_SEARCHED: i64 = 20;

/// What was typed.
#[derive(Debug, Clone, Default)]
pub struct SubmittedForm {
    pub reason: String,
    /// The customer's number, which a purge asks for.
    pub confirmation: String,
}

/// What the dialog shows before anything is done.
#[derive(Debug, Clone)]
pub struct PreparedCustomerAct {
    pub act: CustomerAct,
    pub customer: Customer,
}

/// The dialog: the same rule as the guard. Stores nothing. The refusal comes beside it.
///
/// Errors: [`Error::NotFound`] outside the member's merchant.
pub fn prepare_act(
    desk: &Desk,
    member: &Member,
    no: CustomerNo,
    act: CustomerAct,
) -> Result<(PreparedCustomerAct, Option<CustomerRefusal>), Error> {
    let customer =
        desk.db.read(|conn| customers::find(conn, member.scope, no))?.ok_or(Error::NotFound)?;
    let refusal = check_act(act, &customer).err();
    Ok((PreparedCustomerAct { act, customer }, refusal))
}

/// Does it; answers the record of it. The same form sent twice has the same answer.
///
/// Errors: [`Error::NotFound`] outside the member's merchant, [`Error::NotAllowed`] when the
/// member's right is gone, [`Error::Refused`] by the rule, [`Error::Invalid`] for what can't be
/// taken.
pub fn act_on_customer(
    desk: &Desk,
    member: &Member,
    no: CustomerNo,
    act: CustomerAct,
    typed: &SubmittedForm,
) -> Result<AuditId, Error> {
    let acted = desk.db.write(|tx| act_in(tx, desk, member, no, act, typed))?;
    if act == CustomerAct::Purge {
        purge_customer::leave_nothing_behind(desk);
    }
    Ok(acted)
}

fn act_in(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    member: &Member,
    no: CustomerNo,
    act: CustomerAct,
    typed: &SubmittedForm,
) -> Result<AuditId, Error> {
    let role = memberships::lock_role(tx, member.scope, member.user)?
        .filter(|role| role.may(act.permission()));
    role.ok_or(Error::NotAllowed)?;
    let locked = if act == CustomerAct::Purge {
        purges::lock(tx, member.scope, no)?
    } else {
        customers::lock(tx, member.scope, no)?
    };
    let customer = locked.ok_or(Error::NotFound)?;
    // The clock is read after the locks: what counts is the moment of the decision, not of the
    // click.
    let now = desk.clock.now();
    if let Err(refusal) = check_act(act, &customer) {
        return first_click(tx, desk, member, no, act, typed, now)?.ok_or_else(|| refusal.into());
    }
    let typed = judge(act, no, typed)?;
    fail::fail_point!("customer_acts::checked");
    let mut record = NewRecord {
        customer: Some(no),
        request_id: Some(member.request_id.clone()),
        ..NewRecord::new(Some(member.scope.merchant()), action_of(act), Actor::User(member.user))
    };
    let mut private = Vec::new();
    match act {
        CustomerAct::Block | CustomerAct::Unblock => {
            let reason = typed.as_ref().map(Note::as_str).unwrap_or_default();
            let blocks = act == CustomerAct::Block;
            record = record.detail("old_blocked", !blocks).detail("blocked", blocks);
            private.push(("reason", reason));
            if blocks {
                customers::block(tx, member.scope, no, member.user, reason, now)?;
            } else {
                customers::unblock(tx, member.scope, no)?;
            }
            if let Some(blocked) = &customer.blocked {
                record = record.detail("blocked_at", zone::rfc3339(blocked.at));
                private.extend(blocked.reason.as_deref().map(|reason| ("blocked_reason", reason)));
            }
        }
        CustomerAct::EmailsOff | CustomerAct::EmailsOn => {
            let on = act == CustomerAct::EmailsOn;
            customers::set_receives_emails(tx, member.scope, no, on)?;
            private.extend([("old_receives_emails", choice(!on)), ("receives_emails", choice(on))]);
        }
        CustomerAct::Purge => {
            return purge_customer::purge_in(tx, member.scope, record, now);
        }
    }
    for (name, text) in private {
        record = record.detail(
            name,
            private_details::seal(tx, desk, member.scope.merchant(), no, name, text)?,
        );
    }
    Ok(audit::append(tx, &record, now)?)
}

/// As in import files.
fn choice(on: bool) -> &'static str {
    if on { "yes" } else { "no" }
}

fn action_of(act: CustomerAct) -> Action {
    match act {
        CustomerAct::Block => Action::CustomerBlocked,
        CustomerAct::Unblock => Action::CustomerUnblocked,
        CustomerAct::EmailsOff | CustomerAct::EmailsOn => Action::EmailsChosen,
        CustomerAct::Purge => Action::CustomerPurged,
    }
}

/// The reason, where the act asks for one.
fn judge(
    act: CustomerAct,
    no: CustomerNo,
    typed: &SubmittedForm,
) -> Result<Option<Note>, InvalidForm> {
    match act {
        CustomerAct::Block | CustomerAct::Unblock => reason_of(&typed.reason).map(Some),
        CustomerAct::Purge if typed.confirmation.trim() != no.to_string() => {
            let why = Invalid::because(format!(
                "type the customer number, {no}, to confirm; a purge can't be undone"
            ));
            Err(InvalidForm::at("confirmation", why))
        }
        CustomerAct::EmailsOff | CustomerAct::EmailsOn | CustomerAct::Purge => Ok(None),
    }
}

/// The record of the same form, sent a moment ago by the same user.
fn first_click(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    member: &Member,
    no: CustomerNo,
    act: CustomerAct,
    typed: &SubmittedForm,
    now: DateTime<Utc>,
) -> Result<Option<AuditId>, Error> {
    let records = private_details::list(
        tx,
        desk,
        member.scope,
        Some(no),
        audit::Slice::Before(i64::MAX),
        MAX_RECORDS_SEARCHED,
    )?;
    // The newest act of this kind: what was undone in between is not what was asked for.
    let kinds = CustomerAct::ALL.map(action_of);
    let newest = records
        .into_iter()
        .find(|record| kinds.iter().any(|action| action.as_str() == record.action));
    Ok(newest
        .filter(|record| {
            let mine = matches!(record.actor, ShownActor::User { id, .. } if id == member.user);
            let same = record.action == action_of(act).as_str()
                && record.text("reason").unwrap_or_default() == typed.reason.trim();
            mine && same && now - record.at <= DOUBLE_CLICK
        })
        .map(|record| record.id))
}
