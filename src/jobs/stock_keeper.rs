//! The stock keeper: adds up what moved in the stock, goes on with withdrawals, watches the lines,
//! and sends the digests and, beside them, the audit logs' heads. It also tells the search where it
//! need not look.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::time::sleep;

use crate::app::{
    Desk, Error,
    audit::send_chain_heads,
    batches::{keep_stock, watch_stock, withdraw_vouchers},
    customers::keep_search,
};

/// The pause between two rounds.
const ROUND_INTERVAL: Duration = Duration::from_secs(2);
/// The pause while much moves: a count of a batch has to add up what is not settled yet.
const BUSY_ROUND: Duration = Duration::from_millis(250);
/// From this many settled movements on, a round counts as busy, and the next one comes sooner.
const BUSY_ROUND_MOVEMENTS: usize = 200;
/// How often the lines are looked at: an alert may come a moment later than a click.
const ALERT_INTERVAL: Duration = Duration::from_secs(10);

/// Keeps the stock until `shutdown` is ready; a step that is at work is ended first.
pub async fn run(desk: Desk, shutdown: impl Future<Output = ()>) {
    tokio::pin!(shutdown);
    let (mut watched, mut was_away) = (None, false);
    let keeper = Arc::new(Mutex::new(keep_stock::Keeper::default()));
    loop {
        let due = watched.is_none_or(|at: Instant| at.elapsed() >= ALERT_INTERVAL);
        let mut pause = ROUND_INTERVAL;
        match round(&desk, &keeper, due).await {
            Ok(settled) => {
                was_away = false;
                if settled >= BUSY_ROUND_MOVEMENTS {
                    pause = BUSY_ROUND;
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut was_away, true) {
                    tracing::warn!(%error, "the stock keeper could not do its round; it keeps \
                        trying");
                }
            }
        }
        if due {
            watched = Some(Instant::now());
        }
        tokio::select! {
            () = &mut shutdown => return,
            () = sleep(pause) => (),
        }
    }
}

/// One round, what keeps others quick at its end: who cannot do that still raises alerts. Answers
/// how many movements were settled.
async fn round(
    desk: &Desk,
    keeper: &Arc<Mutex<keep_stock::Keeper>>,
    watch: bool,
) -> Result<usize, Error> {
    // Short transactions, and clicks go in between: they hold a reader's place, not the one place
    // of a writer.
    let settled = desk
        .reading(|desk| {
            let settled = keep_stock::settle(desk)?;
            withdraw_vouchers::carry_on_all(desk)?;
            Ok(settled)
        })
        .await?;
    if watch {
        desk.reading(|desk| {
            keep_search::renew_users(&desk.db)?;
            watch_stock::watch_stock(desk)?;
            watch_stock::send_digests(desk)?;
            match &desk.heads_recipient {
                Some(address) => send_chain_heads::send_chain_heads(desk, address).map(drop),
                None => Ok(()),
            }
        })
        .await?;
    }
    let keeper = Arc::clone(keeper);
    desk.reading(move |desk| {
        keep_search::settle(desk)?;
        keep_search::renew_keys_for_a_while(desk)?;
        keeper.lock().unwrap_or_else(PoisonError::into_inner).advance(desk)
    })
    .await?;
    Ok(settled)
}
