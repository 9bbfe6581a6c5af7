//! Slows password guessing down: who tries (a browser that is known, or an address) and on which
//! account has a budget of failures. Successes cost nothing, and guesses from elsewhere never keep
//! a known browser out.
//!
//! A browser in which a user has signed in before is known for that user (OWASP's device cookies)
//! and has a budget with them that nobody else can spend. All other browsers share, besides the
//! budgets of their address, one for the account over all addresses.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{app, domain::email::account_key};

/// Allows `burst` failures at once, then one more for each `pause`.
#[derive(Clone, Copy)]
struct Budget {
    burst: u32,
    pause: Duration,
}

/// One account from one address.
const PER_PAIR: Budget = Budget { burst: 10, pause: Duration::from_secs(6) };
/// One address.
const PER_ADDRESS: Budget = Budget { burst: 100, pause: Duration::from_millis(500) };
/// One account from all browsers that are not known. With 144 guesses a day NIST's hundred failures
/// (SP 800-63B, 3.2.2) take twelve hours, and a six-digit code that two neighbours in time share
/// would be hit after six years. Slower would cost its owner more than a thief.
const PER_ACCOUNT: Budget = Budget { burst: 30, pause: Duration::from_mins(10) };
/// One account from one known browser: nobody else can spend it, and a stolen browser is no way to
/// many guesses either.
const PER_KNOWN_BROWSER: Budget = Budget { burst: 10, pause: Duration::from_mins(1) };

/// From this many keys on, those that have their whole budget again are removed.
const CLEAN_UP_FROM: usize = 10_000;
/// More are never kept: made-up names and addresses must not fill the memory. Those with the most
/// spent stay.
const MAX_TRACKED: usize = 100_000;

/// What there is a budget for, as it is before it is made short.
#[derive(Hash)]
enum BudgetKey<'a> {
    Pair(&'a str, &'a str),
    Address(&'a str),
    Account(&'a str),
    Known(&'a str, &'a str),
    Link(&'a str, &'a str),
    LinkAddress(&'a str),
}

/// Who tries what: the budgets that it is taken from. Keys are short whatever was typed.
pub struct Try(Vec<(u64, Budget, Spent)>);

/// Which budget is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    /// The budget of the client that tries: its address, or its browser.
    Here,
    /// That of the account, by browsers that are not known.
    Everywhere,
}

/// When each key will have its whole budget again.
struct Table {
    full_again: HashMap<u64, Instant>,
    /// Looked through when it has so many.
    sweep_at: usize,
}

/// The budgets, in memory: a restart fills them.
pub struct Throttle {
    /// Keyed at random, so that nobody can choose names that fall together.
    hasher: RandomState,
    table: Mutex<Table>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            table: Mutex::new(Table { full_again: HashMap::new(), sweep_at: CLEAN_UP_FROM }),
        }
    }
}

impl Throttle {
    pub fn new() -> Self {
        Self::default()
    }

    /// A try on an account from a browser that is not known.
    pub fn stranger(&self, address: &str, email: &str) -> Try {
        let (network, email) = (network(address), account(email));
        Try(vec![
            self.key(&BudgetKey::Pair(&network, &email), PER_PAIR, Spent::Here),
            self.key(&BudgetKey::Address(&network), PER_ADDRESS, Spent::Here),
            self.key(&BudgetKey::Account(&email), PER_ACCOUNT, Spent::Everywhere),
        ])
    }

    /// A try on an account from a browser that is known to be its user's. It pays nothing for its
    /// address: behind a proxy that is not trusted, strangers share that.
    pub fn known(&self, device: &str, email: &str) -> Try {
        Try(vec![self.key(
            &BudgetKey::Known(device, &account(email)),
            PER_KNOWN_BROWSER,
            Spent::Here,
        )])
    }

    /// A try in a session, whose user has proved already to be that of the account.
    pub fn in_session(&self, session: i64, email: &str) -> Try {
        self.known(&format!("session {session}"), email)
    }

    /// A try of what cannot be guessed and names no account, such as a passkey: only the work that
    /// it makes is bounded.
    pub fn nobody(&self, address: &str) -> Try {
        Try(vec![self.key(&BudgetKey::Address(&network(address)), PER_ADDRESS, Spent::Here)])
    }

    /// Asking for a link by mail: budgets of its own, so that somebody who asks too often does not
    /// keep others from signing in.
    pub fn link(&self, address: &str, email: &str) -> Try {
        let (network, email) = (network(address), account(email));
        Try(vec![
            self.key(&BudgetKey::Link(&network, &email), PER_PAIR, Spent::Here),
            self.key(&BudgetKey::LinkAddress(&network), PER_ADDRESS, Spent::Here),
        ])
    }

    fn key(&self, key: &BudgetKey<'_>, budget: Budget, spent: Spent) -> (u64, Budget, Spent) {
        (self.hasher.hash_one(key), budget, spent)
    }

    /// Takes one try out of its budgets, before it is judged: many at once must not slip through
    /// together. Nothing is taken where one of them is spent.
    pub fn spend(&self, one: &Try) -> Result<(), Spent> {
        let now = Instant::now();
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.sweep(now);
        for (key, budget, spent) in &one.0 {
            let owed = table
                .full_again
                .get(key)
                .map_or(Duration::ZERO, |full_again| full_again.saturating_duration_since(now));
            if owed + budget.pause > budget.pause * budget.burst {
                return Err(*spent);
            }
        }
        for (key, budget, _) in &one.0 {
            let full_again = table.full_again.entry(*key).or_insert(now);
            *full_again = (*full_again).max(now) + budget.pause;
        }
        Ok(())
    }

    /// What came of a try. One that the desk was too busy to judge is given back.
    pub fn judged<T>(&self, one: &Try, outcome: Result<T, app::Error>) -> Result<T, app::Error> {
        if let Err(app::Error::Busy) = outcome {
            self.refund(one);
        }
        outcome
    }

    /// Gives a try back that succeeded.
    pub fn refund(&self, one: &Try) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, budget, _) in &one.0 {
            if let Some(full_again) = table.full_again.get_mut(key) {
                *full_again -= budget.pause;
            }
        }
    }
}

impl Table {
    /// Forgets keys that have their whole budget again; where there are still too many, the half
    /// that has spent least.
    fn sweep(&mut self, now: Instant) {
        if self.full_again.len() < self.sweep_at {
            return;
        }
        self.full_again.retain(|_, full_again| *full_again > now);
        if self.full_again.len() >= MAX_TRACKED {
            let mut instants: Vec<Instant> = self.full_again.values().copied().collect();
            let (_, middle, _) = instants.select_nth_unstable(MAX_TRACKED / 2);
            let middle = *middle;
            self.full_again.retain(|_, full_again| *full_again > middle);
        }
        // Not at every try while there are many that are live.
        self.sweep_at = (self.full_again.len() * 2).clamp(CLEAN_UP_FROM, MAX_TRACKED);
    }
}

/// What is counted together as one address: IPv6 gives every customer a network of 64 bits, or
/// more.
fn network(address: &str) -> String {
    match address.parse().map(|ip: IpAddr| ip.to_canonical()) {
        Ok(IpAddr::V6(ip)) => {
            format!("{}/64", Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)))
        }
        Ok(v4) => v4.to_string(),
        Err(_) => address.to_owned(),
    }
}

/// One account, however its address was typed.
fn account(email: &str) -> String {
    account_key(email)
}

#[cfg(test)]
#[path = "throttle_tests.rs"]
mod tests;
