//! `rewarddesk audit export`.

use std::io::Write;

use super::{Refused, open_current};
use crate::{
    app::{Desk, export_audit::export_audit},
    config::Settings,
};

/// The audit log
#[derive(Debug, clap::Subcommand)]
pub enum Audit {
    Export(Export),
}

/// Writes a merchant's audit log, or the installation's own, as JSON Lines, oldest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  rewarddesk audit export --merchant acme-uk > acme-uk.jsonl")]
pub struct Export {
    /// The merchant's slug; without it the installation's own log
    #[arg(long, value_name = "SLUG")]
    merchant: Option<String>,
}

impl Audit {
    pub fn run(self, settings: &Settings, out: &mut dyn Write) -> Result<(), Refused> {
        let Self::Export(export) = self;
        let desk = Desk::for_operator(open_current(settings)?);
        // Without the key the export says "(encrypted)" where it would say what was typed about customers.
        let desk = if settings.has_secret() { desk.with_secret(settings.secret()?.expose()) } else { desk };
        let mut out = std::io::BufWriter::new(out);
        export_audit(&desk, export.merchant.as_deref(), |line| writeln!(out, "{line}").map_err(Refused::from))?;
        out.flush()?;
        Ok(())
    }
}
