//! An administrator's export of what the audit log's page shows: on record before the first line
//! leaves, then read piece by piece.

use std::time::Duration;

use serde_json::Value;

use super::{
    audit_export_file::Page,
    audit_filters::{self, SubmittedFilters},
    seal_audit::seal_all,
};
use crate::{
    app::{Desk, Error, Fault, Member},
    db::{
        audit::{self, Slice},
        audit_log::{self, Direction},
        audit_seals, memberships,
    },
    domain::{
        audit::{Action, Actor, Detail, NewRecord},
        audit_filter::{AuditFilter, RecordPlace},
        cell::{BYTE_ORDER_MARK, harmless},
        ids::AuditId,
        role::Permission,
        zone,
    },
};

/// What the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The same lines as those of `rewarddesk audit export`.
    JsonLines,
    Csv,
}

impl Format {
    pub const ALL: [Self; 2] = [Self::JsonLines, Self::Csv];

    /// As in forms and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Csv => "csv",
        }
    }
}

/// An export that has begun: it is on record, and may be read piece by piece.
#[derive(Debug, Clone)]
pub struct LogExport {
    filter: AuditFilter,
    pub format: Format,
    /// The newest record when it began: what comes later is no part of it.
    mark: AuditId,
    after: Option<RecordPlace>,
    is_begun: bool,
    is_done: bool,
}

/// What came of asking.
#[derive(Debug, Clone)]
pub enum Begun {
    Done(LogExport),
    /// A filter cannot be taken; nothing was written down.
    Invalid,
}

/// Begins an export of what `typed` selects and writes it down, before the first line leaves.
///
/// Errors: [`Error::NotAllowed`] when the member's right is gone.
pub fn begin_export(
    desk: &Desk,
    member: &Member,
    typed: &SubmittedFilters,
    format: Format,
) -> Result<Begun, Error> {
    // Counted apart from the record: on a large log that takes a while, and others want to write.
    let (judged, mark, count) = desk.db.read(|conn| {
        let judged = audit_filters::judge(conn, desk, member, typed)?;
        let mark = AuditId(audit_seals::newest_record(conn)?);
        let count = if judged.invalid.is_empty() {
            audit_log::count(conn, member.scope, &judged.filter, mark)?
        } else {
            0
        };
        Ok::<_, Error>((judged, mark, count))
    })?;
    if !judged.invalid.is_empty() {
        return Ok(Begun::Invalid);
    }
    desk.db.write(|tx| {
        let role = memberships::lock_role(tx, member.scope, member.user)?
            .filter(|role| role.may(Permission::ExportAuditLog));
        role.ok_or(Error::NotAllowed)?;
        let record = NewRecord::new(
            Some(member.scope.merchant()),
            Action::AuditExported,
            Actor::User(member.user),
        )
        .detail("format", format.as_str())
        .detail("records", count);
        let mut record = audit_filters::noted(record, &judged.filter);
        record.request_id = Some(member.request_id.clone());
        audit::append(tx, &record, desk.clock.now())?;
        Ok::<_, Error>(())
    })?;
    Ok(Begun::Done(LogExport {
        filter: judged.filter,
        format,
        mark,
        after: None,
        is_begun: false,
        is_done: false,
    }))
}

/// Records a piece: memory does not grow with the log.
const PIECE_RECORDS: usize = 500;

/// How long what is not sealed yet is waited for; then it goes out without its seal.
const SEALING_TIMEOUT: Duration = Duration::from_secs(5);

impl LogExport {
    /// Seals what is not sealed yet, in short transactions of their own: lines carry their seals.
    pub fn settle(self, desk: &Desk) -> Result<Self, Error> {
        seal_all(&desk.db, &desk.clock, SEALING_TIMEOUT)?;
        Ok(self)
    }

