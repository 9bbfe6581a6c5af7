//! Exports an audit log as JSON Lines, oldest first, each with its seal:
//! see `verify_export`. The operator's export is not recorded: it reads what its own file access
//! lets it read anyway, and a log that grew by being looked at would never read the same twice. An
//! administrator's export in the web app is.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::seal_audit::seal_all;
use crate::{
    app::{Desk, Error, customers::private_details},
    db::{
        self, DbConn, Scope,
        audit::{ExportedRecord, Slice},
        audit_contents,
    },
    domain::{
        audit::{AuditRecord, Detail, ShownActor},
        audit_proof::{ChainLink, SealedRecord},
        ids::UserId,
        zone,
    },
};

/// How many records are read at once, so that memory does not grow with the log.
const PAGE_RECORDS: i64 = 500;

/// So often a page is read again whose records are being sealed; a record that can't be is exported
/// without its seal.
const MAX_READINGS: usize = 5;
/// How long each of these may take: a log from before there were seals is sealed here, at some ten
/// thousand records a second.
const SEALING_TIMEOUT: Duration = Duration::from_mins(10);

/// Hands each record of the merchant's log, or of the installation's own, to `line`. What is not
/// sealed yet is sealed first. What is encrypted stays as it was written, so that the line can be
/// proved; what it says is in the member `opened`.
pub fn export_audit<E: From<Error>>(
    desk: &Desk,
    merchant: Option<&str>,
    mut line: impl FnMut(&str) -> Result<(), E>,
) -> Result<(), E> {
    let scope = merchant
        .map(|slug| desk.db.read(|conn| crate::app::find_merchant(conn, slug)))
        .transpose()?
        .map(|(scope, _)| scope);
    let mut after = i64::MIN;
    loop {
        let page = sealed_page(desk, scope, after)?;
        for place in 0..page.records.len() {
            line(&page.line(place, merchant))?;
        }
        after = page.records.last().map_or(after, |record| record.record.id.0);
        if page.records.len() < usize::try_from(PAGE_RECORDS).unwrap_or_default() {
            return Ok(());
        }
    }
}

/// The member that holds the seal.
pub(in crate::app) const SEAL: &str = "seal";
/// The member that holds what encrypted details say.
pub(in crate::app) const OPENED: &str = "opened";

/// Some records with all that their lines need.
pub(in crate::app) struct Page {
    pub records: Vec<ExportedRecord>,
    /// The same, with what can be opened of them.
    pub opened: Vec<AuditRecord>,
    emails: Vec<(UserId, String)>,
    links: HashMap<i64, ChainLink>,
}

impl Page {
    /// Reads that part of a log, and what is looked up for it.
    pub fn read(
        conn: &mut DbConn,
        desk: &Desk,
        scope: Option<Scope>,
        slice: Slice<'_>,
        limit: i64,
    ) -> Result<Self, Error> {
        let records = db::audit::list(conn, scope, None, slice, limit)?;
        let users: Vec<UserId> =
            records.iter().filter_map(|r| r.record.number("user")).map(UserId).collect();
        let ids: Vec<i64> = records.iter().map(|r| r.record.id.0).collect();
        let links =
            audit_contents::of_records(conn, scope.map_or(0, |scope| scope.merchant().0), &ids)?;
        let links = links.into_iter().filter_map(|(id, link)| Some((id, link?))).collect();
        let mut opened: Vec<AuditRecord> =
            records.iter().map(|exported| exported.record.clone()).collect();
        if let Some(scope) = scope {
            private_details::open(conn, desk, scope, opened.iter_mut())?;
        }
        Ok(Self { opened, emails: db::users::emails_of(conn, &users)?, records, links })
    }

    /// The line of the record at `place`, of the log of that merchant; empty where there is none.
    pub fn line(&self, place: usize, merchant: Option<&str>) -> String {
        let (Some(record), Some(opened)) = (self.records.get(place), self.opened.get(place)) else {
            return String::new();
        };
        let mut object = self.members(record, merchant);
        let seal = self.links.get(&record.record.id.0).map_or(Value::Null, seal_member);
        object.insert(SEAL.to_owned(), seal);
        let private =
            record.record.details.iter().filter(|(_, detail)| private_details::is_sealed(detail));
        let texts: Map<String, Value> =
            private.map(|(key, _)| (key.clone(), opened.text(key).into())).collect();
        if !texts.is_empty() {
            object.insert(OPENED.to_owned(), texts.into());
        }
        Value::Object(object).to_string()
    }

