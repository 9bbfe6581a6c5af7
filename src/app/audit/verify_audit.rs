//! Proves that an audit log is what was sealed: every record there, unchanged and in its place; or
//! names the first that is not. It writes nothing: what is not sealed yet is counted, and sealed by
//! the server, or by the next command that writes.
//!
//! What it can't know: that a record was true when it was written; one that was removed before it
//! was sealed, within a second; and a log that was rewritten together with all its seals, or cut at
//! its end, unless somebody has remembered a head.

use crate::{
    app::Error,
    db::{DbConn, audit_contents, audit_seals},
    domain::{
        Invalid,
        audit_proof::{Chain, ChainFault, Flaw, Named, SealedRecord},
        audit_seal::ChainHead,
        ids::AuditId,
        zone,
    },
};

/// How many links are read at once, so that memory does not grow with the log.
const PAGE_RECORDS: usize = 1_000;

/// One log, looked at from its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogVerdict {
    /// The merchant's slug, or what the log is called that has none.
    pub log: String,
    /// As far as it was proved.
    pub head: ChainHead,
    /// The newest records, which have no seal yet.
    pub unsealed: i64,
    pub flaw: Option<Flaw>,
}

/// Proves the merchant's log, or all of them (`None`). Each remembered head must be in the
/// merchant's log, or in one of all. Best asked inside [`crate::db::Database::snapshot`]. Errors: a
/// merchant who is not there, and the database's.
pub fn verify_audit(
    conn: &mut DbConn,
    merchant: Option<&str>,
    remembered: &[ChainHead],
) -> Result<Vec<LogVerdict>, Error> {
    let scope = merchant
        .map(|slug| crate::app::find_merchant(conn, slug))
        .transpose()?
        .map(|(scope, _)| scope.merchant().0);
    let watermark = audit_seals::watermark(conn)?;
    let mut met = vec![false; remembered.len()];
    let mut verdicts = Vec::new();
    for log in audit_seals::heads(conn)?
        .into_iter()
        .filter(|log| scope.is_none_or(|chain| chain == log.chain))
    {
        let mut chain = Chain::new(remembered);
        let mut flaw = prove(conn, log.chain, watermark, &mut chain)?;
        met.iter_mut().zip(remembered).for_each(|(met, head)| *met |= chain.has_met(head));
        if flaw.is_none() && scope.is_some() {
            flaw = chain.against_remembered().err();
        }
        let log_name = match (log.slug, log.chain) {
            (Some(slug), _) => slug,
            (None, 0) => "the installation".to_owned(),
            (None, chain) => format!("merchant {chain}, which no longer exists,"),
        };
        let unsealed = audit_seals::count_unsealed(conn, log.chain, watermark)?;
        verdicts.push(LogVerdict { log: log_name, head: chain.head, unsealed, flaw });
    }
    let is_whole = verdicts.iter().all(|verdict| verdict.flaw.is_none());
    if scope.is_none() && is_whole {
        // The watermark was at a record that was sealed, so the newest of all logs can't be cut off
        // in silence.
        if watermark > 0 && !audit_seals::is_sealed(conn, AuditId(watermark))? {
            let record = Some(Named { id: watermark, at: None, action: None });
            verdicts.push(LogVerdict {
                log: "all logs".to_owned(),
                head: ChainHead::start(),
                unsealed: 0,
                flaw: Some(Flaw { record, wrong: ChainFault::CutAtMark }),
            });
        } else if let Some((_, head)) = met.iter().zip(remembered).find(|(met, _)| !**met) {
            return Err(Invalid::because(format!(
                "no log has the head {head}: a log was cut or rewritten since then, or the head is \
                 from another installation; name the log with --merchant to see which record is \
                 there now"
            ))
            .into());
        }
    }
    Ok(verdicts)
}

