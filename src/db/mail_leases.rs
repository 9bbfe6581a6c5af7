//! The mail worker's side of the outbox: which mails are due, who holds one, what came of it. A
//! claim is a lease: a worker that stops renewing it loses the mail to another.
//!
//! These functions serve the desk itself, across merchants; each mail says whose it is.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};

use super::{
    DbConn, Error, WriteTx,
    instant::At,
    planner::WrittenOut,
    schema::{audit_records as a, mails as m, rewards},
};
use crate::domain::{
    audit::Action,
    ids::{CustomerNo, MailId, MerchantId, ReissueId, RewardNo},
    mail::{ClaimedMail, Letter, MailState, Notice},
};

/// How long a worker may go without a sign of life (guarantee R9).
pub const LEASE: TimeDelta = TimeDelta::seconds(30);

/// A held mail. The count of attempts is part of it: a worker that lost a mail and claimed it again
/// holds another lease.
#[derive(Debug, Clone, Copy)]
pub struct MailLease<'a> {
    pub mail: MailId,
    pub worker: &'a str,
    pub attempts: i64,
}

#[derive(Queryable)]
pub(super) struct LetterRow {
    message_id: String,
    sender: String,
    recipient: String,
    subject: String,
    text: String,
    html: String,
}

type LetterColumns =
    (m::message_id, m::sender, m::recipient, m::subject, m::text_body, m::html_body);
pub(super) const LETTER: LetterColumns =
    (m::message_id, m::sender, m::recipient, m::subject, m::text_body, m::html_body);

impl From<LetterRow> for Letter {
    fn from(row: LetterRow) -> Self {
        let LetterRow { message_id, sender, recipient, subject, text, html } = row;
        Self { message_id, sender, recipient, subject, text, html }
    }
}

#[derive(Queryable)]
struct ClaimedRow {
    id: i64,
    merchant: i64,
    customer: Option<i64>,
    reward: Option<i64>,
    reissue: Option<i64>,
    attempts: i64,
    queued_at: At,
    letter: LetterRow,
}

impl From<ClaimedRow> for ClaimedMail {
    fn from(row: ClaimedRow) -> Self {
        Self {
            id: MailId(row.id),
            merchant: MerchantId(row.merchant),
            customer: row.customer.map(CustomerNo),
            reward: row.reward.map(RewardNo),
            reissue: row.reissue.map(ReissueId),
            attempts: row.attempts,
            queued_at: row.queued_at.0,
            letter: row.letter.into(),
        }
    }
}

/// For the index that holds the queued ones alone.
fn is_queued() -> WrittenOut {
    WrittenOut::planned_afresh("mails.state = 'queued'")
}

