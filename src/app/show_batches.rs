//! The voucher batches and what is left of them.
//! Must not know words or screens.

use chrono::{DateTime, Utc};

use super::{Desk, Error, Member};
use crate::{
    db::{audit, batches, memberships, stock},
    domain::{
        audit::{AuditRecord, ShownActor},
        batch::{Batch, Stock},
        ids::{AuditId, BatchId},
        role::Permission,
    },
};

const PAGE: usize = 50;

/// A batch in the list.
#[derive(Debug, Clone)]
pub struct BatchRow {
    pub batch: Batch,
    pub imported: i64,
    pub stock: Stock,
}

/// A page of batches, newest first.
#[derive(Debug, Clone)]
pub struct BatchPage {
    pub rows: Vec<BatchRow>,
    pub older: Option<BatchId>,
    pub now: DateTime<Utc>,
}

/// A page of the merchant's batches.
pub fn list_batches(desk: &Desk, member: &Member, before: Option<BatchId>) -> Result<BatchPage, Error> {
    let now = desk.clock.now();
    desk.db.read(|conn| {
        let mut found = batches::list(conn, member.scope, before, i64::try_from(PAGE + 1).unwrap_or(i64::MAX))?;
        let older = (found.len() > PAGE).then(|| found.get(PAGE - 1).map(|(batch, _)| batch.id)).flatten();
        found.truncate(PAGE);
        let (batches, imported): (Vec<Batch>, Vec<i64>) = found.into_iter().unzip();
        let stocks = stock::count(conn, member.scope, &batches, now)?;
        let rows =
            batches.into_iter().zip(imported).zip(stocks).map(|((batch, imported), stock)| BatchRow { batch, imported, stock }).collect();
        Ok(BatchPage { rows, older, now })
    })
}

/// One batch.
#[derive(Debug, Clone)]
pub struct BatchFile {
    pub row: BatchRow,
    /// Users who may add vouchers, for a member who may not.
    pub who_can: Vec<String>,
    pub now: DateTime<Utc>,
}

/// One batch.
pub fn show_batch(desk: &Desk, member: &Member, id: BatchId) -> Result<BatchFile, Error> {
    let now = desk.clock.now();
    desk.db.read(|conn| {
        let (batch, imported) = batches::find_with_imported(conn, member.scope, id)?.ok_or(Error::NotFound)?;
        let stock = stock::count_one(conn, member.scope, &batch, now)?;
        let who_can = if member.role.may(Permission::ManageBatches) {
            vec![]
        } else {
            memberships::names_who_may(conn, member.scope, Permission::ManageBatches, 3)?
        };
        Ok(BatchFile { row: BatchRow { batch, imported, stock }, who_can, now })
    })
}

/// Whether there is such a batch, before anything large is taken in for it.
pub fn has_batch(desk: &Desk, member: &Member, id: BatchId) -> Result<(), Error> {
    desk.db.read(|conn| batches::find(conn, member.scope, id))?.map(drop).ok_or(Error::NotFound)
}

/// The record of what this member has just done to this batch, if it is one.
pub fn own_act(desk: &Desk, member: &Member, batch: &Batch, record: AuditId) -> Result<Option<AuditRecord>, Error> {
    let found = desk.db.read(|conn| audit::list(conn, Some(member.scope), None, audit::Slice::After(record.0 - 1), 1))?.pop();
    Ok(found.map(|exported| exported.record).filter(|found| {
        let mine = matches!(found.actor, ShownActor::User { id, .. } if id == member.user);
        found.id == record && mine && found.text("batch") == Some(&batch.name)
    }))
}
