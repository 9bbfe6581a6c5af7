//! The sessions that were recognised lately, so that their requests wait for nobody without a
//! session.

use std::{
    collections::{HashSet, hash_map::RandomState},
    hash::BuildHasher,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// How many are remembered before all are forgotten: each needs a real session, and is remembered
/// again at its next request.
const MAX_SESSIONS: usize = 10_000;

/// In memory, as hashes keyed at random: a token can't be read from it, nor one be made up that is
/// in it.
#[derive(Default)]
pub struct RecentSessions {
    hasher: RandomState,
    hashes: Mutex<HashSet<u64>>,
}

impl RecentSessions {
    fn hashes(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.hashes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the token was that of a session when it was last looked up.
    pub fn contains(&self, token: &str) -> bool {
        self.hashes().contains(&self.hasher.hash_one(token))
    }

    /// Notes what a look-up said.
    pub fn note(&self, token: &str, is_session: bool) {
        let hash = self.hasher.hash_one(token);
        let mut hashes = self.hashes();
        if !is_session {
            hashes.remove(&hash);
        } else if hashes.len() < MAX_SESSIONS || hashes.contains(&hash) {
            hashes.insert(hash);
        } else {
            hashes.clear();
            hashes.insert(hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_remembered_until_its_end_and_they_are_few() {
        let recent = RecentSessions::default();
        assert!(!recent.contains("one"));
        recent.note("one", true);
        assert!(recent.contains("one") && !recent.contains("two"));
        recent.note("one", false);
        assert!(!recent.contains("one"));
        for n in 0..=MAX_SESSIONS {
            recent.note(&n.to_string(), true);
        }
        assert!(recent.hashes().len() <= MAX_SESSIONS);
        assert!(recent.contains(&MAX_SESSIONS.to_string()));
    }
}
