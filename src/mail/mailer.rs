//! The ways a letter can leave, behind one `send`.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{file::Folder, memory::Memory, message::Message, relay::Relay};
use crate::domain::{Invalid, mail::Letter};

/// How mail leaves the desk. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Mailer {
    /// To an SMTP relay, over a few connections that are kept open.
    Smtp(Arc<Relay>),
    /// Each mail as an .eml file in a folder.
    File(Folder),
    /// Kept in memory, and scripted; for tests.
    Memory(Memory),
}

/// Why a letter was not taken. The words are our own, with at most the relay's status codes in
/// them: never an address, a name or a code, so that they may stand in logs and in the audit log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The relay will never take this mail: a 5xx to its RCPT or DATA.
    #[error("{0}")]
    Permanent(String),
    /// Anything else; another try may do better.
    #[error("{0}")]
    Temporary(String),
}

impl Mailer {
    /// Takes `smtp://host[:port]`, `smtp://host?tls=required` (or `opportunistic`),
    /// `smtps://user:password@host`, or `file:DIR`.
    ///
    /// Errors: a sentence without the address itself, which may hold a password.
    pub fn from_url(url: &str) -> Result<Self, Invalid> {
        match url.strip_prefix("file:") {
            Some(dir) => Folder::at(dir).map(Self::File),
            None => Relay::from_url(url).map(|relay| Self::Smtp(Arc::new(relay))),
        }
    }

    /// Hands over one letter to its one recipient. The same letter always makes the same Message-ID
    /// and Date.
    ///
    /// Errors: see [`SendError`]. After an error the relay may still have taken the letter: the
    /// line can break before its last answer.
    pub async fn send(&self, letter: &Letter, queued_at: DateTime<Utc>) -> Result<(), SendError> {
        match self {
            Self::Memory(memory) => memory.take(letter, queued_at).await,
            Self::Smtp(relay) => relay.send(&Message::build(letter, queued_at)?).await,
            Self::File(folder) => {
                folder.write(&Message::build(letter, queued_at)?, &letter.message_id).await
            }
        }
    }

    /// Whether mail could leave right now, without sending any: a sign-in at the relay, or a look
    /// at the folder.
    pub async fn probe(&self) -> Result<(), SendError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Smtp(relay) => relay.probe().await,
            Self::File(folder) => folder.probe().await,
        }
    }
}
