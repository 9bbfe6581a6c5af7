//! Imports: how each stands, and the rows that could not be taken.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{findings::Findings, tally::Report};
use crate::{
    app::{Desk, Error, Member},
    db::{
        self,
        imports::{
            jobs,
            pieces::{self, PieceKey},
        },
    },
    domain::{
        ids::ImportId,
        import::{Import, ImportKind, ImportState},
    },
};

const PAGE_ROWS: usize = 50;

/// What a file's rows come to: `new + updated + unchanged + rejected = rows`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportReport {
    pub rows: u64,
    /// People who were purged are counted here, too.
    pub new: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub rejected: u64,
    pub findings: Findings,
    /// How the stock goes on with the new codes; told by a check, where codes of the batch are
    /// handed out at all.
    pub pace: Option<StockForecast>,
}

/// How long the stock lasts at the recent pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockForecast {
    /// Handed out over these days.
    pub handed_out: u64,
    pub days: u64,
    /// Usable with the new codes.
    pub usable: u64,
}

impl StockForecast {
    /// Stock for fewer days is too little.
    pub const DAYS: u64 = 28;

    /// For so many days.
    pub fn lasts(self) -> u64 {
        (self.usable * self.days).checked_div(self.handed_out).unwrap_or(u64::MAX)
    }
}

impl ImportReport {
    pub(in crate::app) fn of(kind: ImportKind, report: &Report) -> Self {
        let Report { rows, new, updated, unchanged, rejected, ref findings, .. } = *report;
        let (new, updated) = if kind == ImportKind::Purges { (updated, 0) } else { (new, updated) };
        Self { rows, new, updated, unchanged, rejected, findings: findings.clone(), pace: None }
    }

    pub(in crate::app) fn to_json(&self) -> String {
        // Numbers and texts always have a form in JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    fn from_json(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text)
            .map_err(|_| db::Error::unreadable("the account of an import is unreadable").into())
    }
}

/// An import with what its check found, or what it brought.
#[derive(Debug, Clone)]
pub struct ImportFile {
    pub import: Import,
    pub account: Option<ImportReport>,
    pub has_rejects: bool,
}

/// A page of imports, newest first.
#[derive(Debug, Clone)]
pub struct ImportList {
    pub rows: Vec<ImportFile>,
    pub older: Option<ImportId>,
    pub now: DateTime<Utc>,
}

/// A page of the merchant's imports.
pub fn list_imports(
    desk: &Desk,
    member: &Member,
    before: Option<ImportId>,
) -> Result<ImportList, Error> {
    let limit = i64::try_from(PAGE_ROWS + 1).unwrap_or(i64::MAX);
    let mut found = desk.db.read(|conn| jobs::list(conn, member.scope, before, limit))?;
    let older = (found.len() > PAGE_ROWS)
        .then(|| found.get(PAGE_ROWS - 1).map(|import| import.id))
        .flatten();
    found.truncate(PAGE_ROWS);
    let rows = found.into_iter().map(|import| file(import, false)).collect::<Result<_, _>>()?;
    Ok(ImportList { rows, older, now: desk.clock.now() })
}

/// One import.
pub fn show_import(desk: &Desk, member: &Member, id: ImportId) -> Result<ImportFile, Error> {
    desk.db.read(|conn| {
        let import = jobs::find(conn, member.scope, id)?.ok_or(Error::NotFound)?;
        let has_rejects = pieces::has_any(conn, id, pieces::REJECTS)?;
        file(import, has_rejects)
    })
}

fn file(import: Import, has_rejects: bool) -> Result<ImportFile, Error> {
    let told = import.report.as_ref().or(import.preview.as_ref());
    let account = told.map(|text| ImportReport::from_json(text)).transpose()?;
    Ok(ImportFile { import, account, has_rejects })
}

/// Where the import is, for a page that waits for it.
pub fn import_state(desk: &Desk, member: &Member, id: ImportId) -> Result<ImportState, Error> {
    Ok(desk.db.read(|conn| jobs::find(conn, member.scope, id))?.ok_or(Error::NotFound)?.state)
}

/// The rejected rows piece by piece; `None` after the last one.
pub fn rejects_piece(
    desk: &Desk,
    member: &Member,
    id: ImportId,
    seq: i64,
) -> Result<Option<Vec<u8>>, Error> {
    desk.db.read(|conn| {
        jobs::find(conn, member.scope, id)?.ok_or(Error::NotFound)?;
        Ok(pieces::find(conn, PieceKey { import: id, part: pieces::REJECTS, seq })?)
    })
}
