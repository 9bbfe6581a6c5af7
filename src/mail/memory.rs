//! A mailer for tests: keeps what it was handed, and does what it was told to.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};

use super::SendError;
use crate::domain::mail::Letter;

/// What the memory does with a letter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Behaviour {
    #[default]
    Deliver,
    /// Refuses as a 4xx would.
    Temporary,
    /// Refuses as a 5xx to RCPT would.
    Permanent,
    /// Never answers.
    Hang,
    /// Takes the letter and never answers: the moment between the relay's 250 and our note that it
    /// was sent.
    DeliverAndHang,
    /// Takes the letter, then the line breaks.
    DeliverAndFail,
    Panic,
}

/// A letter that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    pub letter: Letter,
    pub queued_at: DateTime<Utc>,
}

/// The mailer's memory, shared by its clones.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<MemoryState>>);

#[derive(Debug, Default)]
struct MemoryState {
    tries: usize,
    delivered: Vec<Delivered>,
    next: VecDeque<Behaviour>,
    by_recipient: HashMap<String, Behaviour>,
}

impl Memory {
    /// Behaves so for the next letters, one each; then delivers again.
    pub fn script(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        self.state().next.extend(behaviours);
    }

    /// Behaves so for every letter to `recipient`.
    pub fn for_recipient(&self, recipient: &str, behaviour: Behaviour) {
        self.state().by_recipient.insert(recipient.to_owned(), behaviour);
    }

    /// What has arrived, oldest first.
    pub fn delivered(&self) -> Vec<Delivered> {
        self.state().delivered.clone()
    }

    /// How often a letter was handed over, arrived or not.
    pub fn tries(&self) -> usize {
        self.state().tries
    }

    pub(super) async fn take(
        &self,
        letter: &Letter,
        queued_at: DateTime<Utc>,
    ) -> Result<(), SendError> {
        let behaviour = {
            let mut state = self.state();
            state.tries += 1;
            let by_recipient = state.by_recipient.get(&letter.recipient).copied();
            let behaviour = by_recipient.or_else(|| state.next.pop_front()).unwrap_or_default();
            if matches!(
                behaviour,
                Behaviour::Deliver | Behaviour::DeliverAndHang | Behaviour::DeliverAndFail
            ) {
                state.delivered.push(Delivered { letter: letter.clone(), queued_at });
            }
            behaviour
        };
        match behaviour {
            Behaviour::Deliver => Ok(()),
            Behaviour::Temporary => {
                Err(SendError::Temporary("the relay refused the recipient: 451 4.7.1".into()))
            }
            Behaviour::DeliverAndFail => {
                Err(SendError::Temporary("the connection to the relay broke (the mail)".into()))
            }
            Behaviour::Permanent => Err(SendError::Permanent(
                "the relay refused the recipient: 550 5.1.1 (mailbox doesn't exist)".into(),
            )),
            Behaviour::Hang | Behaviour::DeliverAndHang => std::future::pending().await,
            Behaviour::Panic => panic!("scripted"),
        }
    }

    fn state(&self) -> MutexGuard<'_, MemoryState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
