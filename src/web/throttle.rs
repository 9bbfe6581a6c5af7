//! Slows password guessing down: failures per account from one address, and failures per address.
//! Must not know passwords. Successes cost nothing, and nobody else's sign-in is slowed, so nobody is locked out by guesses from elsewhere.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// So many failures at once, then one for every pause.
struct Budget {
    burst: u32,
    pause: Duration,
}

const ACCOUNT: Budget = Budget { burst: 10, pause: Duration::from_secs(6) };
const ADDRESS: Budget = Budget { burst: 100, pause: Duration::from_millis(500) };
/// Keys that have their whole budget again are forgotten when there are so many: made-up names must not fill the memory.
const MANY: usize = 10_000;

/// An address, and the account where it is about one.
type Key = (String, Option<String>);

/// When each key will have its whole budget again.
#[derive(Default)]
pub struct Throttle(Mutex<HashMap<Key, Instant>>);

impl Throttle {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one try out of the budgets, before it is judged: many at once must not slip through together. `false`: none is left.
    pub fn spend(&self, address: &str, email: &str) -> bool {
        let now = Instant::now();
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if table.len() > MANY {
            table.retain(|_, full_again| *full_again > now);
        }
        let spent = |key: &Key| table.get(key).map_or(Duration::ZERO, |full_again| full_again.saturating_duration_since(now));
        if !keys(address, email).iter().all(|(key, budget)| spent(key) + budget.pause <= budget.pause * budget.burst) {
            return false;
        }
        for (key, budget) in keys(address, email) {
            let full_again = table.entry(key).or_insert(now);
            *full_again = (*full_again).max(now) + budget.pause;
        }
        true
    }

    /// Gives a try back that succeeded.
    pub fn refund(&self, address: &str, email: &str) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, budget) in keys(address, email) {
            if let Some(full_again) = table.get_mut(&key) {
                *full_again -= budget.pause;
            }
        }
    }
}

fn keys(address: &str, email: &str) -> [(Key, Budget); 2] {
    let email = email.trim().to_lowercase();
    [((address.to_owned(), Some(email)), ACCOUNT), ((address.to_owned(), None), ADDRESS)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_failures_stop_one_account_from_one_address_and_nobody_else() {
        let throttle = Throttle::new();
        assert!((0..10).all(|_| throttle.spend("10.0.0.1", "Ann@desk.example ")));
        assert!(!throttle.spend("10.0.0.1", "ann@desk.example"));
        assert!(throttle.spend("10.0.0.2", "ann@desk.example"));
        assert!(throttle.spend("10.0.0.1", "kim@desk.example"));
    }

    #[test]
    fn tries_that_succeed_cost_nothing() {
        let throttle = Throttle::new();
        for n in 0..1000 {
            assert!(throttle.spend("10.0.0.1", "ann@desk.example"), "try {n}");
            throttle.refund("10.0.0.1", "ann@desk.example");
        }
    }
}
