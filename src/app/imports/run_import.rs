//! Checking and doing imports in the background: claim one, work on it under a lease, write down
//! what came of it.
//!
//! An import that is broken off, by a kill or by a stop, is begun again from its first row: all of
//! it becomes visible together with the word that it is done, or nothing of it does.

use std::{
    io::{self, Seek, Write},
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use tokio::time::sleep;

use super::{
    ImportStreams, import_file,
    pieces::{AT_ONCE, PieceReader, RejectsWriter},
    request::{ImportError, ImportProgress, ImportRequest, ImportRow},
    show_imports::{ImportReport, StockForecast},
    tally::Report,
};
use crate::{
    app::{
        Desk, Error, Fault,
        batches::show_batches::{pace_of, pace_since},
    },
    db::{
        self, Scope, batches,
        imports::{
            leases::{self, HeldImport},
            pieces,
        },
        merchants, stock_counts,
    },
    domain::{
        audit::Actor,
        ids::ImportId,
        import::{Import, ImportState, Sender},
    },
};

/// How often a sign of life is given and the progress written down.
const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(500);
/// Without a sign of life for so long another worker may be at it soon.
const LEASE_LOST_AFTER: Duration = Duration::from_secs(25);
/// The pause before another try, while the database is away.
const DATABASE_RETRY_DELAY: TimeDelta = TimeDelta::seconds(5);
/// How long files are waited for, previews are kept, and rejects.
const UPLOAD_RETENTION: TimeDelta = TimeDelta::hours(1);
const PREVIEW_RETENTION: TimeDelta = TimeDelta::days(7);
const REJECTS_RETENTION: TimeDelta = TimeDelta::days(7);

/// An import in hand.
#[derive(Debug, Clone)]
pub struct ClaimedImport {
    scope: Scope,
    import: Import,
    holder: Arc<str>,
}

impl ClaimedImport {
    pub fn id(&self) -> ImportId {
        self.import.id
    }

    fn held(&self) -> HeldImport<'_> {
        HeldImport { id: self.import.id, holder: &self.holder }
    }
}

pub use crate::domain::ids::ImportId as Id;

/// What became of an import in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportEnd {
    /// It is out of hand, one way or another.
    Settled,
    /// The database was away: another try may do it.
    Again,
}

/// Whether an import waits for somebody to work on it.
pub fn is_any_due(desk: &Desk) -> Result<bool, Error> {
    desk.db.read(|conn| Ok(leases::is_any_due(conn, desk.clock.now())?))
}

/// Claims the import that has waited longest. `holder` is the name of this one claim.
pub fn claim_import(desk: &Desk, holder: &Arc<str>) -> Result<Option<ClaimedImport>, Error> {
    let claimed =
        desk.db.write(|tx| leases::claim(tx, holder, desk.clock.now()).map_err(Error::from))?;
    Ok(claimed.map(|(scope, import)| ClaimedImport { scope, import, holder: Arc::clone(holder) }))
}

/// How far the work is, and whether it is to go on; shared with the thread that works.
#[derive(Default)]
struct Pulse {
    done: AtomicI64,
    stop: AtomicBool,
}

/// A progress counts up to this.
const WHOLE: i64 = 1000;

