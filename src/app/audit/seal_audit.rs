//! Seals what is new in the audit log, after it was written and apart from it: whatever writes a
//! record waits for nobody.
//!
//! A record that somebody removes before it is sealed leaves no trace here: that is why sealing
//! lags by a second at most.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use crate::{
    app::Error,
    db::{
        Database, WriteTx, audit_contents,
        audit_seals::{self, NewSeal},
    },
    domain::{audit_proof::SealedRecord, audit_seal::ChainHead, clock::Clock, ids::AuditId},
};

pub use crate::db::audit_seals::LogHead;

/// Records in one transaction: on SQLite everybody else's writes wait meanwhile, for some tens of
/// milliseconds.
const SEAL_BATCH_RECORDS: usize = 1_000;

/// What the sealing job remembers between its rounds.
#[derive(Debug, Clone, Default)]
pub struct Sealer {
    /// The watermark as it was last seen: everything up to it is sealed.
    sealed_to: i64,
    horizon: Option<SealHorizon>,
}

/// Records are numbered before they can be seen. Once all of these writers have ended, nothing new
/// can appear up to `to`.
#[derive(Debug, Clone)]
struct SealHorizon {
    to: i64,
    writers: Vec<String>,
}

/// What came of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    pub sealed: usize,
    /// Nothing is left that could be seen, and nobody else is sealing.
    pub is_done: bool,
}

impl Sealer {
    /// Whether there may be something to seal: one look at the newest id. A lower one than before
    /// is another database's.
    pub fn has_work(&self, db: &Database) -> Result<bool, Error> {
        Ok(db.read(audit_seals::newest_record)? != self.sealed_to)
    }

    /// Seals up to a batch of records.
    pub fn round(&mut self, db: &Database, clock: &Clock) -> Result<Round, Error> {
        let (next, round) = db.write(|tx| self.seal_some(tx, clock))?;
        if let Some(next) = next {
            *self = next;
        }
        Ok(round)
    }

    fn seal_some(
        &self,
        tx: &mut WriteTx<'_>,
        clock: &Clock,
    ) -> Result<(Option<Self>, Round), Error> {
        if !audit_seals::try_lock(tx)? {
            return Ok((None, Round { sealed: 0, is_done: false }));
        }
        let watermark = audit_seals::watermark(tx)?;
        // In this order: every transaction that holds an id up to `newest` is among the writers,
        // and what those who have ended wrote is seen below.
        let newest = audit_seals::newest_record(tx)?;
        let writers = audit_seals::open_writers(tx)?;
        // A standby that took over without the latest records: what was remembered of the other one
        // does not hold here.
        let went_back = watermark < self.sealed_to
            || self.horizon.as_ref().is_some_and(|horizon| newest < horizon.to);
        let fresh = Self { sealed_to: watermark, horizon: None };
        let (settled_to, horizon) = if went_back { &fresh } else { self }.settle(newest, writers);
        let unsealed = audit_contents::unsealed(tx, watermark, SEAL_BATCH_RECORDS)?;
        let sealed = seal(tx, &unsealed, clock)?;
        let is_done = unsealed.len() < SEAL_BATCH_RECORDS;
        // Up to the last one of a full batch all that can be seen is sealed; up to `settled_to` all
        // that there will ever be.
        let to = match unsealed.last() {
            Some(last) if !is_done => settled_to.min(last.id),
            _ => settled_to,
        };
        let sealed_to = watermark.max(to);
        if sealed_to > watermark {
            audit_seals::set_watermark(tx, sealed_to)?;
        }
        Ok((Some(Self { sealed_to, horizon }), Round { sealed, is_done }))
    }

    /// Up to which id nothing new can appear any more, and the horizon to wait for next.
    fn settle(&self, newest: i64, writers: Vec<String>) -> (i64, Option<SealHorizon>) {
        if writers.is_empty() {
            return (newest, None);
        }
        match &self.horizon {
            Some(horizon) if horizon.writers.iter().any(|writer| writers.contains(writer)) => {
                (self.sealed_to, self.horizon.clone())
            }
            passed => (
                passed.as_ref().map_or(self.sealed_to, |horizon| horizon.to),
                Some(SealHorizon { to: newest, writers }),
            ),
        }
    }
}

/// Seals these records, each in its own log's chain.
fn seal(
    tx: &mut WriteTx<'_>,
    unsealed: &[audit_contents::Unsealed],
    clock: &Clock,
) -> Result<usize, Error> {
    let now = clock.now();
    let mut heads: HashMap<i64, ChainHead> = HashMap::new();
    let mut seals = Vec::with_capacity(unsealed.len());
    for found in unsealed {
        let SealedRecord::Whole(record) = &found.record else {
            // The desk writes no such record: it stays without a seal, and the proof says so.
            tracing::error!(
                record = found.id,
                "an audit record was made unreadable before it was sealed"
            );
            continue;
        };
        let chain = record.chain();
        let head = match heads.get(&chain) {
            Some(head) => head.clone(),
            None => audit_seals::head(tx, chain)?,
        }
        .next(now, &record.content());
        seals.push(NewSeal::new(AuditId(record.id), chain, &head, now));
        heads.insert(chain, head);
    }
    audit_seals::add(tx, &seals)?;
    fail::fail_point!("audit::sealed");
    Ok(seals.len())
}

/// Seals all that is there, in `patience`; `false` when something is left, to be sealed by the
/// server that seals next.
pub fn seal_all(db: &Database, clock: &Clock, patience: Duration) -> Result<bool, Error> {
    let (begun, mut sealer) = (Instant::now(), Sealer::default());
    while begun.elapsed() < patience {
        let round = sealer.round(db, clock)?;
        if round.is_done {
            return Ok(true);
        }
        if round.sealed == 0 {
            // Another process holds the lock, for a moment.
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(false)
}

/// The heads of all logs that have a seal.
pub fn heads(db: &Database) -> Result<Vec<LogHead>, Error> {
    let all = db.read(audit_seals::heads)?;
    Ok(all.into_iter().filter(|log| log.head.no > 0).collect())
}
