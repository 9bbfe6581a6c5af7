//! `rewarddesk import`: its options; the work is the import use case's.

use std::{io::Write, path::PathBuf};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::{database::open_current, outcome::CommandFailure, wrong_usage};
use crate::{app::Desk, config::Settings, domain::import::ImportKind};

mod run;
mod stop;

/// Imports customers, vouchers, rewards or redemptions from a CSV file, or purges the customers
/// listed in one
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Rejected rows go to FILE.rejects.csv with their line number and the reason. You \
                  can import the same file again.\n\n\
                  Examples:\n  rewarddesk import customers customers.csv --merchant acme-uk\n  \
                  rewarddesk import vouchers codes.csv --merchant acme-uk --batch \"Spring 2027\" \
                  --dry-run\n  rewarddesk import purges forget.csv --merchant acme-uk --dry-run"
)]
pub struct ImportArgs {
    /// What the rows contain
    #[arg(value_parser = kinds())]
    pub kind: ImportKind,
    /// The file, or - for standard input
    pub file: PathBuf,
    /// The merchant's slug
    #[arg(long, value_name = "SLUG")]
    pub merchant: String,
    /// The voucher batch to add the codes to; for vouchers only
    #[arg(long, value_name = "NAME", required_if_eq_any(with_batch()))]
    pub batch: Option<String>,
    /// Report what would happen without changing anything
    #[arg(long)]
    pub dry_run: bool,
}

/// The names of the kinds that the command takes.
fn kinds() -> impl TypedValueParser<Value = ImportKind> {
    let rules = ImportKind::ALL.into_iter().map(ImportKind::rules);
    let names = rules.filter(|rules| rules.origin.is_command()).map(|rules| {
        let name = PossibleValue::new(rules.name);
        match rules.help {
            Some(help) => name.help(help),
            None => name,
        }
    });
    PossibleValuesParser::new(names).try_map(|name| name.parse::<ImportKind>())
}

/// The kinds for which a batch must be named.
fn with_batch() -> impl Iterator<Item = (&'static str, &'static str)> {
    let rules = ImportKind::ALL.into_iter().map(ImportKind::rules);
    rules.filter(|rules| rules.needs_batch).map(|rules| ("kind", rules.name))
}

impl ImportArgs {
    pub fn run(self, settings: &Settings, out: &mut dyn Write) -> Result<(), CommandFailure> {
        if self.batch.is_some() && !self.kind.rules().needs_batch {
            wrong_usage("import", "--batch is for vouchers only");
        }
        let desk = Desk::for_operator(open_current(settings)?);
        let arguments = run::Arguments {
            kind: self.kind,
            file: self.file.into_os_string(),
            merchant: self.merchant,
            batch: self.batch,
            dry_run: self.dry_run,
        };
        run::run(&desk, &arguments, out)
    }
}
