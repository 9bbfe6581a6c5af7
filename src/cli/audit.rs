//! `rewarddesk audit export` and `rewarddesk audit verify`, and the seals over what a command
//! wrote.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{database::open_current, outcome::CommandFailure};
use crate::{
    app::{
        Desk,
        audit::{
            audit_export_file::export_audit,
            seal_audit::seal_all,
            verify_audit::{LogVerdict, verify_audit},
            verify_export,
        },
    },
    config::Settings,
    domain::{audit_seal::ChainHead, clock::Clock},
    web::shared::format::plural,
};

/// The audit log
#[derive(Debug, clap::Subcommand)]
pub enum Audit {
    Export(Export),
    Verify(Verify),
}

/// Writes a merchant's audit log, or the installation's own, as JSON Lines, oldest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  rewarddesk audit export --merchant acme-uk > acme-uk.jsonl")]
pub struct Export {
    /// The merchant's slug; without it, the installation's own log
    #[arg(long, value_name = "SLUG")]
    merchant: Option<String>,
}

/// Verifies that no record of the audit log was changed, removed, inserted or moved since it was
/// sealed
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Prints one line per log, with its head. If a log was tampered with, it names the \
                  first bad record and the exit status is 1. It changes nothing, and the server \
                  can keep running. Keep the heads outside this machine (they're in the server's \
                  log, too): somebody who can write to the database can cut off the end of a log, \
                  or forge one and reseal it. Only a saved head shows that.\n\n\
                  Examples:\n  rewarddesk audit verify\n  rewarddesk audit verify --merchant \
                  acme-uk --head 1234:9f86d081…\n  rewarddesk audit verify --file acme-uk.jsonl"
)]
pub struct Verify {
    /// The merchant's slug; without it, all logs
    #[arg(long, value_name = "SLUG")]
    merchant: Option<String>,
    /// Verify this file from `audit export` instead, without a database; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "merchant")]
    file: Option<PathBuf>,
    /// A saved head that must be in the log; can be given several times
    #[arg(long, value_name = "NO:DIGEST")]
    head: Vec<ChainHead>,
}

impl Audit {
    pub fn run(self, settings: &Settings, out: &mut dyn Write) -> Result<(), CommandFailure> {
        match self {
            Self::Export(export) => {
                let desk = Desk::for_operator(open_current(settings)?);
                // Without the key the export says "(encrypted)" where it would say what was typed
                // about customers.
                let desk = if settings.has_secret() {
                    desk.with_secret(settings.secret()?.expose())
                } else {
                    desk
                };
                let mut out = io::BufWriter::new(out);
                export_audit(&desk, export.merchant.as_deref(), |line| {
                    writeln!(out, "{line}").map_err(CommandFailure::from)
                })?;
                Ok(out.flush()?)
            }
            Self::Verify(Verify { file: Some(file), head, .. }) => {
                tell(&[verify_file(&file, &head)?], out)
            }
            Self::Verify(Verify { merchant, head, .. }) => {
                let db = open_current(settings)?;
                tell(&db.snapshot(|conn| verify_audit(conn, merchant.as_deref(), &head))?, out)
            }
        }
    }
}

fn verify_file(path: &Path, remembered: &[ChainHead]) -> Result<LogVerdict, CommandFailure> {
    let source: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let opened = File::open(path)
            .map_err(|e| CommandFailure::because(format!("can't read {}: {e}", path.display())))?;
        Box::new(BufReader::new(opened))
    };
    let mut export = verify_export::ExportedLog::new(remembered);
    for line in source.lines() {
        let line = line
            .map_err(|e| CommandFailure::because(format!("can't read {}: {e}", path.display())))?;
        if let Some(flaw) = export.line(&line)? {
            return Ok(export.verdict(Some(flaw)));
        }
    }
    Ok(export.end())
}

/// A line for each log that is as it was; the first that is not is the refusal.
fn tell(verdicts: &[LogVerdict], out: &mut dyn Write) -> Result<(), CommandFailure> {
    for verdict in verdicts.iter().filter(|verdict| verdict.flaw.is_none()) {
        // A reader that stops early still gets the exit status.
        if writeln!(out, "{}", sentence(verdict)).is_err() {
            break;
        }
    }
    let _ = out.flush();
    let mut broken =
        verdicts.iter().filter_map(|verdict| Some((&verdict.log, verdict.flaw.as_ref()?)));
    let Some((log, flaw)) = broken.next() else { return Ok(()) };
    let more = match broken.count() {
        0 => String::new(),
        more => {
            format!("; {more} more logs were tampered with; check each one with --merchant")
        }
    };
    Err(CommandFailure::because(format!("{log}: {flaw}{more}")))
}

/// "acme-uk: 1,234 records sealed, head 1234:9f86…; 3 not sealed yet".
fn sentence(LogVerdict { log, head, unsealed, .. }: &LogVerdict) -> String {
    let sealed = match head.no {
        0 => "nothing sealed".to_owned(),
        no => format!("{} sealed, head {head}", plural(no, "record")),
    };
    let more = if *unsealed == 0 {
        String::new()
    } else {
        format!("; the newest {} not sealed yet", plural(*unsealed, "record"))
    };
    format!("{log}: {sealed}{more}")
}

/// How long a command goes on after its work for the log's sake; who seals next does the rest.
const SEALING_TIMEOUT: Duration = Duration::from_secs(5);

/// Seals what a command wrote, and whatever else is there. What became of the command does not
/// depend on it.
pub(super) fn seal(settings: &Settings) {
    let Ok(db) = open_current(settings) else { return };
    if let Err(error) = seal_all(&db, &Clock::System, SEALING_TIMEOUT) {
        tracing::warn!(%error, "the newest audit records are not sealed yet; the server or the \
                                next command will seal them");
    }
}
