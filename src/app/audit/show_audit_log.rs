//! The merchant's audit log, newest first, as filters let it through, each record with what is
//! known beside it.

use chrono::{DateTime, Utc};

use super::audit_filters::{self, CheckedFilters, SubmittedFilters};
use crate::{
    app::{Desk, Error, Member, customers::private_details},
    db::{
        DbConn,
        audit_log::{self, Direction},
        users,
    },
    domain::{
        audit::{Action, AuditRecord, Detail},
        audit_filter::RecordPlace,
        ids::{ReissueId, UserId},
    },
};

const PAGE_RECORDS: usize = 50;

/// More members than a merchant has.
const MAX_MEMBERS: i64 = 1000;

/// What became of the mail of a reissue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReissueMail {
    NotAskedFor,
    OnItsWay,
    /// The customer was purged before it went out.
    Cancelled,
    Sent(DateTime<Utc>),
    Failed(DateTime<Utc>),
}

/// A record with what is known beside it.
#[derive(Debug, Clone)]
pub struct LogEntry {
    pub record: AuditRecord,
    /// The number of its seal; `None`: not sealed yet.
    pub seal: Option<i64>,
    /// Only of a reissue.
    pub mail: Option<ReissueMail>,
}

/// A page of the log.
#[derive(Debug, Clone)]
pub struct LogPage {
    pub judged: CheckedFilters,
    pub entries: Vec<LogEntry>,
    /// The record after which the next page begins.
    pub older: Option<RecordPlace>,
    /// Whom one may filter by: the merchant's users, and those who acted here and are no longer.
    pub members: Vec<(UserId, String)>,
    pub former: Vec<(UserId, String)>,
    /// The names of users whom the records' details name.
    pub people: Vec<(UserId, String)>,
}

/// A page of what `typed` selects, after `before`; nothing where a filter cannot be taken.
pub fn show_audit_log(
    desk: &Desk,
    member: &Member,
    typed: &SubmittedFilters,
    before: Option<RecordPlace>,
) -> Result<LogPage, Error> {
    desk.db.read(|conn| {
        let judged = audit_filters::judge(conn, desk, member, typed)?;
        let members: Vec<(UserId, String)> =
            users::list_members(conn, member.scope, None, MAX_MEMBERS)?
                .into_iter()
                .map(|member| (member.user.id, member.user.name))
                .collect();
        let mut former = audit_log::actors(conn, member.scope)?;
        former.retain(|id| members.iter().all(|(known, _)| known != id));
        let former = audit_log::names_of(conn, &former)?;
        let mut page =
            LogPage { judged, entries: vec![], older: None, members, former, people: vec![] };
        if page.judged.invalid.is_empty() {
            fill(conn, desk, member, &mut page, before)?;
        }
        Ok(page)
    })
}

fn fill(
    conn: &mut DbConn,
    desk: &Desk,
    member: &Member,
    page: &mut LogPage,
    before: Option<RecordPlace>,
) -> Result<(), Error> {
    let scope = member.scope;
    let mut places = audit_log::places(
        conn,
        scope,
        &page.judged.filter,
        Direction::Back(before),
        PAGE_RECORDS + 1,
    )?;
    let more = places.len() > PAGE_RECORDS;
    places.truncate(PAGE_RECORDS);
    page.older = places.last().copied().filter(|_| more);
    let records = private_details::at(conn, desk, scope, &places)?;
    let ids: Vec<_> = places.iter().map(|place| place.id).collect();
    let seals = audit_log::seals_of(conn, &ids)?;
    let is_reissue = |record: &&AuditRecord| record.action == Action::CouponReissued.as_str();
    let reissues: Vec<ReissueId> =
        records.iter().filter(is_reissue).filter_map(|record| record.reissue).collect();
    let ends = audit_log::mail_ends(conn, scope, &reissues)?;
    let named = |record: &AuditRecord| {
        ["user", "barred_by", "of_user"]
            .into_iter()
            .filter_map(|key| record.number(key))
            .collect::<Vec<_>>()
    };
    let people: Vec<UserId> = records.iter().flat_map(named).map(UserId).collect();
    page.people = audit_log::names_of(conn, &people)?;
    page.entries = records
        .into_iter()
        .map(|record| LogEntry {
            seal: seals.iter().find(|(id, _)| *id == record.id).map(|(_, no)| *no),
            mail: if is_reissue(&&record) { Some(mail_of(&record, &ends)) } else { None },
            record,
        })
        .collect();
    Ok(())
}

/// The last end counts: a mail that failed may have been sent again.
fn mail_of(record: &AuditRecord, ends: &[(ReissueId, String, DateTime<Utc>)]) -> ReissueMail {
    let end = ends.iter().rfind(|(id, ..)| Some(*id) == record.reissue);
    let is_asked_for = record
        .details
        .iter()
        .any(|(key, value)| key == "email_requested" && *value == Detail::Flag(true));
    match end {
        Some((_, action, at)) if action == Action::EmailSent.as_str() => ReissueMail::Sent(*at),
        Some((_, _, at)) => ReissueMail::Failed(*at),
        None if !is_asked_for => ReissueMail::NotAskedFor,
        // A customer has a name or an e-mail until the purge.
        None if record.customer_name.is_none() => ReissueMail::Cancelled,
        None => ReissueMail::OnItsWay,
    }
}