    /// The next piece, and the rest of the export; nothing when it is at its end. A connection is
    /// held for a piece only.
    pub fn next(mut self, desk: &Desk, member: &Member) -> Result<Option<(Vec<u8>, Self)>, Error> {
        if self.is_done {
            return Ok(None);
        }
        let (page, last, found) = self.page(desk, member)?;
        let slug = member.merchant.slug.as_str();
        let bytes = match self.format {
            Format::JsonLines => (0..page.records.len())
                .flat_map(|place| (page.line(place, Some(slug)) + "\n").into_bytes())
                .collect(),
            Format::Csv => csv(&page, slug, !self.is_begun)?,
        };
        self.is_begun = true;
        self.is_done = found < PIECE_RECORDS;
        self.after = last.or(self.after);
        Ok(Some((bytes, self)))
    }
}

impl LogExport {
    /// The records of the next piece, the place of the last one, and how many were found.
    fn page(
        &self,
        desk: &Desk,
        member: &Member,
    ) -> Result<(Page, Option<RecordPlace>, usize), Error> {
        let limit = i64::try_from(PIECE_RECORDS).unwrap_or(i64::MAX);
        desk.db.read(|conn| {
            if self.filter.is_empty() {
                // The whole log goes by number, as the command has it: so the file can be proved.
                let after = self.after.map_or(i64::MIN, |place| place.id.0);
                let mut page =
                    Page::read(conn, desk, Some(member.scope), Slice::After(after), limit)?;
                let within =
                    page.records.iter().take_while(|record| record.record.id <= self.mark).count();
                page.records.truncate(within);
                let last = page
                    .records
                    .last()
                    .map(|record| RecordPlace { at: record.record.at, id: record.record.id });
                return Ok((page, last, within));
            }
            let places = audit_log::places(
                conn,
                member.scope,
                &self.filter,
                Direction::Forth(self.after, self.mark),
                PIECE_RECORDS,
            )?;
            let ids: Vec<i64> = places.iter().map(|place| place.id.0).collect();
            let page = Page::read(conn, desk, Some(member.scope), Slice::Of(&ids), limit)?;
            Ok((page, places.last().copied(), places.len()))
        })
    }
}

const HEAD: [&str; 15] = [
    "id",
    "at",
    "action",
    "merchant",
    "actor",
    "customer",
    "customer_id",
    "reward_id",
    "reissue_id",
    "code",
    "old_code",
    "new_code",
    "details",
    "request_id",
    "seal",
];

fn csv(page: &Page, slug: &str, with_head: bool) -> Result<Vec<u8>, Error> {
    let mark = if with_head { BYTE_ORDER_MARK } else { "" };
    let mut csv = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(mark.as_bytes().to_vec());
    let mut written = if with_head { csv.write_record(HEAD) } else { Ok(()) };
    for (record, opened) in page.records.iter().zip(&page.opened) {
        let members = page.members(record, Some(slug));
        let cells = HEAD.map(|name| match name {
            "at" => zone::rfc3339(opened.at),
            "seal" => page.seal_of(record).map(|no| no.to_string()).unwrap_or_default(),
            "details" => {
                let rest = members.iter().filter(|(key, _)| !HEAD.contains(&key.as_str()));
                let rest = rest.map(|(key, value)| {
                    (key.clone(), opened_detail(opened, key).unwrap_or_else(|| value.clone()))
                });
                Value::Object(rest.collect()).to_string()
            }
            name => match members.get(name) {
                None | Some(Value::Null) => String::new(),
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
            },
        });
        written = written
            .and_then(|()| csv.write_record(cells.iter().map(|cell| harmless(cell).into_owned())));
    }
    let bytes = written
        .map_err(std::io::Error::other)
        .and_then(|()| csv.into_inner().map_err(|e| std::io::Error::other(e.to_string())));
    bytes.map_err(|e| Fault::template("a table", e).into())
}

/// What an encrypted detail says: a spreadsheet proves nothing, so it shows the words.
fn opened_detail(opened: &crate::domain::audit::AuditRecord, key: &str) -> Option<Value> {
    opened.details.iter().find(|(known, _)| known == key).and_then(|(_, value)| match value {
        Detail::Text(text) => Some(text.as_str().into()),
        Detail::Number(_) | Detail::Flag(_) => None,
    })
}
