//! Getting queued mail out: claim what is due, send it under a lease, record what became of it.
//!
//! What may happen twice is sending, when the process is killed between the relay's answer and our
//! note that it was sent; the Message-ID is the same then.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, interval_at, sleep},
};

use crate::{
    app::{Desk, Error},
    db::{
        WriteTx, audit,
        mail_leases::{self, MailLease},
    },
    domain::{
        audit::{Action, Actor, NewRecord},
        ids::MailId,
        mail::ClaimedMail,
        mail_retry::{Next, after_refusal},
    },
};

pub use crate::{
    domain::{ids::MailId as Mail, mail::ClaimedMail as Claimed},
    mail::{Mailer, SendError},
};

/// A third of the lease, so that one lost renewal loses nothing.
const LEASE_RENEWAL_INTERVAL: Duration = Duration::from_secs(10);
/// The longest pause between two tries to record an outcome: the database heals within ten seconds
/// of being back.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Claims up to `limit` due mails for `worker`, none of those it is still `busy` with.
pub fn claim_mails(
    desk: &Desk,
    worker: &str,
    busy: &[MailId],
    limit: i64,
) -> Result<Vec<ClaimedMail>, Error> {
    desk.db.write(|tx| Ok(mail_leases::claim_due(tx, worker, busy, desk.clock.now(), limit)?))
}

/// How long until a mail is due; zero when one is. `None`: nothing is queued.
pub fn next_due_in(desk: &Desk) -> Result<Option<Duration>, Error> {
    let due = desk.db.read(|conn| mail_leases::next_due(conn).map_err(Error::from))?;
    Ok(due.map(|at| (at - desk.clock.now()).to_std().unwrap_or_default()))
}

/// Sends one claimed mail and records what became of it; comes back when both are done, or the
/// lease is lost.
pub async fn deliver(desk: &Desk, mailer: &Mailer, worker: &Arc<str>, mail: &Arc<ClaimedMail>) {
    let Some(outcome) = send_under_lease(desk, mailer, worker, mail).await else {
        tracing::warn!(mail = mail.id.0, "another worker took over a mail while it was being sent");
        return;
    };
    fail::fail_point!("mails::sent_not_marked");
    let mut pause = Duration::from_millis(500);
    loop {
        let (worker, mail, outcome) = (Arc::clone(worker), Arc::clone(mail), outcome.clone());
        match desk.writing(move |desk| record(desk, &worker, &mail, &outcome)).await {
            Ok(()) => return,
            // A mail that is out must not be sent again for want of that note: the note waits until
            // it can be made.
            Err(error) => tracing::warn!(%error, "what became of a mail could not be recorded yet"),
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// `None`: the lease was lost meanwhile; the worker that has it sends the mail.
async fn send_under_lease(
    desk: &Desk,
    mailer: &Mailer,
    worker: &Arc<str>,
    mail: &Arc<ClaimedMail>,
) -> Option<Result<(), SendError>> {
    // A task of its own, so that a panic is one mail's trouble; the set breaks it off when this
    // future is dropped.
    let mut sending = JoinSet::new();
    let (mailer, letter) = (mailer.clone(), Arc::clone(mail));
    sending.spawn(async move { mailer.send(&letter.letter, letter.queued_at).await });
    let mut heartbeat =
        interval_at(Instant::now() + LEASE_RENEWAL_INTERVAL, LEASE_RENEWAL_INTERVAL);
    loop {
        tokio::select! {
            done = sending.join_next() => {
                let broken = || Err(SendError::Temporary("the desk itself failed at sending this \
                    mail".into()));
                return Some(done.and_then(Result::ok).unwrap_or_else(broken));
            }
            _ = heartbeat.tick() => {
                let (worker, mail) = (Arc::clone(worker), Arc::clone(mail));
                let renewal = desk.writing(move |desk| {
                    desk.db.write(|tx| Ok::<_, Error>(mail_leases::renew(tx, lease(&worker, &mail), desk.clock.now())?))
                });
                match renewal.await {
                    Ok(true) => (),
                    Ok(false) => return None,
                    // Nobody else can claim it either while the database is away.
                    Err(error) => tracing::warn!(%error, "a mail's lease could not be renewed"),
                }
            }
        }
    }
}

/// Gives a mail back that was not sent, or not to its end.
pub fn release_claim(desk: &Desk, worker: &str, mail: &ClaimedMail) -> Result<(), Error> {
    desk.db
        .write(|tx| Ok(mail_leases::release(tx, lease(worker, mail), desk.clock.now()).map(drop)?))
}

fn lease<'a>(worker: &'a str, mail: &ClaimedMail) -> MailLease<'a> {
    MailLease { mail: mail.id, worker, attempts: mail.attempts }
}

/// Writes down what became of a mail: its state and, when it has ended, the audit record, in one
/// transaction.
pub fn record(
    desk: &Desk,
    worker: &str,
    mail: &ClaimedMail,
    outcome: &Result<(), SendError>,
) -> Result<(), Error> {
    let done = desk.db.write(|tx| record_in(tx, desk, lease(worker, mail), mail, outcome))?;
    match (done, outcome) {
        // Also after a commit whose answer was lost, when this is the second try.
        (false, _) => tracing::info!(
            mail = mail.id.0,
            "a mail's outcome was already recorded, or is another worker's"
        ),
        (true, Ok(())) => tracing::info!(mail = mail.id.0, attempts = mail.attempts, "mail sent"),
        (true, Err(reason)) => {
            tracing::warn!(mail = mail.id.0, attempts = mail.attempts, %reason, "mail not sent");
        }
    }
    Ok(())
}

fn record_in(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    lease: MailLease<'_>,
    mail: &ClaimedMail,
    outcome: &Result<(), SendError>,
) -> Result<bool, Error> {
    let now = desk.clock.now();
    let (held, ended) = match outcome {
        Ok(()) => (mail_leases::mark_sent(tx, lease, now)?, Some(ended(mail, Action::EmailSent))),
        Err(SendError::Permanent(why)) => {
            (mail_leases::mark_failed(tx, lease, why, now)?, Some(failed(mail, why)))
        }
        Err(SendError::Temporary(why)) => {
            match after_refusal(mail.id, mail.attempts, mail.queued_at, now) {
                Next::At(at) => (mail_leases::retry_later(tx, lease, why, at)?, None),
                Next::GiveUp => {
                    let why = format!(
                        "gave up after two days and {} attempts; the last error was: {why}",
                        mail.attempts
                    );
                    (mail_leases::mark_failed(tx, lease, &why, now)?, Some(failed(mail, &why)))
                }
            }
        }
    };
    if held && let Some(record) = ended {
        let record = match mail.reward {
            Some(reward) => {
                record.detail("reward_id", mail_leases::reward_id_of(tx, mail.merchant, reward)?)
            }
            None => record,
        };
        audit::append(tx, &record, now)?;
    }
    Ok(held)
}

fn failed(mail: &ClaimedMail, why: &str) -> NewRecord {
    ended(mail, Action::EmailFailed).detail("reason", why)
}

fn ended(mail: &ClaimedMail, action: Action) -> NewRecord {
    NewRecord {
        customer: mail.customer,
        reward: mail.reward,
        reissue: mail.reissue,
        ..NewRecord::new(Some(mail.merchant), action, Actor::System)
    }
    .detail("mail", mail.id.0)
    .detail("attempts", mail.attempts)
}