/// Works on a claimed import until it has come to something. It stops within moments when
/// `shutdown` is set, and is given back. `last_try`: a database that is away is a failure.
pub async fn run_import(
    desk: &Desk,
    claimed: &ClaimedImport,
    shutdown: &AtomicBool,
    last_try: bool,
) -> ImportEnd {
    let pulse = Arc::new(Pulse::default());
    let (own, beat) = (claimed.clone(), Arc::clone(&pulse));
    let work = desk.importing(move |desk| Ok(attempt(desk, &own, &beat)));
    tokio::pin!(work);
    let (mut seen, mut cancelled) = (Instant::now(), claimed.import.cancel_asked);
    let outcome = loop {
        tokio::select! {
            outcome = &mut work => break outcome,
            () = sleep(HEARTBEAT_INTERVAL) => {}
        }
        let (own, done) = (claimed.clone(), pulse.done.load(Ordering::Relaxed));
        let renewed = desk.writing(move |desk| {
            desk.db.write(|tx| {
                leases::renew(tx, own.held(), (done, WHOLE), desk.clock.now()).map_err(Error::from)
            })
        });
        match renewed.await {
            Ok(Some(asked)) => (seen, cancelled) = (Instant::now(), cancelled || asked),
            Ok(None) => pulse.stop.store(true, Ordering::Relaxed),
            // The one writer of SQLite may be this very import, which nobody else can take over
            // then.
            Err(_) if seen.elapsed() > LEASE_LOST_AFTER && !desk.db.is_sqlite() => {
                pulse.stop.store(true, Ordering::Relaxed);
            }
            Err(_) => {}
        }
        if cancelled || shutdown.load(Ordering::Relaxed) {
            pulse.stop.store(true, Ordering::Relaxed);
        }
    };
    let ending = match outcome.map_err(ImportError::from).and_then(|outcome| outcome) {
        Ok(()) => return ImportEnd::Settled,
        Err(ImportError::Stopped) if cancelled => ImportStop::Cancelled,
        Err(ImportError::Stopped) => ImportStop::GivenBack,
        Err(error) if is_away(&error) && !last_try => ImportStop::Again,
        Err(error) => ImportStop::Failed(words(&error)),
    };
    let again = ending == ImportStop::Again;
    let own = claimed.clone();
    if desk.writing(move |desk| settle(desk, &own, &ending)).await.is_err() {
        tracing::warn!(
            import = claimed.id().0,
            "the end of an import was not written down; its lease will lapse"
        );
    }
    if again { ImportEnd::Again } else { ImportEnd::Settled }
}

#[derive(Debug, PartialEq, Eq)]
enum ImportStop {
    Cancelled,
    GivenBack,
    Again,
    Failed(String),
}

fn settle(desk: &Desk, claimed: &ClaimedImport, ending: &ImportStop) -> Result<bool, Error> {
    let (held, now) = (claimed.held(), desk.clock.now());
    desk.db.write(|tx| {
        Ok(match ending {
            ImportStop::Cancelled => leases::cancelled(tx, held, now),
            ImportStop::GivenBack => leases::release(tx, held, now),
            ImportStop::Again => leases::release(tx, held, now + DATABASE_RETRY_DELAY),
            ImportStop::Failed(why) => leases::failed(tx, held, why, now),
        }?)
    })
}

fn is_away(error: &ImportError) -> bool {
    let fault = match error {
        ImportError::Fault(Fault::ShuttingDown) => return true,
        ImportError::Fault(Fault::Database(fault)) => Some(fault),
        ImportError::Source(error) | ImportError::Rejects(error) => {
            error.get_ref().and_then(|inner| inner.downcast_ref())
        }
        _ => None,
    };
    matches!(
        fault,
        Some(db::Error::Unavailable(_) | db::Error::TimeLimit(_) | db::Error::CommitUnknown(_))
    )
}

/// What happened and what to do; the log says more.
fn words(error: &ImportError) -> String {
    let said = match error {
        ImportError::Invalid(why) => return why.0.clone(),
        ImportError::NoBatch { .. } => "the batch no longer exists; nothing was added",
        ImportError::Staging(_) => {
            "the server has no space for temporary files; nothing was added. Tell your \
             administrator, then send the file again"
        }
        error if is_away(error) => {
            "the database couldn't save it, perhaps because its disk is full; nothing was added. \
             Tell your administrator, then send the file again"
        }
        _ => {
            "something went wrong on our side; nothing was added. Send the file again. If it keeps \
             happening, tell your administrator"
        }
    };
    tracing::error!(%error, "an import failed");
    said.to_owned()
}

