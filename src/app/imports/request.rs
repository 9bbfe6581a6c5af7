//! What an import is asked to do, how far it is, and why it may fail.

use std::{io, ops::ControlFlow};

use crate::{
    app::{Error, Fault},
    db::{self, Scope, imports::leases::HeldImport},
    domain::{Invalid, audit::Actor, batch::PlannedBatch, import::ImportKind, merchant::Merchant},
};

/// What is to be imported.
#[derive(Debug, Clone)]
pub struct ImportRequest<'a> {
    pub scope: Scope,
    pub merchant: &'a Merchant,
    pub kind: ImportKind,
    /// The batch's name; needed for vouchers, refused for everything else.
    pub batch: Option<&'a str>,
    /// Do everything, report, write the rejects, and change nothing.
    pub dry_run: bool,
    /// The batch is not there yet, and this is what it will be; only for a dry run of vouchers.
    pub planned: Option<&'a PlannedBatch>,
    pub actor: Actor,
    pub request_id: Option<&'a str>,
    pub row: ImportRow<'a>,
}

impl<'a> ImportRequest<'a> {
    /// A request of somebody at the command line.
    pub fn of_operator(
        scope: Scope,
        merchant: &'a Merchant,
        kind: ImportKind,
        batch: Option<&'a str>,
    ) -> Self {
        Self {
            scope,
            merchant,
            kind,
            batch,
            dry_run: false,
            planned: None,
            actor: Actor::Cli,
            request_id: None,
            row: ImportRow::New { file_name: "" },
        }
    }
}

/// The row that says of this import that it was done. It changes in the transaction that makes the
/// import visible, so that both agree whatever happens.
#[derive(Debug, Clone, Copy)]
pub enum ImportRow<'a> {
    /// It is made then: the import was begun at the command line, with a file of this name.
    New { file_name: &'a str },
    /// It is there, and a worker has claimed it.
    Held(HeldImport<'a>),
}

/// Where an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportProgress {
    /// How many bytes of the source are read.
    Reading { bytes: u64 },
    /// Another import into this merchant is at work.
    Waiting,
    /// How many of the rows that could be read are compared and written.
    Applying { done: u64, total: u64 },
}

/// Called with the progress; `Break` stops the import, and nothing is changed.
pub type ProgressWatch<'a> = dyn FnMut(ImportProgress) -> ControlFlow<()> + 'a;

/// Why a file was not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file as a whole cannot be taken.
    #[error("{0}")]
    Invalid(#[from] Invalid),
    #[error(
        "the merchant {merchant} has no batch {batch:?}; add it with `rewarddesk batch add`, or \
         correct the name"
    )]
    NoBatch { batch: String, merchant: String },
    #[error("the file can't be read: {0}")]
    Source(io::Error),
    #[error("the rejects can't be written: {0}")]
    Rejects(io::Error),
    #[error("a temporary file can't be used: {0}; check that TMPDIR has free space")]
    Staging(io::Error),
    #[error("stopped before the end; nothing was changed, so you can run it again")]
    Stopped,
    /// Everything was done and taken back, as a dry run asks. Never leaves this module.
    #[error("a dry run was taken back")]
    TakenBack,
    /// It may not run here and now.
    #[error("{0}")]
    CannotRun(Error),
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<db::Error> for ImportError {
    fn from(error: db::Error) -> Self {
        Self::Fault(error.into())
    }
}

impl From<Error> for ImportError {
    fn from(error: Error) -> Self {
        match error {
            Error::Fault(fault) => Self::Fault(fault),
            Error::Invalid(why) => Self::Invalid(Invalid::because(why.to_string())),
            other => Self::CannotRun(other),
        }
    }
}

impl db::Failure for ImportError {
    fn fault(&self) -> Option<&db::Error> {
        match self {
            Self::Fault(Fault::Database(fault)) => Some(fault),
            _ => None,
        }
    }

    fn judged(self, judge: impl FnOnce(db::Error) -> db::Error) -> Self {
        match self {
            Self::Fault(Fault::Database(fault)) => judge(fault).into(),
            other => other,
        }
    }
}
