//! What is asked of an import, what it tells meanwhile, and what came of it.
//! Must not know how it is done.

use std::{io, ops::ControlFlow};

use super::kind::Kind;
use crate::{
    db,
    domain::{Unfit, audit::Actor, ids::AuditId},
};

/// What is to be imported.
#[derive(Debug, Clone)]
pub struct Order<'a> {
    pub kind: Kind,
    /// The batch's name; needed for vouchers, refused for everything else.
    pub batch: Option<&'a str>,
    /// Do everything, report, write the rejects, and change nothing.
    pub dry_run: bool,
    pub actor: Actor,
    pub request_id: Option<&'a str>,
}

/// Where an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many bytes of the source are read.
    Reading { bytes: u64 },
    /// Another import into this merchant is at work.
    Waiting,
    /// So many of the rows that could be read are compared and written.
    Applying { done: u64, total: u64 },
}

/// Is told the progress; `Break` stops the import, and nothing is changed.
pub type Watch<'a> = dyn FnMut(Progress) -> ControlFlow<()> + 'a;

/// What became of the file's rows: `new + updated + unchanged + rejected = rows`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
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
    Unfit(#[from] Unfit),
    #[error("the merchant {merchant} has no batch {batch:?}; add it with `rewarddesk batch add`, or correct the name")]
    NoBatch { batch: String, merchant: String },
    #[error("the file cannot be read: {0}")]
    Source(io::Error),
    #[error("the rejects cannot be written: {0}")]
    Rejects(io::Error),
    #[error("a temporary file cannot be used: {0}; is there room in TMPDIR?")]
    Staging(io::Error),
    #[error("stopped before the end; nothing was changed, it can simply be run again")]
    Stopped,
    /// Everything was done and taken back, as a dry run asks. Never leaves this module.
    #[error("a dry run was taken back")]
    TakenBack,
    #[error(transparent)]
    Fault(#[from] db::Error),
}
