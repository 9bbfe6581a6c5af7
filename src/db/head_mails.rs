//! The mails that carry the audit logs' heads out of the machine: when the last one was queued, and
//! the next one.

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, connection::SimpleConnection,
};

use super::{
    DbConn, Error, Scope, WriteTx, instant::At, locks::AdvisoryLock, planner::WrittenOut,
    schema::mails as m,
};
use crate::domain::mail::{Letter, MailState, Notice};

/// Takes the sending lock for the rest of the transaction; `false` while another server holds it.
/// Must be the transaction's first statement: what comes after it sees what was committed by then.
pub fn try_lock(tx: &mut WriteTx<'_>) -> Result<bool, Error> {
    match &mut **tx {
        // SQLite has one writer: the transaction itself is the lock.
        DbConn::Sqlite(_) => {}
        DbConn::Postgres(c) => {
            c.batch_execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")?;
        }
    }
    AdvisoryLock::HeadMails.try_take(tx)
}

/// When the last one was queued.
pub fn last(conn: &mut DbConn) -> Result<Option<DateTime<Utc>>, Error> {
    let sent = m::table.filter(WrittenOut::planned_afresh("mails.origin = 'heads'"));
    let at: Option<At> =
        sent.order(m::queued_at.desc()).select(m::queued_at).first(conn).optional()?;
    Ok(at.map(|at| at.0))
}

/// Puts one in the outbox of a merchant, due at once.
pub fn enqueue(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    letter: &Letter,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    diesel::insert_into(m::table)
        .values((
            m::merchant_id.eq(scope.merchant().0),
            m::origin.eq(Notice::Heads.as_str()),
            m::message_id.eq(&letter.message_id),
            m::sender.eq(&letter.sender),
            m::recipient.eq(&letter.recipient),
            m::subject.eq(&letter.subject),
            m::text_body.eq(&letter.text),
            m::html_body.eq(&letter.html),
            m::state.eq(MailState::Queued.as_str()),
            m::attempts.eq(0),
            m::next_attempt_at.eq(At(now)),
            m::queued_at.eq(At(now)),
        ))
        .execute(&mut **tx)?;
    Ok(())
}
