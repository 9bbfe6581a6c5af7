//! Whether the desk can do its work: database and schema, room to write; and how long the oldest
//! unsent mail has waited.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::watch;

use crate::{
    app::{Desk, Error},
    db::migrate::SchemaState,
};

/// The state of the desk.
#[derive(Debug, Clone, Copy)]
pub struct Readiness {
    pub schema_fits: bool,
    /// A database that can only be read.
    pub is_read_only: bool,
    /// Whether there is room to write.
    pub is_writable: bool,
    /// Since the oldest unsent mail was queued; `None`: no mail waits.
    pub oldest_mail_seconds: Option<i64>,
}

/// How long an answer counts for those who ask next.
pub const KEPT: Duration = Duration::from_millis(250);

type ReadinessResult = Result<Readiness, Arc<Error>>;

/// The latest look, which may still be at work: many who ask make no more work than one.
#[derive(Clone, Default)]
pub struct Looks(Arc<Mutex<Option<SharedProbe>>>);

/// One look: nothing until it has ended, then when and what it found.
type SharedProbe = watch::Receiver<Option<(Instant, ReadinessResult)>>;

impl Looks {
    /// What the look at work finds, or the one that has just ended, or a new one. Dropping the
    /// future ends no look.
    pub async fn ask(&self, desk: &Desk) -> ReadinessResult {
        let mut answer = self.current(desk);
        let found = answer.wait_for(Option::is_some).await.ok().and_then(|found| found.clone());
        // Without an answer it broke off, as where the process ends.
        found.map_or_else(|| Err(Arc::new(Error::Busy)), |(_, answer)| answer)
    }

    fn current(&self, desk: &Desk) -> SharedProbe {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(look) = &*latest {
            let counts = match &*look.borrow() {
                Some((found, _)) => found.elapsed() < KEPT,
                None => look.has_changed().is_ok(),
            };
            if counts {
                return look.clone();
            }
        }
        let (found, look) = watch::channel(None);
        let desk = desk.clone();
        tokio::spawn(async move {
            let answer = desk.probing(readiness).await.map_err(Arc::new);
            let _ = found.send(Some((Instant::now(), answer)));
        });
        *latest = Some(look.clone());
        look
    }
}

/// Looks once.
pub fn readiness(desk: &Desk) -> Result<Readiness, Error> {
    let probed = desk.db.probe()?;
    let now = desk.clock.now();
    Ok(Readiness {
        schema_fits: !matches!(probed.schema, SchemaState::Older { .. }),
        is_read_only: probed.is_read_only,
        is_writable: probed.is_writable,
        oldest_mail_seconds: probed.oldest_mail.map(|since| (now - since).num_seconds().max(0)),
    })
}
