//! The audit chain's job: seals new audit records, and writes the chain heads to the server's log,
//! which leaves the machine.

use std::{
    collections::HashMap,
    future::Future,
    time::{Duration, Instant},
};

use tokio::time::{sleep, timeout};

use crate::app::{
    Desk, Error,
    audit::seal_audit::{self, LogHead, Sealer},
};

/// The pause between two looks: sealing lags by no more than this and the time that a round takes.
const SEAL_INTERVAL: Duration = Duration::from_millis(250);
/// How often the chain heads are written to the server's log, if they have changed.
const LOG_HEADS_INTERVAL: Duration = Duration::from_mins(1);
/// How long the last round may take once the server has ended.
pub const LAST_PATIENCE: Duration = Duration::from_secs(3);

/// Seals until `shutdown` is ready, and then all that was committed before.
pub async fn run(desk: Desk, shutdown: impl Future<Output = ()>) {
    let (mut sealer, mut told, mut was_away) = (Sealer::default(), LastHeads::default(), false);
    tokio::pin!(shutdown);
    let working = async {
        loop {
            let done = match round(&desk, &mut sealer).await {
                Ok(()) => told.tell_now_and_then(&desk).await,
                Err(error) => Err(error),
            };
            match done {
                Ok(()) => was_away = false,
                Err(error) => {
                    if !std::mem::replace(&mut was_away, true) {
                        tracing::warn!(%error, "the audit log could not be sealed; it is tried \
                            again and again");
                    }
                }
            }
            sleep(SEAL_INTERVAL).await;
        }
    };
    tokio::select! {
        () = &mut shutdown => {}
        () = working => {}
    }
    // A database that another process holds is not waited for: who seals next goes on.
    let last = async {
        let clock = desk.clock.clone();
        let all =
            desk.writing(move |desk| seal_audit::seal_all(&desk.db, &clock, LAST_PATIENCE)).await?;
        told.tell(&desk).await?;
        Ok::<_, Error>(all)
    };
    if !matches!(timeout(LAST_PATIENCE, last).await, Ok(Ok(true))) {
        tracing::warn!("the newest audit records are not sealed yet; the next start seals them");
    }
}

async fn round(desk: &Desk, sealer: &mut Sealer) -> Result<(), Error> {
    loop {
        let own = sealer.clone();
        if !desk.reading(move |desk| own.has_work(&desk.db)).await? {
            return Ok(());
        }
        let mut own = sealer.clone();
        let (own, round) = desk
            .writing(move |desk| {
                let round = own.round(&desk.db, &desk.clock)?;
                Ok((own, round))
            })
            .await?;
        *sealer = own;
        // Others come in between: a long log is sealed in many short transactions.
        if round.is_done || round.sealed == 0 {
            return Ok(());
        }
    }
}

/// The chain heads that were logged last.
#[derive(Default)]
struct LastHeads {
    heads: HashMap<i64, i64>,
    at: Option<Instant>,
}

impl LastHeads {
    async fn tell_now_and_then(&mut self, desk: &Desk) -> Result<(), Error> {
        if self.at.is_some_and(|at| at.elapsed() < LOG_HEADS_INTERVAL) {
            return Ok(());
        }
        self.tell(desk).await
    }

    async fn tell(&mut self, desk: &Desk) -> Result<(), Error> {
        let heads = desk.reading(|desk| seal_audit::heads(&desk.db)).await?;
        self.at = Some(Instant::now());
        for LogHead { chain, slug, head } in heads {
            if self.heads.insert(chain, head.no) != Some(head.no) {
                let log = slug.as_deref().unwrap_or("the installation");
                tracing::info!(log, no = head.no, digest = %head.digest, "the audit log's head");
            }
        }
        Ok(())
    }
}
