//! `rewarddesk import`: its options; the work is the import use case's.

use std::{io::Write, path::PathBuf};

use super::{database::open_current, outcome::CommandFailure, wrong_usage};
use crate::{
    app::{Desk, imports::file},
    config::Settings,
};

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
    #[arg(value_enum)]
    pub kind: ImportKindArg,
    /// The file, or - for standard input
    pub file: PathBuf,
    /// The merchant's slug
    #[arg(long, value_name = "SLUG")]
    pub merchant: String,
    /// The voucher batch to add the codes to; for vouchers only
    #[arg(long, value_name = "NAME", required_if_eq("kind", "vouchers"))]
    pub batch: Option<String>,
    /// Report what would happen without changing anything
    #[arg(long)]
    pub dry_run: bool,
}

/// What a file's rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ImportKindArg {
    Customers,
    Vouchers,
    Rewards,
    Redemptions,
    /// People to purge, by email or customer_id; it can't be undone
    Purges,
}

impl From<ImportKindArg> for file::FileKind {
    fn from(kind: ImportKindArg) -> Self {
        match kind {
            ImportKindArg::Customers => Self::Customers,
            ImportKindArg::Vouchers => Self::Vouchers,
            ImportKindArg::Rewards => Self::Rewards,
            ImportKindArg::Redemptions => Self::Redemptions,
            ImportKindArg::Purges => Self::Purges,
        }
    }
}

impl ImportArgs {
    pub fn run(self, settings: &Settings, out: &mut dyn Write) -> Result<(), CommandFailure> {
        if self.batch.is_some() && self.kind != ImportKindArg::Vouchers {
            wrong_usage("import", "--batch is for vouchers only");
        }
        let desk = Desk::for_operator(open_current(settings)?);
        let arguments = run::Arguments {
            kind: self.kind.into(),
            file: self.file.into_os_string(),
            merchant: self.merchant,
            batch: self.batch,
            dry_run: self.dry_run,
        };
        run::run(&desk, &arguments, out)
    }
}
