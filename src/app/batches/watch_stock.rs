//! Watches the stock of every batch: raises alerts where a threshold is crossed, arms them again,
//! and queues the mails.

use chrono::{DateTime, Days, Utc};

use crate::{
    app::{Desk, Error, Fault, mails::fulfilment_email::message_id},
    db::{
        Scope, WriteTx, batches, mails, merchants,
        stock_alerts::{self, Alert, DueDigest},
        stock_counts,
    },
    domain::{
        batch::{Batch, StockCounts},
        email::EmailAddress,
        ids::BatchId,
        mail::{Letter, Notice},
        merchant::Merchant,
        stock_alert::{AlertKind, Side},
        stock_forecast::{StockPace, judge},
        zone,
    },
    mail::alert::{AlertFacts, MailedAlert, compose},
};

/// Batches looked at in one go.
const BATCHES_PER_PAGE: i64 = 200;
/// Digests sent in one go.
const DIGESTS_PER_ROUND: i64 = 50;
/// Alerts in one digest.
const IN_DIGEST: i64 = 200;
/// When a day's digest goes out, in the merchant's zone.
const DIGEST_HOUR: u32 = 7;

/// Looks at every batch of every merchant once; answers how many alerts were raised.
pub fn watch_stock(desk: &Desk) -> Result<usize, Error> {
    let mut raised = 0;
    for (scope, merchant) in desk.db.read(merchants::list_for_operator)? {
        match watch_merchant(desk, scope, &merchant) {
            Ok(more) => raised += more,
            // One merchant's trouble is not the others'.
            Err(error) => {
                tracing::error!(%error, merchant = %merchant.slug, "the stock of a merchant could \
                    not be watched");
            }
        }
    }
    Ok(raised)
}

fn watch_merchant(desk: &Desk, scope: Scope, merchant: &Merchant) -> Result<usize, Error> {
    let (mut before, mut raised) = (None, 0);
    loop {
        let now = desk.clock.now();
        let batches: Vec<Batch> = desk
            .db
            .read(|conn| batches::list(conn, scope, before, BATCHES_PER_PAGE))?
            .into_iter()
            .map(|(batch, _)| batch)
            .collect();
        let Some(last) = batches.last() else { return Ok(raised) };
        before = Some(last.id);
        // Most batches are where they were: a look costs no write.
        let (counts, open) = desk.db.read(|conn| {
            Ok::<_, Error>((
                stock_counts::count(conn, scope, &batches, now)?,
                stock_alerts::list_open(conn, scope)?,
            ))
        })?;
        for (batch, counts) in batches.iter().zip(&counts) {
            if !changes(merchant, batch, counts, &open, now).is_empty() {
                raised += desk.db.write(|tx| tell(tx, desk, scope, merchant, batch.id))?;
            }
        }
    }
}

/// The alerts whose threshold was crossed in either direction since they were last stored.
fn changes(
    merchant: &Merchant,
    batch: &Batch,
    counts: &StockCounts,
    open: &[(BatchId, AlertKind)],
    now: DateTime<Utc>,
) -> Vec<(AlertKind, Side)> {
    let outlook =
        judge(batch, counts, &[], StockPace::default(), merchant.stock_rules, merchant.zone, now);
    let is_open = |kind: AlertKind| open.contains(&(batch.id, kind));
    AlertKind::ALL
        .into_iter()
        .map(|kind| (kind, kind.side(batch, counts, &outlook)))
        .filter(|(kind, side)| {
            matches!((side, is_open(*kind)), (Side::Crossed, false) | (Side::Safe, true))
        })
        .collect()
}

/// Judges again inside the transaction, and reports each newly crossed threshold; of those
/// about the number of codes only the gravest.
fn tell(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    scope: Scope,
    merchant: &Merchant,
    id: BatchId,
) -> Result<usize, Error> {
    stock_alerts::lock(tx, scope)?;
    let now = desk.clock.now();
    let Some(batch) = batches::find(tx, scope, id)? else { return Ok(0) };
    let counts = stock_counts::count_one(tx, scope, &batch, now)?;
    let open = stock_alerts::list_open(tx, scope)?;
    let mut raised: Vec<AlertKind> = Vec::new();
    for (kind, side) in changes(merchant, &batch, &counts, &open, now) {
        match side {
            Side::Crossed if stock_alerts::raise(tx, scope, id, kind, counts.usable, now)? => {
                raised.push(kind);
            }
            Side::Safe => stock_alerts::clear(tx, scope, id, kind, now)?,
            Side::Crossed | Side::Unknown => {}
        }
    }
    let gravest = raised.iter().copied().filter(|kind| kind.is_of_stock()).max();
    let told: Vec<AlertKind> = raised
        .iter()
        .copied()
        .filter(|kind| !kind.is_of_stock() || Some(*kind) == gravest)
        .collect();
    if told.is_empty() {
        return Ok(raised.len());
    }
    for (user, address) in stock_alerts::list_recipients(tx, scope)? {
        for kind in &told {
            let alert = MailedAlert {
                batch: &batch.name,
                kind: *kind,
                codes_left: counts.usable,
                link: link(desk, merchant, id),
            };
            let letter = letter(desk, merchant, &address, vec![alert], now)?;
            mails::enqueue_for_user(tx, scope, user, Notice::Alert, &letter, now)?;
        }
    }
    desk.wake_mail_worker(tx);
    Ok(raised.len())
}

