//! The voucher batches and what is left of them.

use chrono::{DateTime, Days, NaiveDate, Utc};

use crate::{
    app::{Desk, Error, Member},
    db::{
        audit, batches, memberships,
        stock_counts::{self, Day},
        withdrawals::{self, Withdrawal},
    },
    domain::{
        audit::{AuditRecord, ShownActor},
        batch::{Batch, StockCounts},
        ids::{AuditId, BatchId},
        role::Permission,
        stock_forecast::{CodeEnding, Outlook, PACE_DAYS, StockPace, judge, without_held},
    },
};

const PAGE_ROWS: usize = 50;

/// A batch in the list.
#[derive(Debug, Clone)]
pub struct BatchOverview {
    pub batch: Batch,
    pub imported: i64,
    pub stock: StockCounts,
    /// When the usable ones end, soonest first.
    pub ends: Vec<CodeEnding>,
    pub outlook: Outlook,
}

/// A page of batches, newest first.
#[derive(Debug, Clone)]
pub struct BatchList {
    pub rows: Vec<BatchOverview>,
    pub older: Option<BatchId>,
    pub now: DateTime<Utc>,
}

/// A page of the merchant's batches.
pub fn list_batches(
    desk: &Desk,
    member: &Member,
    before: Option<BatchId>,
) -> Result<BatchList, Error> {
    let now = desk.clock.now();
    desk.db.read(|conn| {
        let mut found = batches::list(
            conn,
            member.scope,
            before,
            i64::try_from(PAGE_ROWS + 1).unwrap_or(i64::MAX),
        )?;
        let older = (found.len() > PAGE_ROWS)
            .then(|| found.get(PAGE_ROWS - 1).map(|(batch, _)| batch.id))
            .flatten();
        found.truncate(PAGE_ROWS);
        let (batches, imported): (Vec<Batch>, Vec<i64>) = found.into_iter().unzip();
        let stocks = stock_counts::count(conn, member.scope, &batches, now)?;
        let ids: Vec<BatchId> = batches.iter().map(|batch| batch.id).collect();
        let days = stock_counts::days(conn, member.scope, &ids, pace_since(now))?;
        let ends = stock_counts::ends(conn, member.scope, &ids, now)?;
        let rows = batches
            .into_iter()
            .zip(imported)
            .zip(stocks)
            .map(|((batch, imported), stock)| {
                row_of(member, batch, imported, stock, &ends, &days, now)
            })
            .collect();
        Ok(BatchList { rows, older, now })
    })
}

/// The first day that a pace looks at.
pub fn pace_since(now: DateTime<Utc>) -> NaiveDate {
    let today = now.date_naive();
    today.checked_sub_days(Days::new(PACE_DAYS.unsigned_abs() - 1)).unwrap_or(today)
}

fn row_of(
    member: &Member,
    batch: Batch,
    imported: i64,
    stock: StockCounts,
    ends: &[(BatchId, CodeEnding)],
    days: &[Day],
    now: DateTime<Utc>,
) -> BatchOverview {
    let pace = pace_of(&batch, days, now);
    let mut ends: Vec<CodeEnding> =
        ends.iter().filter(|(id, _)| *id == batch.id).map(|(_, ending)| *ending).collect();
    let held = ends.iter().map(|ending| ending.codes).sum::<i64>() - stock.usable;
    without_held(&mut ends, held);
    let outlook =
        judge(&batch, &stock, &ends, pace, member.merchant.stock_rules, member.merchant.zone, now);
    BatchOverview { batch, imported, stock, ends, outlook }
}

/// How fast the batch was handed out lately; a young batch is measured over the days it has.
pub fn pace_of(batch: &Batch, days: &[Day], now: DateTime<Utc>) -> StockPace {
    let since = pace_since(now);
    let handed_out = days
        .iter()
        .filter(|day| day.batch == batch.id && day.day >= since)
        .map(|day| day.handed_out)
        .sum();
    // Rewards that were imported with their history were issued before the batch was known here.
    let first = days
        .iter()
        .filter(|day| day.batch == batch.id && day.handed_out > 0 && day.day >= since)
        .map(|day| day.day)
        .min();
    let known = batch.created_at.date_naive();
    let age = (now.date_naive() - first.map_or(known, |first| first.min(known))).num_days() + 1;
    StockPace { handed_out, days: age.clamp(1, PACE_DAYS) }
}

/// What happened on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StockDay {
    pub day: NaiveDate,
    /// Codes in stock at its end that were neither barred nor redeemed nor expired.
    pub left: i64,
    pub added: i64,
    pub handed_out: i64,
    pub reissued: i64,
}