/// Claims up to `limit` mails that are due, the longest due first, and none of `busy`: those the
/// worker is still at.
///
/// A mail that cannot be read is left out: it may block nobody.
pub fn claim_due(
    tx: &mut WriteTx<'_>,
    worker: &str,
    busy: &[MailId],
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<ClaimedMail>, Error> {
    let due = m::table
        .filter(is_queued())
        .filter(m::next_attempt_at.le(At(now)))
        .filter(m::id.ne_all(busy.iter().map(|id| id.0).collect::<Vec<_>>()))
        .order((m::next_attempt_at, m::id))
        .limit(limit)
        .select(m::id);
    let ids: Vec<i64> = match &mut **tx {
        // BEGIN IMMEDIATE holds every row already.
        DbConn::Sqlite(c) => due.load(c)?,
        // Rows that another worker is claiming are skipped, not waited for.
        DbConn::Postgres(c) => due.for_update().skip_locked().load(c)?,
    };
    fail::fail_point!("mails::chosen");
    if ids.is_empty() {
        return Ok(vec![]);
    }
    diesel::update(m::table.filter(m::id.eq_any(&ids)))
        .set((
            m::lease_holder.eq(worker),
            m::next_attempt_at.eq(At(now + LEASE)),
            m::attempts.eq(m::attempts + 1),
        ))
        .execute(&mut **tx)?;
    let mut mails = Vec::new();
    for id in ids {
        match load(tx, id) {
            Ok(Some(mail)) => mails.push(mail),
            Ok(None) => (),
            Err(Error::Corrupt(_)) => {
                tracing::error!(mail = id, "a queued mail is unreadable; it stays queued");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(mails)
}

fn load(conn: &mut DbConn, id: i64) -> Result<Option<ClaimedMail>, Error> {
    let columns = (
        m::id,
        m::merchant_id,
        m::customer,
        m::reward,
        m::reissue_id,
        m::attempts,
        m::queued_at,
        LETTER,
    );
    let row: Option<ClaimedRow> =
        m::table.filter(m::id.eq(id)).select(columns).first(conn).optional()?;
    Ok(row.map(ClaimedMail::from))
}

/// Changes a mail if the lease still holds; `false`: it is another's by now, or ended, and nothing
/// was done.
macro_rules! change {
    ($tx:ident, $lease:ident, $change:expr) => {{
        let held = m::table
            .filter(m::id.eq($lease.mail.0))
            .filter(is_queued())
            .filter(m::lease_holder.eq($lease.worker))
            .filter(m::attempts.eq($lease.attempts));
        Ok(diesel::update(held).set($change).execute(&mut **$tx)? == 1)
    }};
}

const NOBODY: Option<&str> = None;

/// A sign of life. `false`: the lease is lost.
pub fn renew(
    tx: &mut WriteTx<'_>,
    lease: MailLease<'_>,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    change!(tx, lease, m::next_attempt_at.eq(At(now + LEASE)))
}

/// The relay has taken it. `false`: the lease is lost.
pub fn mark_sent(
    tx: &mut WriteTx<'_>,
    lease: MailLease<'_>,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    end(tx, lease, MailState::Sent, None, now)
}

/// It will never be taken. `false`: the lease is lost.
pub fn mark_failed(
    tx: &mut WriteTx<'_>,
    lease: MailLease<'_>,
    why: &str,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    end(tx, lease, MailState::Failed, Some(why), now)
}

fn end(
    tx: &mut WriteTx<'_>,
    lease: MailLease<'_>,
    state: MailState,
    why: Option<&str>,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let (ended, state) = (Some(At(now)), state.as_str());
    let held: Result<bool, Error> = change!(
        tx,
        lease,
        (
            m::state.eq(state),
            m::ended_at.eq(ended),
            m::lease_holder.eq(NOBODY),
            m::last_error.eq(why)
        )
    );
    if *held.as_ref().unwrap_or(&false) {
        // The link in such a mail lets somebody in: it is not kept longer than it must be.
        let secret =
            m::table.filter(m::id.eq(lease.mail.0)).filter(m::origin.eq(Notice::Account.as_str()));
        diesel::update(secret)
            .set((m::text_body.eq(""), m::html_body.eq("")))
            .execute(&mut **tx)?;
    }
    held
}

/// It was refused for now. `false`: the lease is lost.
pub fn retry_later(
    tx: &mut WriteTx<'_>,
    lease: MailLease<'_>,
    why: &str,
    at: DateTime<Utc>,
) -> Result<bool, Error> {
    change!(
        tx,
        lease,
        (m::next_attempt_at.eq(At(at)), m::lease_holder.eq(NOBODY), m::last_error.eq(Some(why)))
    )
}

/// Gives the mail back, due at once. `false`: the lease is lost.
pub fn release(
    tx: &mut WriteTx<'_>,
    lease: MailLease<'_>,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    change!(tx, lease, (m::next_attempt_at.eq(At(now)), m::lease_holder.eq(NOBODY)))
}

/// The merchant's own reference of the reward that a mail is about, for its audit record.
pub fn reward_id_of(
    conn: &mut DbConn,
    merchant: MerchantId,
    reward: RewardNo,
) -> Result<String, Error> {
    let own =
        rewards::table.filter(rewards::merchant_id.eq(merchant.0)).filter(rewards::id.eq(reward.0));
    Ok(own.select(rewards::reward_id).first(conn)?)
}

/// When the next mail is due, held ones included: theirs is when the lease ends.
pub fn next_due(conn: &mut DbConn) -> Result<Option<DateTime<Utc>>, Error> {
    let queued = m::table.filter(is_queued());
    let at: Option<At> = queued
        .order((m::next_attempt_at, m::id))
        .select(m::next_attempt_at)
        .first(conn)
        .optional()?;
    Ok(at.map(|at| at.0))
}

/// How many mails wait that were queued at or before `until`.
pub fn count_waiting(conn: &mut DbConn, until: DateTime<Utc>) -> Result<i64, Error> {
    let queued = m::table.filter(is_queued());
    Ok(queued.filter(m::queued_at.le(At(until))).count().get_result(conn)?)
}

/// Since when the oldest waiting mail waits.
pub fn oldest_due(conn: &mut DbConn) -> Result<Option<DateTime<Utc>>, Error> {
    let queued = m::table.filter(is_queued());
    let at: Option<At> = queued.order(m::queued_at).select(m::queued_at).first(conn).optional()?;
    Ok(at.map(|at| at.0))
}

/// The latest release of held mail, as a number that only grows; 0 before the first. It is an audit
/// record, so that who let the mail go is on record, and a worker in another process sees it.
pub fn latest_release(conn: &mut DbConn) -> Result<i64, Error> {
    let id: Option<i64> = a::table
        .filter(a::merchant_id.is_null())
        .filter(a::action.eq(Action::MailReleased.as_str()))
        .order(a::id.desc())
        .select(a::id)
        .first(conn)
        .optional()?;
    Ok(id.unwrap_or_default())
}
