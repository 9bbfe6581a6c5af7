//! Where each batch's next code was last found: a hint, which makes allocation as quick in a
//! drained batch as in a fresh one.
//!
//! On PostgreSQL the entries of codes that went out stay at the head of the index until they are
//! vacuumed, which an old snapshot (a dump, a long report) can put off for hours; each look from
//! the head walks over all of them (measured: half a second with half a million). So a click goes
//! on after the last code that was handed out. What may have come back or in before it since (a
//! code that was unbarred, a file of codes that end sooner, a rival's rollback on another server)
//! is seen by the look from the head that one click makes every few seconds; and whether a batch is
//! empty is decided by a look from the head alone. So the hint decides which of two good codes goes
//! first, within seconds, and nothing else.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{db::coupons::CodePlace, domain::ids::BatchId};

/// How long clicks start after the last code before one looks from the start again: a code that
/// came back is not missed for longer.
const LOOK_AHEAD: Duration = Duration::from_secs(10);
/// More batches than are in use at once; beyond it all hints are forgotten.
const MAX_BATCHES: usize = 10_000;

#[derive(Debug, Clone, Copy)]
struct CachedPlace {
    place: CodePlace,
    from_head: Instant,
}

/// The hints of one process.
#[derive(Debug, Default)]
pub struct NextCodes(Mutex<HashMap<BatchId, CachedPlace>>);

impl NextCodes {
    /// Where to go on; `None`: from the head. A click that gets `None` while there is a hint looks
    /// for all others.
    pub fn behind(&self, batch: BatchId) -> Option<CodePlace> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let hint = known.get_mut(&batch)?;
        if hint.from_head.elapsed() < LOOK_AHEAD {
            return Some(hint.place);
        }
        hint.from_head = Instant::now();
        None
    }

    /// This one is taken by a transaction that is still open.
    pub fn taken(self: &Arc<Self>, batch: BatchId, place: CodePlace) -> TakenCode {
        TakenCode { codes: Arc::clone(self), batch, place: Some(place) }
    }

    fn went_out(&self, batch: BatchId, place: CodePlace) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_BATCHES {
            known.clear();
        }
        known
            .entry(batch)
            .and_modify(|hint| hint.place = place)
            .or_insert(CachedPlace { place, from_head: Instant::now() });
    }

    fn came_back(&self, batch: BatchId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&batch);
    }
}

/// A code that a transaction has taken. Dropped before it went out, it is given back: the next look
/// begins at the head.
#[derive(Debug)]
pub struct TakenCode {
    codes: Arc<NextCodes>,
    batch: BatchId,
    place: Option<CodePlace>,
}

impl TakenCode {
    /// The transaction is committed: the next look goes on after this one.
    pub fn went_out(mut self) {
        if let Some(place) = self.place.take() {
            self.codes.went_out(self.batch, place);
        }
    }
}

impl Drop for TakenCode {
    fn drop(&mut self) {
        if self.place.is_some() {
            self.codes.came_back(self.batch);
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn one_click_in_ten_seconds_looks_from_the_head_others_go_on() {
        let (codes, batch) = (Arc::new(NextCodes::default()), BatchId(1));
        let [first, second] = [1, 2].map(|id| CodePlace::new(DateTime::UNIX_EPOCH, id));
        assert_eq!(codes.behind(batch), None);
        codes.taken(batch, first).went_out();
        assert_eq!(codes.behind(batch), Some(first));
        codes.taken(batch, second).went_out();
        assert_eq!((codes.behind(batch), codes.behind(BatchId(2))), (Some(second), None));
        if let Some(hint) = codes.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&batch) {
            hint.from_head = hint.from_head.checked_sub(LOOK_AHEAD).unwrap_or(hint.from_head);
        }
        assert_eq!((codes.behind(batch), codes.behind(batch)), (None, Some(second)));
        drop(codes.taken(batch, second));
        assert_eq!(codes.behind(batch), None);
    }
}
