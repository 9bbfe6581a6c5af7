//! Puts codes that a member pasted or sent as a file into a voucher batch, by the same import as the command line's.
//! Must not know forms.

use std::{
    io::{Read, Seek},
    ops::ControlFlow,
    time::{Duration, Instant},
};

use super::{
    Desk, Error, Member,
    import_file::{ImportError, Kind, Order, Progress, Report, import_file},
};
use crate::{
    db::{self, batches},
    domain::{Unfit, audit::Actor, ids::BatchId},
};

/// How long one waits at a page for somebody else's import to end.
const PATIENCE: Duration = Duration::from_secs(15);

/// How many rejected rows are shown one by one.
const SHOWN: usize = 20;

/// What became of the rows.
#[derive(Debug, Clone)]
pub struct Added {
    pub report: Report,
    /// The first of those that could not be taken, in the file's order.
    pub rejects: Vec<Reject>,
}

/// A row that could not be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    pub line: String,
    pub reason: String,
    /// The row's first cell, mostly its code.
    pub cell: String,
}

/// Adds the codes that `source` holds, as `import vouchers` would.
///
/// Errors: [`Error::Unfit`] when nothing of it can be read; nothing was changed then.
pub fn add_vouchers(desk: &Desk, member: &Member, id: BatchId, source: &mut dyn Read) -> Result<Added, Error> {
    let batch = desk.db.read(|conn| batches::find(conn, member.scope, id))?.ok_or(Error::NotFound)?;
    let order = Order {
        kind: Kind::Vouchers,
        batch: Some(&batch.name),
        dry_run: false,
        actor: Actor::User(member.user),
        request_id: Some(&member.request_id),
    };
    let begun = Instant::now();
    let mut watch = |progress| match progress {
        Progress::Waiting if begun.elapsed() > PATIENCE => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    // On disk: a bad file may have more rejects than there is memory to spare.
    let mut rejected = tempfile::tempfile().map_err(|e| refused(ImportError::Staging(e)))?;
    let report = import_file(desk, member.scope, &member.merchant, &order, source, &mut rejected, &mut watch).map_err(refused)?;
    let rejects = first_of(&mut rejected).map_err(|e| refused(ImportError::Rejects(e)))?;
    Ok(Added { report, rejects })
}

fn refused(error: ImportError) -> Error {
    match error {
        ImportError::Unfit(why) => Error::Unfit(why),
        ImportError::NoBatch { .. } => Error::NotFound,
        ImportError::Fault(fault) => Error::Fault(fault),
        ImportError::Stopped => {
            Error::Unfit(Unfit::because("another import of this merchant is at work; nothing was added, try again when it has ended"))
        }
        // Nothing was saved, and the machine may have room again in a moment.
        other => Error::Fault(db::Error::Unavailable(other.to_string())),
    }
}

/// The first rows of the rejects, read back: line, reason, cells.
fn first_of(rejected: &mut std::fs::File) -> std::io::Result<Vec<Reject>> {
    rejected.rewind()?;
    let mut csv = csv::ReaderBuilder::new().flexible(true).from_reader(std::io::BufReader::new(rejected));
    csv.records()
        .take(SHOWN)
        .map(|row| {
            let row = row?;
            let cell = |n| row.get(n).unwrap_or_default().to_owned();
            Ok(Reject { line: cell(0), reason: cell(1), cell: cell(2) })
        })
        .collect()
}