/// Sends the digests that are due; answers how many there were something to say in.
pub fn send_digests(desk: &Desk) -> Result<usize, Error> {
    let now = desk.clock.now();
    let mut sent = 0;
    for digest in
        desk.db.read(|conn| stock_alerts::list_due_digests(conn, now, DIGESTS_PER_ROUND))?
    {
        match desk.db.write(|tx| send_digest(tx, desk, &digest)) {
            Ok(said) => sent += usize::from(said),
            Err(error) => tracing::error!(%error, "a digest of stock alerts could not be queued"),
        }
    }
    Ok(sent)
}

fn send_digest(tx: &mut WriteTx<'_>, desk: &Desk, digest: &DueDigest) -> Result<bool, Error> {
    stock_alerts::lock(tx, digest.scope)?;
    let now = desk.clock.now();
    let merchant = merchants::get(tx, digest.scope)?;
    let alerts: Vec<Alert> =
        stock_alerts::list_after(tx, digest.scope, digest.digested_to, IN_DIGEST)?;
    let told_to = alerts.last().map_or(digest.digested_to, |last| last.id);
    let Some(address) =
        stock_alerts::take_digest(tx, digest, told_to, next_digest(&merchant, now))?
    else {
        return Ok(false);
    };
    if alerts.is_empty() {
        return Ok(false);
    }
    let told = once_each(&alerts)
        .into_iter()
        .map(|alert| MailedAlert {
            batch: &alert.batch_name,
            kind: alert.kind,
            codes_left: alert.codes_left,
            link: link(desk, &merchant, alert.batch),
        })
        .collect();
    let letter = letter(desk, &merchant, &address, told, now)?;
    mails::enqueue_for_user(tx, digest.scope, digest.user, Notice::Digest, &letter, now)?;
    desk.wake_mail_worker(tx);
    Ok(true)
}

/// What a digest says: of a batch's stock the newest alert, which after a fall is the gravest, and
/// of its other alerts the newest.
fn once_each(alerts: &[Alert]) -> Vec<&Alert> {
    let about = |alert: &Alert| (alert.batch, (!alert.kind.is_of_stock()).then_some(alert.kind));
    let is_last =
        |at: usize| alerts.iter().skip(at + 1).all(|later| about(later) != about(&alerts[at]));
    alerts.iter().enumerate().filter(|(at, _)| is_last(*at)).map(|(_, alert)| alert).collect()
}

/// The next morning in the merchant's zone.
pub fn next_digest(merchant: &Merchant, now: DateTime<Utc>) -> DateTime<Utc> {
    let local = now.with_timezone(&merchant.zone).date_naive();
    let morning = |day| {
        zone::first_instant(day, merchant.zone) + chrono::TimeDelta::hours(i64::from(DIGEST_HOUR))
    };
    let today = morning(local);
    if today > now { today } else { morning(local.checked_add_days(Days::new(1)).unwrap_or(local)) }
}

fn link(desk: &Desk, merchant: &Merchant, batch: BatchId) -> String {
    format!("{}/m/{}/batches/{batch}#add-vouchers", desk.base_url, merchant.slug)
}

fn letter(
    desk: &Desk,
    merchant: &Merchant,
    to: &EmailAddress,
    alerts: Vec<MailedAlert<'_>>,
    now: DateTime<Utc>,
) -> Result<Letter, Error> {
    let choose = format!("{}/m/{}/alerts", desk.base_url, merchant.slug);
    let facts = AlertFacts {
        merchant,
        desk: &desk.mail_from,
        recipient: to,
        alerts,
        choose,
        message_id: message_id(desk, now),
    };
    compose(&facts).map_err(|error| Fault::template("an alert", error).into())
}
