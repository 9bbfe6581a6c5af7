//! An import's request, its progress, and its report.

use std::{fmt, io, ops::ControlFlow};

use super::{findings::Findings, kind::FileKind};
use crate::{
    app::{Error, Fault},
    db::{self, WriteTx},
    domain::{Invalid, audit::Actor, batch::PlannedBatch, ids::AuditId},
};

/// What is to be imported.
#[derive(Debug, Clone)]
pub struct ImportRequest<'a> {
    pub kind: FileKind,
    /// The batch's name; needed for vouchers, refused for everything else.
    pub batch: Option<&'a str>,
    /// Do everything, report, write the rejects, and change nothing.
    pub dry_run: bool,
    /// The batch is not there yet, and this is what it will be; only for a dry run of vouchers.
    pub planned: Option<&'a PlannedBatch>,
    pub actor: Actor,
    pub request_id: Option<&'a str>,
    pub on_commit: Option<OnCommit<'a>>,
}

impl ImportRequest<'_> {
    /// An order of somebody at the command line.
    pub fn of_operator(kind: FileKind, batch: Option<&str>) -> ImportRequest<'_> {
        ImportRequest {
            kind,
            batch,
            dry_run: false,
            planned: None,
            actor: Actor::Cli,
            request_id: None,
            on_commit: None,
        }
    }
}

/// Runs last in the transaction that makes the import visible, so that the record of the import
/// agrees with it whatever happens; its error takes everything back. Also run when no row can be
/// taken; not in a dry run.
#[derive(Clone, Copy)]
pub struct OnCommit<'a>(pub &'a dyn Fn(&mut WriteTx<'_>, &Report) -> Result<(), ImportError>);

impl fmt::Debug for OnCommit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(…)")
    }
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

/// What became of the file's rows: `new + updated + unchanged + rejected = rows`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    pub rows: u64,
    pub new: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub rejected: u64,
    /// Coupons that a rejected rewards row claims: barred, since somebody may hold them.
    pub taken_out_of_stock: u64,
    /// The audit record of the import, when it brought something.
    pub record: Option<AuditId>,
    /// What was seen in the rows.
    pub findings: Findings,
}

impl Report {
    /// Rows that are in the database now.
    pub fn accepted(&self) -> u64 {
        self.new + self.updated + self.unchanged
    }
}

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