fn attempt(desk: &Desk, claimed: &ClaimedImport, pulse: &Pulse) -> Result<(), ImportError> {
    let ClaimedImport { scope, import, .. } = claimed;
    if import.cancel_asked {
        return Err(ImportError::Stopped);
    }
    let merchant = desk.db.read(|conn| merchants::get(conn, *scope))?;
    let is_check = import.state == ImportState::Checking;
    // The check mostly reads; the import mostly writes.
    let reading = if is_check { WHOLE / 2 } else { WHOLE / 5 };
    let mut watch = |progress| {
        let done = match progress {
            ImportProgress::Reading { bytes } => part(bytes, import.bytes.unsigned_abs(), reading),
            ImportProgress::Waiting => reading,
            ImportProgress::Applying { done, total } => {
                reading + part(done, total, WHOLE - reading)
            }
        };
        pulse.done.store(done, Ordering::Relaxed);
        if pulse.stop.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let request = ImportRequest {
        scope: *scope,
        merchant: &merchant,
        kind: import.kind,
        batch: import.kind.rules().needs_batch.then(|| import.batch_name()),
        dry_run: is_check,
        planned: import.new_batch.as_ref().filter(|_| import.batch.is_none()),
        actor: match import.sender {
            Sender::User { id, .. } => Actor::User(id),
            Sender::Operator => Actor::Cli,
        },
        request_id: import.request_id.as_deref(),
        row: ImportRow::Held(claimed.held()),
    };
    let mut rejects = RejectsWriter::of(desk, import)?;
    // A kind that is written in one transaction keeps its rejects until that has ended: a piece of
    // them would wait for the very writer that waits for it.
    let mut spool = if import.kind.rules().in_slices {
        None
    } else {
        Some(tempfile::tempfile().map_err(ImportError::Staging)?)
    };
    let streams = ImportStreams {
        source: &mut PieceReader::of(desk, import),
        rejects: match &mut spool {
            Some(spool) => spool,
            None => &mut rejects,
        },
        watch: &mut watch,
    };
    let report = import_file(desk, &request, streams)?;
    if let Some(mut spool) = spool {
        spool
            .rewind()
            .and_then(|()| io::copy(&mut spool, &mut rejects))
            .and_then(|_| rejects.flush())
            .map_err(ImportError::Rejects)?;
    }
    if is_check {
        let account = ImportReport {
            pace: outlook(desk, *scope, import, &report)?,
            ..ImportReport::of(import.kind, &report)
        };
        // Cancelled meanwhile, or another worker's by now: then it is theirs to say.
        desk.db.write(|tx| leases::checked(tx, claimed.held(), &account.to_json()))?;
    }
    Ok(())
}

fn part(done: u64, of: u64, whole: i64) -> i64 {
    let part = u128::from(done) * u128::from(whole.unsigned_abs()) / u128::from(of.max(1));
    i64::try_from(part).unwrap_or(whole).min(whole)
}

/// How long the batch will last, where codes of it are handed out at all.
fn outlook(
    desk: &Desk,
    scope: Scope,
    import: &Import,
    report: &Report,
) -> Result<Option<StockForecast>, db::Error> {
    let Some((id, _)) = import.batch else { return Ok(None) };
    let now = desk.clock.now();
    desk.db.read(|conn| {
        let Some(batch) = batches::find(conn, scope, id)? else { return Ok(None) };
        // As on the batch's page.
        let pace = pace_of(&batch, &stock_counts::days(conn, scope, &[id], pace_since(now))?, now);
        let usable = stock_counts::count_one(conn, scope, &batch, now)?.usable;
        let number = |n: i64| u64::try_from(n).unwrap_or(0);
        let usable = number(usable) + report.findings.usable;
        Ok((pace.handed_out > 0).then(|| StockForecast {
            handed_out: number(pace.handed_out),
            days: number(pace.days),
            usable,
        }))
    })
}

/// Ends imports that nobody came back for.
pub fn forget_unfinished(desk: &Desk) -> Result<usize, Error> {
    desk.db.write(|tx| {
        Ok(leases::forget_unfinished(tx, desk.clock.now(), UPLOAD_RETENTION, PREVIEW_RETENTION)?)
    })
}

/// Throws away some of what has served; `false`: there is nothing left to throw away.
pub fn sweep_pieces(desk: &Desk) -> Result<bool, Error> {
    let found = desk.db.read(|conn| {
        leases::find_litter(conn, desk.clock.now() - REJECTS_RETENTION).map_err(Error::from)
    })?;
    let Some((import, part)) = found else { return Ok(false) };
    desk.db.write(|tx| pieces::remove(tx, import, part, AT_ONCE).map_err(Error::from))?;
    Ok(true)
}
