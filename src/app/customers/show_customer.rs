//! The profile: one customer with rewards, e-mails and activity.

use chrono::{DateTime, Utc};

use super::private_details;
use crate::{
    app::{Desk, Error, Member},
    db::{audit, customers, mails, memberships, rewards},
    domain::{
        audit::AuditRecord,
        customer::Customer,
        ids::{AuditId, CustomerNo, MailId, RewardNo},
        mail::{Letter, MailSummary},
        reissue::RewardFile,
        role::Permission,
    },
};

const MAX_REWARDS: usize = 50;
const MAX_EMAILS: usize = 20;
const MAX_EVENTS: usize = 20;

/// Where in the profile's lists to begin; `None` is the newest.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cursors {
    pub rewards: Option<RewardNo>,
    pub emails: Option<MailId>,
    pub events: Option<AuditId>,
}

/// A reward with what became of its newest mail.
#[derive(Debug, Clone)]
pub struct RewardWithMail {
    pub file: RewardFile,
    pub mail: Option<MailSummary>,
}

/// Everything on a profile.
#[derive(Debug, Clone)]
pub struct Profile {
    pub customer: Customer,
    pub rewards: Vec<RewardWithMail>,
    pub emails: Vec<MailSummary>,
    pub events: Vec<AuditRecord>,
    pub older: Cursors,
    /// Users who may add vouchers, for a member who may not.
    pub who_can: Vec<String>,
    pub now: DateTime<Utc>,
}

/// The profile of a customer.
pub fn show_customer(
    desk: &Desk,
    member: &Member,
    no: CustomerNo,
    from: Cursors,
) -> Result<Profile, Error> {
    let (scope, now) = (member.scope, desk.clock.now());
    desk.db.read(|conn| {
        let customer = customers::find(conn, scope, no)?.ok_or(Error::NotFound)?;
        let mut files = rewards::files_of_customer(
            conn,
            scope,
            &customer,
            from.rewards,
            more_than(MAX_REWARDS),
            now,
        )?;
        let mut emails =
            mails::list_of_customer(conn, scope, no, from.emails, more_than(MAX_EMAILS))?;
        let before = audit::Slice::Before(from.events.map_or(i64::MAX, |id| id.0));
        let mut events =
            private_details::list(conn, desk, scope, Some(no), before, more_than(MAX_EVENTS))?;
        let older = Cursors {
            rewards: cut(&mut files, MAX_REWARDS).map(|file| file.reward.no),
            emails: cut(&mut emails, MAX_EMAILS).map(|mail| mail.id),
            events: cut(&mut events, MAX_EVENTS).map(|event| event.id),
        };
        // Where the page holds all of the customer's mails, the newest of each reward is among
        // them.
        let rewards = if from.emails.is_none() && older.emails.is_none() {
            joined(files, &emails)
        } else {
            with_mails(conn, member, no, files)?
        };
        let who_can = if member.role.may(Permission::ManageBatches) {
            vec![]
        } else {
            memberships::names_who_may(conn, scope, Permission::ManageBatches, 3)?
        };
        Ok(Profile { customer, rewards, emails, events, older, who_can, now })
    })
}

/// One reward's row as it is now, and what happened since: for the fragments after an act.
pub fn show_reward(
    desk: &Desk,
    member: &Member,
    customer: CustomerNo,
    reward: RewardNo,
) -> Result<(RewardWithMail, DateTime<Utc>), Error> {
    let now = desk.clock.now();
    desk.db.read(|conn| {
        let file = rewards::find_file(conn, member.scope, customer, reward, now)?
            .ok_or(Error::NotFound)?;
        let row = with_mails(conn, member, customer, vec![file])?.pop().ok_or(Error::NotFound)?;
        Ok((row, now))
    })
}

/// One mail of a customer as it was rendered.
pub fn show_mail(
    desk: &Desk,
    member: &Member,
    customer: CustomerNo,
    mail: MailId,
) -> Result<(Customer, MailSummary, Letter), Error> {
    desk.db.read(|conn| {
        let owner = customers::find(conn, member.scope, customer)?.ok_or(Error::NotFound)?;
        let (summary, letter) =
            mails::find(conn, member.scope, customer, mail)?.ok_or(Error::NotFound)?;
        Ok((owner, summary, letter))
    })
}

fn with_mails(
    conn: &mut crate::db::DbConn,
    member: &Member,
    customer: CustomerNo,
    files: Vec<RewardFile>,
) -> Result<Vec<RewardWithMail>, Error> {
    let numbers: Vec<RewardNo> = files.iter().map(|file| file.reward.no).collect();
    let mails = mails::latest_of_rewards(conn, member.scope, customer, &numbers)?;
    Ok(joined(files, &mails))
}

/// Each file with the first of these mails that is about its reward.
fn joined(files: Vec<RewardFile>, mails: &[MailSummary]) -> Vec<RewardWithMail> {
    files
        .into_iter()
        .map(|file| RewardWithMail {
            mail: mails.iter().find(|mail| mail.reward == file.reward.no).cloned(),
            file,
        })
        .collect()
}

fn more_than(page: usize) -> i64 {
    i64::try_from(page + 1).unwrap_or(i64::MAX)
}

/// Cuts the list to a page; answers the last row of the page if more follow.
fn cut<T>(rows: &mut Vec<T>, page: usize) -> Option<&T> {
    let more = rows.len() > page;
    rows.truncate(page);
    if more { rows.last() } else { None }
}