/// How far back the picture of a batch looks, in days.
const PICTURE_DAYS: u64 = 90;

/// The days up to today, without a gap, oldest first. Days are UTC's, as the counts are kept.
fn history(
    batch: &Batch,
    stock: &StockCounts,
    days: &[Day],
    ended: &[(DateTime<Utc>, i64)],
    now: DateTime<Utc>,
) -> Vec<StockDay> {
    let today = now.date_naive();
    let first = today
        .checked_sub_days(Days::new(PICTURE_DAYS - 1))
        .unwrap_or(today)
        .max(batch.created_at.date_naive());
    // Counted back from what is there now, codes that have ended included; what had ended by then
    // is taken off again.
    let mut clean = stock.usable + stock.expired + stock.not_started;
    let mut found = Vec::new();
    for day in
        first.iter_days().take_while(|day| *day <= today).collect::<Vec<_>>().into_iter().rev()
    {
        let of_day = days.iter().find(|known| known.day == day);
        let close = day
            .succ_opt()
            .map_or(now, |next| next.and_time(chrono::NaiveTime::MIN).and_utc())
            .min(now);
        let gone: i64 = ended.iter().filter(|(end, _)| *end <= close).map(|(_, codes)| codes).sum();
        let left = if batch.window.has_expired(close) { 0 } else { (clean - gone).max(0) };
        let number = |of: fn(&Day) -> i64| of_day.map(of).unwrap_or_default();
        found.push(StockDay {
            day,
            left,
            added: number(|day| day.added),
            handed_out: number(|day| day.handed_out),
            reissued: number(|day| day.reissued),
        });
        clean -= number(|day| day.clean);
    }
    found.reverse();
    found
}

/// One batch.
#[derive(Debug, Clone)]
pub struct BatchFile {
    pub row: BatchOverview,
    /// The last days, oldest first, today at the end.
    pub history: Vec<StockDay>,
    /// What was withdrawn on purpose, newest first.
    pub withdrawals: Vec<Withdrawal>,
    /// Users who may add vouchers, for a member who may not.
    pub who_can: Vec<String>,
    pub now: DateTime<Utc>,
}

/// One batch.
pub fn show_batch(desk: &Desk, member: &Member, id: BatchId) -> Result<BatchFile, Error> {
    let now = desk.clock.now();
    desk.db.read(|conn| {
        let (batch, imported) =
            batches::find_with_imported(conn, member.scope, id)?.ok_or(Error::NotFound)?;
        let stock = stock_counts::count_one(conn, member.scope, &batch, now)?;
        let today = now.date_naive();
        let since = today.checked_sub_days(Days::new(PICTURE_DAYS)).unwrap_or(today);
        let days = stock_counts::days(conn, member.scope, &[batch.id], since)?;
        let ended = stock_counts::ended_windows(conn, member.scope, batch.id, now)?;
        let ends = stock_counts::ends(conn, member.scope, &[batch.id], now)?;
        let history = history(&batch, &stock, &days, &ended, now);
        let who_can = if member.role.may(Permission::ManageBatches) {
            vec![]
        } else {
            memberships::names_who_may(conn, member.scope, Permission::ManageBatches, 3)?
        };
        let withdrawals = withdrawals::list(conn, member.scope, batch.id, 10)?;
        Ok(BatchFile {
            withdrawals,
            row: row_of(member, batch, imported, stock, &ends, &days, now),
            history,
            who_can,
            now,
        })
    })
}

/// Whether there is such a batch, before anything large is taken in for it.
pub fn has_batch(desk: &Desk, member: &Member, id: BatchId) -> Result<(), Error> {
    desk.db.read(|conn| batches::find(conn, member.scope, id))?.map(drop).ok_or(Error::NotFound)
}

/// The record of what this member has just done to this batch, if it is one.
pub fn own_act(
    desk: &Desk,
    member: &Member,
    batch: &Batch,
    record: AuditId,
) -> Result<Option<AuditRecord>, Error> {
    let found = desk
        .db
        .read(|conn| {
            audit::list(conn, Some(member.scope), None, audit::Slice::After(record.0 - 1), 1)
        })?
        .pop();
    Ok(found.map(|exported| exported.record).filter(|found| {
        let mine = matches!(found.actor, ShownActor::User { id, .. } if id == member.user);
        found.id == record && mine && found.text("batch") == Some(&batch.name)
    }))
}