/// Walks one chain; the first flaw in it.
fn prove(
    conn: &mut DbConn,
    log: i64,
    watermark: i64,
    chain: &mut Chain,
) -> Result<Option<Flaw>, Error> {
    let broken = loop {
        let links = audit_contents::links(conn, log, chain.head.no, PAGE_RECORDS)?;
        if let Err(flaw) = chain.follow(&links) {
            break Some(flaw);
        }
        if links.len() < PAGE_RECORDS {
            break None;
        }
    };
    let unsealed =
        audit_contents::first_unsealed(conn, log, watermark)?.map(|found| match found.record {
            SealedRecord::Whole(record) => Named::of(&record),
            _ => Named { id: found.id, at: None, action: None },
        });
    Ok(match (broken, unsealed) {
        // The record whose seal is missing is still there.
        (Some(Flaw { wrong: ChainFault::SealMissing { no, .. }, .. }), Some(record)) => {
            Some(Flaw { record: Some(record), wrong: ChainFault::Unsealed { missing: Some(no) } })
        }
        // The older one is the first.
        (Some(flaw), Some(record))
            if flaw.record.as_ref().is_none_or(|named| named.id < record.id) =>
        {
            Some(flaw)
        }
        (_, Some(record)) => {
            Some(Flaw { record: Some(record), wrong: ChainFault::Unsealed { missing: None } })
        }
        (broken, None) => broken,
    })
}

/// The first bad record, what is wrong with it, and what to do.
impl std::fmt::Display for Flaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keep = "keep a copy of this database as it is and compare it with a backup or an \
                    earlier export";
        let record =
            self.record.as_ref().map_or_else(|| "a record".to_owned(), ToString::to_string);
        match &self.wrong {
            ChainFault::Changed { no } => write!(
                f,
                "{record} was changed: it or its seal doesn't match what was sealed as number \
                 {no}; {keep}"
            ),
            ChainFault::SealChanged { no } => {
                write!(
                    f,
                    "the seal of {record} was changed: the record matches what was sealed as \
                     number {no}, but the digest doesn't; {keep}"
                )
            }
            ChainFault::Removed { no } => {
                write!(f, "{record} was removed: only its seal, number {no}, is left; {keep}")
            }
            ChainFault::Reordered { no, instead_of } => {
                write!(
                    f,
                    "{record} was moved: it is at number {no}, where record {instead_of} was \
                     sealed; {keep}"
                )
            }
            ChainFault::Swapped { no, with } => {
                write!(
                    f,
                    "{record} was swapped with record {with}, which now holds what was sealed as \
                     number {no}; {keep}"
                )
            }
            ChainFault::SealMissing { no, next } => {
                write!(
                    f,
                    "the record sealed as number {no} was removed or moved together with its seal: \
                     record {next} is in its place; {keep}"
                )
            }
            ChainFault::Unsealed { missing: None } => {
                write!(
                    f,
                    "{record} was not inserted by the desk, or lost its seal: all records up to it \
                     were sealed, but it isn't; {keep}"
                )
            }
            ChainFault::Unsealed { missing: Some(no) } => {
                write!(
                    f,
                    "{record} lost its seal, or was not inserted by the desk: it isn't sealed, and \
                     seal number {no} is missing; {keep}"
                )
            }
            ChainFault::Cut { remembered } => {
                write!(
                    f,
                    "the log was cut: {record} is the last one, but the remembered head is number \
                     {remembered}; {keep}"
                )
            }
            ChainFault::CutAtMark => {
                write!(
                    f,
                    "{record}, the newest sealed record, was removed together with its seal; \
                           {keep}"
                )
            }
            ChainFault::Rewritten { remembered } => {
                write!(
                    f,
                    "{record} was resealed: number {remembered} has a different digest than the \
                     remembered head; {keep}"
                )
            }
            ChainFault::Disagrees { member } => {
                write!(
                    f,
                    "{record} was changed: its {member} doesn't match what was sealed; compare it \
                     with the database"
                )
            }
            ChainFault::NotExported => {
                write!(
                    f,
                    "{record} has no seal but later records do: it was inserted, or its seal was \
                     removed; export the log again"
                )
            }
        }
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known: Vec<String> =
            self.at.map(zone::rfc3339).into_iter().chain(self.action.clone()).collect();
        write!(f, "record {}", self.id)?;
        if known.is_empty() { Ok(()) } else { write!(f, " ({})", known.join(", ")) }
    }
}
