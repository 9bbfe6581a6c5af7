//! Proves an exported log by itself: no database, and nothing that this machine knows. The lines
//! are in the order of ids, the chain in the order of sealing: the few that were sealed later than
//! their neighbours wait for their turn.
//!
//! What is looked up when a log is exported is not sealed, and so not proved: the merchant's slug,
//! e-mail addresses, the customer_id, and the reward_id where the record itself does not hold it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    audit_export_file::{OPENED, RecordLine, SEAL, members},
    verify_audit::LogVerdict,
};
use crate::{
    app::Error,
    db::audit::details_of,
    domain::{
        Invalid,
        audit_proof::{Chain, ChainFault, ChainLink, Flaw, Named, SealedRecord},
        audit_seal::{ChainHead, StoredRecord},
    },
};

/// How many lines may wait for a seal before them; beyond that the seal counts as missing.
const MOST_WAITING: usize = 50_000;

/// The export of one log, line by line.
pub struct ExportedLog {
    chain: Chain,
    /// Links that are not next yet, by number.
    waiting: BTreeMap<i64, ChainLink>,
    lines: usize,
    /// The merchant's slug as the lines say, and its number as they were sealed with.
    log: Option<(Option<String>, Option<i64>)>,
    last_id: Option<i64>,
    first_unsealed: Option<Named>,
    unsealed: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SealMember {
    no: i64,
    at_us: i64,
    digest: String,
    content: String,
}

impl ExportedLog {
    /// A file that should hold these heads.
    pub fn new(remembered: &[ChainHead]) -> Self {
        let chain = Chain::new(remembered);
        Self {
            chain,
            waiting: BTreeMap::new(),
            lines: 0,
            log: None,
            last_id: None,
            first_unsealed: None,
            unsealed: 0,
        }
    }

    /// Takes the next line, and answers the flaw that it shows.
    ///
    /// Errors: a line that no export has, by its number.
    pub fn line(&mut self, text: &str) -> Result<Option<Flaw>, Error> {
        self.lines += 1;
        let mut object: Map<String, Value> =
            serde_json::from_str(text).map_err(|_| self.foreign("it is not a JSON object"))?;
        let seal = object.remove(SEAL).ok_or_else(|| {
            self.foreign("it has no \"seal\" field; export the log again with this version")
        })?;
        // What encrypted details say is decrypted again at each export; the ciphertext is what was
        // sealed.
        object.remove(OPENED);
        let named = named(&object).ok_or_else(|| self.foreign("it has no id"))?;
        if self.last_id.is_some_and(|last| named.id <= last) {
            return Err(self.foreign(
                "its id isn't higher than the one before: the lines were reordered, or one appears \
                 twice",
            ));
        }
        self.last_id = Some(named.id);
        if seal.is_null() {
            self.unsealed += 1;
            self.first_unsealed.get_or_insert(named);
            return Ok(None);
        }
        if let Some(record) = self.first_unsealed.take() {
            return Ok(Some(Flaw { record: Some(record), wrong: ChainFault::NotExported }));
        }
        let changed = |member: &str| {
            Ok(Some(Flaw {
                record: Some(named.clone()),
                wrong: ChainFault::Disagrees { member: member.to_owned() },
            }))
        };
        let Ok(seal) = serde_json::from_value::<SealMember>(seal) else { return changed(SEAL) };
        let Ok(record) = StoredRecord::from_content(&seal.content) else { return changed(SEAL) };
        if let Some(member) = self.disagreement(&record, &object) {
            return changed(&member);
        }
        let at = DateTime::<Utc>::from_timestamp_micros(seal.at_us);
        let link = ChainLink {
            no: seal.no,
            record_id: record.id,
            digest: seal.digest,
            at,
            record: SealedRecord::Whole(Box::new(record)),
        };
        Ok(self.take(link).err())
    }

    /// The end of the file: the verdict, with the flaw that only the end shows.
    pub fn end(mut self) -> LogVerdict {
        let flaw = self.go_on(true).err().or_else(|| self.chain.against_remembered().err());
        self.verdict(flaw)
    }

    /// What was found, when a line has a flaw.
    pub fn verdict(self, flaw: Option<Flaw>) -> LogVerdict {
        let log =
            self.log.and_then(|(slug, _)| slug).unwrap_or_else(|| "the installation".to_owned());
        LogVerdict { log, head: self.chain.head, unsealed: self.unsealed, flaw }
    }

    fn take(&mut self, link: ChainLink) -> Result<(), Flaw> {
        if link.no <= self.chain.head.no || self.waiting.contains_key(&link.no) {
            // Two seals with one number: this one cannot be the next.
            return Err(Flaw {
                record: Some(link.named()),
                wrong: ChainFault::Changed { no: link.no },
            });
        }
        self.waiting.insert(link.no, link);
        self.go_on(self.waiting.len() > MOST_WAITING)
    }

    /// Follows the chain as far as its links are there; at the `end`, what still waits for a
    /// missing one is a flaw.
    fn go_on(&mut self, end: bool) -> Result<(), Flaw> {
        let mut links = Vec::new();
        let mut next = self.chain.head.no + 1;
        while let Some(link) = self.waiting.remove(&next) {
            links.push(link);
            next += 1;
        }
        self.chain.follow(&links)?;
        if end {
            self.chain
                .follow(&std::mem::take(&mut self.waiting).into_values().collect::<Vec<_>>())?;
        }
        Ok(())
    }

    /// The first member that does not say what was sealed.
    fn disagreement(
        &mut self,
        record: &StoredRecord,
        object: &Map<String, Value>,
    ) -> Option<String> {
        let text = |key: &str| object.get(key).and_then(Value::as_str);
        let merchant = text("merchant");
        let log =
            self.log.get_or_insert_with(|| (merchant.map(ToOwned::to_owned), record.merchant));
        if (log.0.as_deref(), log.1) != (merchant, record.merchant)
            || merchant.is_some() != record.merchant.is_some()
        {
            return Some("merchant".to_owned());
        }
        let Ok(details) = details_of(&record.details) else { return Some("details".to_owned()) };
        let actor = match record.actor_kind.as_str() {
            "user" => text("actor")
                .filter(|actor| !matches!(*actor, "cli" | "system"))
                .unwrap_or("a user"),
            kind => kind,
        };
        let expected = members(&RecordLine {
            id: record.id,
            at: record.at,
            action: &record.action,
            customer: record.customer,
            reissue: record.reissue,
            request_id: record.request_id.as_deref(),
            details: &details,
            merchant,
            actor,
            customer_id: text("customer_id"),
            reward_id: text("reward_id"),
            user_email: text("user_email"),
        });
        let differs = |(key, value): &(&String, &Value)| expected.get(*key) != Some(value);
        let missing = expected.keys().find(|key| !object.contains_key(*key));
        object.iter().find(differs).map(|(key, _)| key).or(missing).cloned()
    }

    fn foreign(&self, why: &str) -> Error {
        Invalid::because(format!("line {} is not from `audit export`: {why}", self.lines)).into()
    }
}

fn named(object: &Map<String, Value>) -> Option<Named> {
    let at = object
        .get("at")
        .and_then(Value::as_str)
        .and_then(|at| DateTime::parse_from_rfc3339(at).ok());
    let action = object.get("action").and_then(Value::as_str).map(ToOwned::to_owned);
    Some(Named { id: object.get("id")?.as_i64()?, at: at.map(|at| at.to_utc()), action })
}
