//! What has happened in the demo before it is opened: reissues with and without mail, one mail that
//! failed, one customer blocked. Goes through the use cases, with the clock set back.

use std::sync::Arc;

use chrono::TimeDelta;

use super::{SIGN_INS, world};
use crate::{
    app::{
        Desk, Error, Member,
        customers::{
            customer_acts::{SubmittedForm, act_on_customer},
            find_customers::{Wanted, find_customers},
            show_customer::{Cursors, show_customer},
        },
        mails::deliver_mail,
        rewards::reissue_coupon::{ReissueCoupon, reissue_coupon},
        sign_in::sessions,
        tokens,
    },
    db::users,
    domain::{
        clock::Clock, customer_acts::CustomerAct, email::EmailAddress, reissue::check_reissue,
    },
    mail::mailer::SendError,
};

/// One reissue of the past.
struct Past {
    customer: u64,
    days_ago: i64,
    /// Who pressed the button: an index into [`SIGN_INS`].
    by: usize,
    /// `None`: no mail; else whether it arrived.
    mail: Option<bool>,
}

const PAST: [Past; 3] = [
    Past { customer: 4, days_ago: 12, by: 0, mail: Some(true) },
    Past { customer: 5, days_ago: 3, by: 1, mail: Some(false) },
    Past { customer: 1, days_ago: 6, by: 0, mail: None },
];

/// Lets the past of the merchant happen.
pub fn tell(desk: &Desk, slug: &str) -> Result<(), Error> {
    for past in &PAST {
        let now = desk.clock.now() - TimeDelta::days(past.days_ago);
        let then = desk.at(Clock::fixed(now));
        let Some(member) = member(&then, slug, SIGN_INS[past.by].email)? else { continue };
        reissue_first(&then, &member, past)?;
        if let Some(arrives) = past.mail {
            deliver(&then, arrives)?;
        }
    }
    if let Some(member) = member(desk, slug, SIGN_INS[1].email)? {
        let found = find_customers(desk, &member, &world::email(3), None, Wanted::Person)?;
        if let Some(tom) = found.only_exact {
            let then = desk.at(Clock::fixed(desk.clock.now() - TimeDelta::days(20)));
            let typed = SubmittedForm {
                reason: "chargebacks on three orders".to_owned(),
                ..SubmittedForm::default()
            };
            act_on_customer(&then, &member, tom, CustomerAct::Block, &typed)?;
        }
    }
    Ok(())
}

fn member(desk: &Desk, slug: &str, email: &str) -> Result<Option<Member>, Error> {
    let Some(user) = desk.db.read(|conn| {
        users::find_by_email(conn, &EmailAddress::stored(email.to_owned())).map_err(Error::from)
    })?
    else {
        return Ok(None);
    };
    let name = SIGN_INS.iter().find(|s| s.email == email).map(|s| s.name).unwrap_or_default();
    Ok(sessions::enter_merchant(desk, slug, user.id)?.map(|membership| Member {
        user: user.id,
        user_name: name.to_owned(),
        user_email: email.to_owned(),
        scope: membership.scope,
        merchant: membership.merchant,
        role: membership.role,
        request_id: "demo".to_owned(),
    }))
}

/// Reissues the customer's first reward that can be.
fn reissue_first(desk: &Desk, member: &Member, past: &Past) -> Result<(), Error> {
    let Some(customer) =
        find_customers(desk, member, &world::email(past.customer), None, Wanted::Person)?
            .only_exact
    else {
        return Ok(());
    };
    let profile = show_customer(desk, member, customer, Cursors::default())?;
    let Some(row) =
        profile.rewards.iter().find(|row| check_reissue(&row.file, desk.clock.now()).is_ok())
    else {
        return Ok(());
    };
    let reward = row.file.reward.no;
    let token = tokens::issue(
        desk,
        tokens::Binding { merchant: member.scope.merchant(), user: member.user, reward },
    )?;
    reissue_coupon(
        desk,
        member,
        &ReissueCoupon { customer, reward, email_requested: past.mail.is_some(), token },
    )?;
    Ok(())
}

/// Records what became of the mails that are due, without sending any: they belong to the past.
fn deliver(desk: &Desk, arrives: bool) -> Result<(), Error> {
    let worker: Arc<str> = "demo".into();
    let later = desk.at(Clock::fixed(desk.clock.now() + TimeDelta::seconds(4)));
    for mail in deliver_mail::claim_mails(&later, &worker, &[], 10)? {
        let outcome = if arrives {
            Ok(())
        } else {
            Err(SendError::Permanent(
                "the mail server says this mailbox doesn't exist (550)".to_owned(),
            ))
        };
        deliver_mail::record(&later, &worker, &mail, &outcome)?;
    }
    Ok(())
}
