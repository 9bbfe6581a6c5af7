//! The profile: one customer with rewards, e-mails and activity.

use chrono::{DateTime, Utc};

use super::private_details;
use crate::{
    app::{Desk, Error, Member},
    db::{DbConn, audit, customers, mails, memberships, rewards},
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
    pub counts: ProfileCounts,
    pub older: Cursors,
    /// Users who may add vouchers, for a member who may not.
    pub who_can: Vec<String>,
    pub now: DateTime<Utc>,
}

/// What a profile counts.
#[derive(Debug, Clone)]
pub struct ProfileCounts {
    pub rewards: usize,
    pub has_more_rewards: bool,
    /// Rewards whose code does not work.
    pub broken: usize,
    pub emails: usize,
    pub has_more_emails: bool,
    pub last_activity: Option<DateTime<Utc>>,
}

/// The profile of a customer.
pub fn show_customer(
    desk: &Desk,
    member: &Member,
    no: CustomerNo,
    from: Cursors,
) -> Result<Profile, Error> {
    let now = desk.clock.now();
    desk.db.read(|conn| {
        let lists = ProfileReader { desk, member, now }.lists(conn, no, from)?;
        let counts = lists.counts(now);
        let ProfileLists { customer, files, emails, events, older } = lists;
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
            memberships::names_who_may(conn, member.scope, Permission::ManageBatches, 3)?
        };
        Ok(Profile { customer, rewards, emails, events, counts, older, who_can, now })
    })
}

/// What a reissue has changed on a profile.
#[derive(Debug, Clone)]
pub struct AfterReissue {
    pub customer: Customer,
    pub row: RewardWithMail,
    pub emails: Vec<MailSummary>,
    pub events: Vec<AuditRecord>,
    pub counts: ProfileCounts,
    pub now: DateTime<Utc>,
}

/// What the answer to a reissue shows: the reward's row, and the lists and counts beside it.
pub fn show_after_reissue(
    desk: &Desk,
    member: &Member,
    no: CustomerNo,
    reward: RewardNo,
) -> Result<AfterReissue, Error> {
    let now = desk.clock.now();
    desk.db.read(|conn| {
        let lists = ProfileReader { desk, member, now }.lists(conn, no, Cursors::default())?;
        let counts = lists.counts(now);
        let ProfileLists { customer, files, emails, events, older } = lists;
        let file = match files.into_iter().find(|file| file.reward.no == reward) {
            Some(file) => file,
            // Not among the newest.
            None => {
                rewards::find_file(conn, member.scope, no, reward, now)?.ok_or(Error::NotFound)?
            }
        };
        let row = if older.emails.is_none() {
            joined(vec![file], &emails)
        } else {
            with_mails(conn, member, no, vec![file])?
        };
        let row = row.into_iter().next().ok_or(Error::NotFound)?;
        Ok(AfterReissue { customer, row, emails, events, counts, now })
    })
}

/// Reads for a member, as of now.
struct ProfileReader<'a> {
    desk: &'a Desk,
    member: &'a Member,
    now: DateTime<Utc>,
}

/// A page of each of a customer's lists.
struct ProfileLists {
    customer: Customer,
    files: Vec<RewardFile>,
    emails: Vec<MailSummary>,
    events: Vec<AuditRecord>,
    older: Cursors,
}

impl ProfileReader<'_> {
    fn lists(
        &self,
        conn: &mut DbConn,
        no: CustomerNo,
        from: Cursors,
    ) -> Result<ProfileLists, Error> {
        let scope = self.member.scope;
        let customer = customers::find(conn, scope, no)?.ok_or(Error::NotFound)?;
        let mut files = rewards::files_of_customer(
            conn,
            scope,
            &customer,
            from.rewards,
            more_than(MAX_REWARDS),
            self.now,
        )?;
        let mut emails =
            mails::list_of_customer(conn, scope, no, from.emails, more_than(MAX_EMAILS))?;
        let before = audit::Slice::Before(from.events.map_or(i64::MAX, |id| id.0));
        let mut events =
            private_details::list(conn, self.desk, scope, Some(no), before, more_than(MAX_EVENTS))?;
        let older = Cursors {
            rewards: cut(&mut files, MAX_REWARDS).map(|file| file.reward.no),
            emails: cut(&mut emails, MAX_EMAILS).map(|mail| mail.id),
            events: cut(&mut events, MAX_EVENTS).map(|event| event.id),
        };
        Ok(ProfileLists { customer, files, emails, events, older })
    }
}

impl ProfileLists {
    fn counts(&self, now: DateTime<Utc>) -> ProfileCounts {
        let is_broken = |file: &&RewardFile| {
            file.coupon.as_ref().is_some_and(|coupon| coupon.capacity(now).is_none())
        };
        let newest = self.files.iter().map(|file| file.reward.issued_at).max();
        ProfileCounts {
            rewards: self.files.len(),
            has_more_rewards: self.older.rewards.is_some(),
            broken: self.files.iter().filter(is_broken).count(),
            emails: self.emails.len(),
            has_more_emails: self.older.emails.is_some(),
            last_activity: self.events.first().map(|event| event.at).or(newest),
        }
    }
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
    conn: &mut DbConn,
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
