//! Imports a file: reads and judges it without holding up anybody, then
//! writes it all or not at all.
//!
//! Reading the path of a file from top to bottom: [`decode`] text, [`records`] of cells,
//! [`header`], [`rows`] into values, [`stage`] them in a [`spool`] on disk; then one of `vouchers`,
//! `customers`, `reward_rows`, `redemption_rows`, `bar_rows`, `purge_rows` compares them with what
//! is stored, in the merchant's turn; at last the rejects are written and the whole becomes
//! visible. A dry run of vouchers, redemptions or bars takes no turn: it compares, and waits for
//! nobody.

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
mod kind;
mod order;
mod pace;
mod purge_rows;
mod records;
mod redemption_rows;
mod rejects;
mod reward_rows;
mod rows;
mod spool;
mod stage;
mod uses;
mod vouchers;

use std::io::{Read, Write};

pub use findings::{Cause, DamageGroup, Ends, Findings, Sample, Suspicion, Tally};
pub use kind::Kind;
pub use order::{ImportError, OnCommit, Order, Progress, Report, Watch};
pub use pace::Pace;

use super::Desk;
use crate::{
    db::{
        Scope,
        imports::stock::{self, TargetBatch},
    },
    domain::{Invalid, merchant::Merchant},
};
use job::Job;

/// Imports `source` into the merchant. The rows that could not be taken are written to `rejects` as
/// CSV before anything becomes visible; nothing is written there when there are none.
///
/// Errors: all of them leave the database as it was, but for a [`crate::db::Error::CommitUnknown`].
/// Run it again.
pub fn import_file(
    desk: &Desk,
    scope: Scope,
    merchant: &Merchant,
    order: &Order<'_>,
    source: &mut dyn Read,
    rejects: &mut dyn Write,
    watch: &mut Watch<'_>,
) -> Result<Report, ImportError> {
    let target_batch = match (order.kind, order.batch) {
        (Kind::Vouchers, Some(name)) => Some(match order.planned.filter(|_| order.dry_run) {
            Some(planned) => TargetBatch::planned(planned),
            None => {
                desk.db.read(|conn| stock::find_shelf(conn, scope, name))?.ok_or_else(|| {
                    ImportError::NoBatch {
                        batch: name.to_owned(),
                        merchant: merchant.slug.to_string(),
                    }
                })?
            }
        }),
        (Kind::Vouchers, None) => {
            return Err(Invalid::because("vouchers go into a batch: name it").into());
        }
        (_, Some(_)) => {
            return Err(Invalid::because(format!(
                "a {} file is not imported into a batch",
                order.kind.as_str()
            ))
            .into());
        }
        (_, None) => None,
    };
    let mut job = Job { desk, scope, merchant, order, watch };
    let spooled = stage::read(source, &mut job, target_batch)?;
    if spooled.good.count() == 0 && spooled.claims.count() == 0 {
        // No acceptable row: nobody needs to wait for a turn in which nothing would be done.
        let report = spooled.report();
        spooled.rejects.write(&spooled.layout, rejects)?;
        if let Some(OnCommit(seal)) = order.seal.filter(|_| !order.dry_run) {
            desk.db.write(|tx| seal(tx, &report))?;
        }
        return Ok(report);
    }
    match (order.kind, target_batch) {
        (Kind::Vouchers, Some(target_batch)) if order.dry_run => {
            vouchers::check(&mut job, target_batch, spooled, rejects)
        }
        (Kind::Vouchers, Some(target_batch)) => {
            vouchers::apply(&mut job, target_batch, spooled, rejects)
        }
        (Kind::Customers, _) => customers::apply(&mut job, spooled, rejects),
        (Kind::Purges, _) => purge_rows::apply(&mut job, spooled, rejects),
        (Kind::Rewards, _) => reward_rows::apply(&mut job, spooled, rejects),
        (Kind::Redemptions, _) if order.dry_run => {
            redemption_rows::check(&mut job, spooled, rejects)
        }
        (Kind::Bars, _) if order.dry_run => bar_rows::check(&mut job, spooled, rejects),
        (Kind::Bars, _) => bar_rows::apply(&mut job, spooled, rejects),
        _ => redemption_rows::apply(&mut job, spooled, rejects),
    }
}
