//! Exports an audit log as JSON Lines (contract.md section 5), oldest first.
//! Must not know where the lines go. The operator's export is not recorded: it reads what its own file access lets it read anyway,
//! and a log that grew by being looked at would never read the same twice. An administrator's export in the web app is.

use serde_json::{Map, Value, json};

use super::{Desk, Error, private_details};
use crate::{
    db::{
        self,
        audit::{ExportedRecord, Slice},
    },
    domain::{
        audit::{AuditRecord, Detail, ShownActor},
        ids::UserId,
        zone,
    },
};

/// So many records are read at once: memory does not grow with the log.
const PAGE: i64 = 500;

/// Hands each record of the merchant's log, or of the installation's own, to `line`.
pub fn export_audit<E: From<Error>>(desk: &Desk, merchant: Option<&str>, mut line: impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
    let db = &desk.db;
    let scope = merchant.map(|slug| db.read(|conn| super::find_merchant(conn, slug))).transpose()?.map(|(scope, _)| scope);
    let mut after = i64::MIN;
    loop {
        // A connection is held for a page only: whoever reads the lines may be slow.
        let page = db.read(|conn| -> Result<_, Error> {
            let records = db::audit::list(conn, scope, None, Slice::After(after), PAGE)?;
            let users: Vec<UserId> = records.iter().filter_map(|r| r.record.number("user")).map(UserId).collect();
            let mut opened: Vec<AuditRecord> = records.iter().map(|exported| exported.record.clone()).collect();
            if let Some(scope) = scope {
                private_details::open(conn, desk, scope, opened.iter_mut())?;
            }
            Ok((records, opened, db::users::emails_of(conn, &users)?))
        })?;
        let (records, opened, emails) = page;
        for (record, opened) in records.iter().zip(&opened) {
            line(&json_line(record, opened, merchant, &emails))?;
            after = record.record.id.0;
        }
        if records.len() < usize::try_from(PAGE).unwrap_or_default() {
            return Ok(());
        }
    }
}

/// The envelope, always whole, and the details beside it, which cannot take an envelope's place.
/// What is encrypted stays as it was written, so that the line can be proved; what it says is in `opened`.
fn json_line(exported: &ExportedRecord, opened: &AuditRecord, merchant: Option<&str>, emails: &[(UserId, String)]) -> String {
    let record = &exported.record;
    let actor = match &record.actor {
        ShownActor::User { email, .. } => email.as_str(),
        ShownActor::Cli => "cli",
        ShownActor::System => "system",
    };
    let mut object = Map::new();
    let mut put = |key: &str, value: Value| {
        object.entry(key).or_insert(value);
    };
    put("id", record.id.0.into());
    put("at", zone::rfc3339(record.at).into());
    put("action", record.action.as_str().into());
    put("merchant", merchant.into());
    put("actor", actor.into());
    put("customer", record.customer.map(|c| c.0).into());
    put("customer_id", exported.customer_id.as_deref().into());
    put("reward_id", record.text("reward_id").or(exported.reward_id.as_deref()).into());
    put("reissue_id", record.reissue.map(|r| r.0).into());
    put("request_id", record.request_id.as_deref().into());
    for (key, value) in &record.details {
        put(
            key,
            match value {
                Detail::Text(text) => json!(text),
                Detail::Number(number) => json!(number),
                Detail::Flag(flag) => json!(flag),
            },
        );
    }
    let private = record.details.iter().filter(|(_, detail)| private_details::is_sealed(detail));
    let texts: Map<String, Value> = private.map(|(key, _)| (key.clone(), opened.text(key).into())).collect();
    if !texts.is_empty() {
        put("opened", texts.into());
    }
    if let Some(user) = record.number("user") {
        put("user_email", emails.iter().find(|(id, _)| id.0 == user).map(|(_, email)| email.as_str()).into());
    }
    Value::Object(object).to_string()
}