    /// The record's members without its seal.
    pub fn members(&self, record: &ExportedRecord, merchant: Option<&str>) -> Map<String, Value> {
        members(&shown(record, merchant, &self.emails))
    }

    /// The number of the record's seal, once it has one.
    pub fn seal_of(&self, record: &ExportedRecord) -> Option<i64> {
        self.links.get(&record.record.id.0).map(|link| link.no)
    }
}

/// The records after `after`, once they are sealed.
fn sealed_page(desk: &Desk, scope: Option<Scope>, after: i64) -> Result<Page, Error> {
    let mut reading = 1;
    loop {
        // A connection is held for one page only: the reader of the lines may be slow.
        let page = desk
            .db
            .read(|conn| Page::read(conn, desk, scope, Slice::After(after), PAGE_RECORDS))?;
        let is_sealed =
            page.records.iter().all(|record| page.links.contains_key(&record.record.id.0));
        if is_sealed || reading == MAX_READINGS {
            return Ok(page);
        }
        seal_all(&desk.db, &desk.clock, SEALING_TIMEOUT)?;
        reading += 1;
    }
}

/// A seal as a verifier needs it: its number, when it was made, its digest, and the record's
/// content as it was hashed.
fn seal_member(link: &ChainLink) -> Value {
    let content = match &link.record {
        SealedRecord::Whole(record) => Some(record.content()),
        SealedRecord::Unreadable | SealedRecord::Missing => None,
    };
    json!({ "no": link.no, "at_us": link.at.map(|at| at.timestamp_micros()), "digest": link.digest, "content": content })
}

/// A record as its line shows it: what is stored, and what is looked up.
pub(in crate::app) struct RecordLine<'a> {
    pub id: i64,
    pub at: DateTime<Utc>,
    pub action: &'a str,
    pub customer: Option<i64>,
    pub reissue: Option<i64>,
    pub request_id: Option<&'a str>,
    pub details: &'a [(String, Detail)],
    pub merchant: Option<&'a str>,
    pub actor: &'a str,
    pub customer_id: Option<&'a str>,
    /// The merchant's reference of the reward, where the details have none.
    pub reward_id: Option<&'a str>,
    /// The address of the user that the details name.
    pub user_email: Option<&'a str>,
}

fn shown<'a>(
    exported: &'a ExportedRecord,
    merchant: Option<&'a str>,
    emails: &'a [(UserId, String)],
) -> RecordLine<'a> {
    let record = &exported.record;
    let user = record.number("user");
    RecordLine {
        id: record.id.0,
        at: record.at,
        action: &record.action,
        customer: record.customer.map(|c| c.0),
        reissue: record.reissue.map(|r| r.0),
        request_id: record.request_id.as_deref(),
        details: &record.details,
        merchant,
        actor: match &record.actor {
            ShownActor::User { email, .. } => email,
            ShownActor::Cli => "cli",
            ShownActor::System => "system",
        },
        customer_id: exported.customer_id.as_deref(),
        reward_id: exported.reward_id.as_deref(),
        user_email: emails
            .iter()
            .find(|(id, _)| Some(id.0) == user)
            .map(|(_, email)| email.as_str()),
    }
}

/// The envelope, always whole, and the details beside it, which cannot take an envelope's place.
pub(in crate::app) fn members(shown: &RecordLine<'_>) -> Map<String, Value> {
    let mut object = Map::new();
    let mut put = |key: &str, value: Value| {
        object.entry(key).or_insert(value);
    };
    let detail = |key: &str| shown.details.iter().find(|(k, _)| k == key).map(|(_, value)| value);
    let reward_id = match detail("reward_id") {
        Some(Detail::Text(text)) => Some(text.as_str()),
        _ => shown.reward_id,
    };
    put("id", shown.id.into());
    put("at", zone::rfc3339(shown.at).into());
    put("action", shown.action.into());
    put("merchant", shown.merchant.into());
    put("actor", shown.actor.into());
    put("customer", shown.customer.into());
    put("customer_id", shown.customer_id.into());
    put("reward_id", reward_id.into());
    put("reissue_id", shown.reissue.into());
    put("request_id", shown.request_id.into());
    for (key, value) in shown.details.iter().filter(|(key, _)| key != SEAL) {
        put(
            key,
            match value {
                Detail::Text(text) => json!(text),
                Detail::Number(number) => json!(number),
                Detail::Flag(flag) => json!(flag),
            },
        );
    }
    if let Some(Detail::Number(_)) = detail("user") {
        put("user_email", shown.user_email.into());
    }
    object
}
