//! Imports a file: reads and judges it without holding up anybody, then
//! writes it all or not at all.
//!
//! Reading the path of a file from top to bottom: [`decode`] text, [`records`] of cells,
//! [`header`], [`rows`] into values, [`spool`] them into a [`sorted_spool`] on disk; then one of
//! `vouchers`, `customers`, `reward_rows`, `redemption_rows`, `bar_rows`, `purge_rows` compares
//! them with what is stored, with exclusive access to the merchant's imports; at last the rejects
//! are written and the whole becomes visible. A dry run of vouchers, redemptions or bars takes no
//! lock: it compares, and waits for nobody.

mod bar_rows;
mod cells;
mod code_rows;
mod customers;
mod decode;
mod disagreements;
mod findings;
mod header;
mod heading;
mod job;
mod pace;
mod purge_rows;
mod records;
mod redemption_rows;
mod rejects;
mod request;
mod reward_rows;
mod rows;
mod sorted_spool;
mod spool;
mod uses;
mod vouchers;

use std::io::{Read, Write};

use self::job::Job;
use crate::{
    app::Desk,
    db::{
        Scope,
        imports::publish::{self, TargetBatch},
    },
    domain::{Invalid, import::ImportKind, merchant::Merchant},
};

pub use self::findings::{Cause, DamageGroup, Ends, Findings, RowSample, SampledCount, Suspicion};
pub use self::pace::SlicePace;
pub use self::request::{
    ImportError, ImportProgress, ImportRequest, OnCommit, ProgressWatch, Report,
};

/// Imports `source` into the merchant. The rows that could not be taken are written to `rejects` as
/// CSV before anything becomes visible; nothing is written there when there are none.
///
/// Errors: all of them leave the database as it was, but for a [`crate::db::Error::CommitUnknown`].
/// Run it again.
pub fn import_file(
    desk: &Desk,
    scope: Scope,
    merchant: &Merchant,
    order: &ImportRequest<'_>,
    source: &mut dyn Read,
    rejects: &mut dyn Write,
    watch: &mut ProgressWatch<'_>,
) -> Result<Report, ImportError> {
    let target = match (order.kind, order.batch) {
        (ImportKind::Vouchers, Some(name)) => Some(match order.planned.filter(|_| order.dry_run) {
            Some(planned) => TargetBatch::planned(planned),
            None => desk
                .db
                .read(|conn| publish::find_target_batch(conn, scope, name))?
                .ok_or_else(|| ImportError::NoBatch {
                    batch: name.to_owned(),
                    merchant: merchant.slug.to_string(),
                })?,
        }),
        (ImportKind::Vouchers, None) => {
            return Err(Invalid::because("vouchers need a batch; name one").into());
        }
        (_, Some(_)) => {
            return Err(Invalid::because(format!(
                "a {} file isn't imported into a batch; leave the batch out",
                order.kind.as_str()
            ))
            .into());
        }
        (_, None) => None,
    };
    let mut job = Job { desk, scope, merchant, order, watch };
    let spooled = spool::read(source, &mut job, target)?;
    if spooled.good.count() == 0 && spooled.claims.count() == 0 {
        // No acceptable row: there is no need to wait for the lock.
        let report = spooled.report();
        spooled.rejects.write(&spooled.layout, rejects)?;
        if let Some(OnCommit(on_commit)) = order.on_commit.filter(|_| !order.dry_run) {
            desk.db.write(|tx| on_commit(tx, &report))?;
        }
        return Ok(report);
    }
    match (order.kind, target) {
        (ImportKind::Vouchers, Some(target)) if order.dry_run => {
            vouchers::check(&mut job, target, spooled, rejects)
        }
        (ImportKind::Vouchers, Some(target)) => vouchers::apply(&mut job, target, spooled, rejects),
        (ImportKind::Customers, _) => customers::apply(&mut job, spooled, rejects),
        (ImportKind::Purges, _) => purge_rows::apply(&mut job, spooled, rejects),
        (ImportKind::Rewards, _) => reward_rows::apply(&mut job, spooled, rejects),
        (ImportKind::Redemptions, _) if order.dry_run => {
            redemption_rows::check(&mut job, spooled, rejects)
        }
        (ImportKind::Bars, _) if order.dry_run => bar_rows::check(&mut job, spooled, rejects),
        (ImportKind::Bars, _) => bar_rows::apply(&mut job, spooled, rejects),
        _ => redemption_rows::apply(&mut job, spooled, rejects),
    }
}
