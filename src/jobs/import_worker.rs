//! The import worker: checks and does one import after the other, and throws away what has served.

use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep};

use crate::app::{
    Desk, Error,
    imports::run_import::{self, ImportEnd},
};

/// How often the worker looks for imports by itself: other processes can't wake it up.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// How often one looks for imports that nobody came back for.
const CLEAN_UP_INTERVAL: Duration = Duration::from_mins(1);
/// So often an import is tried again while the database is away.
const MAX_ATTEMPTS: u32 = 5;

struct ImportWorker {
    desk: Desk,
    /// Set once the worker is to stop: an import at work sees it.
    shutdown: AtomicBool,
    was_away: AtomicBool,
}

/// Works on imports until `shutdown` is ready; one at work is then stopped and given back, to be
/// begun again by the next worker.
pub async fn run(desk: Desk, shutdown: impl Future<Output = ()>) {
    let worker =
        ImportWorker { desk, shutdown: AtomicBool::new(false), was_away: AtomicBool::new(false) };
    let working = worker.work();
    tokio::pin!(shutdown, working);
    tokio::select! {
        () = &mut shutdown => {
            worker.shutdown.store(true, Ordering::Relaxed);
            worker.desk.import_wakeup.notify_one();
            working.await;
        }
        () = &mut working => {}
    }
}

impl ImportWorker {
    async fn work(&self) {
        let (mut tries, mut swept): (HashMap<_, u32>, Option<Instant>) = (HashMap::new(), None);
        while !self.is_told_to_stop() {
            match self.step(&mut tries, &mut swept).await {
                Ok(true) => {
                    self.was_away.store(false, Ordering::Relaxed);
                    continue;
                }
                Ok(false) => self.was_away.store(false, Ordering::Relaxed),
                Err(error) => {
                    if !self.was_away.swap(true, Ordering::Relaxed) {
                        tracing::warn!(%error, "the import worker has no database; it keeps \
                            trying");
                    }
                }
            }
            tokio::select! {
                () = self.desk.import_wakeup.notified() => {}
                () = sleep(POLL_INTERVAL) => {}
            }
        }
    }

    fn is_told_to_stop(&self) -> bool {
        self.shutdown.load(Ordering::Relaxed)
    }

    /// Does what is next; `false`: there is nothing to do.
    async fn step(
        &self,
        tries: &mut HashMap<run_import::Id, u32>,
        swept: &mut Option<Instant>,
    ) -> Result<bool, Error> {
        // A look costs no write lock; most of the time nothing is due.
        if self.desk.reading(run_import::is_any_due).await? {
            let holder: Arc<str> = format!("import-{}", uuid::Uuid::now_v7().simple()).into();
            let Some(claimed) =
                self.desk.writing(move |desk| run_import::claim_import(desk, &holder)).await?
            else {
                return Ok(false);
            };
            let tried = tries.remove(&claimed.id()).unwrap_or(0) + 1;
            if run_import::run_import(&self.desk, &claimed, &self.shutdown, tried >= MAX_ATTEMPTS)
                .await
                == ImportEnd::Again
            {
                tries.insert(claimed.id(), tried);
            }
            return Ok(true);
        }
        if swept.is_none_or(|at| at.elapsed() >= CLEAN_UP_INTERVAL) {
            *swept = Some(Instant::now());
            self.desk.writing(run_import::forget_unfinished).await?;
        }
        self.desk.writing(run_import::sweep_pieces).await
    }
}
