//! `rewarddesk import`: its options; the work is the import use case's.

use std::{io::Write, path::PathBuf};

mod run;
mod stop;

use super::{Refused, open_current, wrong_usage};
use crate::{
    app::{Desk, import_file},
    config::Settings,
};

/// Imports customers, vouchers, rewards or redemptions from a CSV file, or purges the customers
/// that one names
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Rows that cannot be taken go to FILE.rejects.csv with their line and reason; \
        the same file can be imported again.\n\n\
    Examples:\n  rewarddesk import customers customers.csv --merchant acme-uk\n  \
    rewarddesk import vouchers codes.csv --merchant acme-uk --batch \"Spring 2027\" --dry-run\n  \
    rewarddesk import purges forget.csv --merchant acme-uk --dry-run"
)]
pub struct Import {
    /// What the rows are
    #[arg(value_enum)]
    pub kind: Kind,
    /// The file, or - for standard input
    pub file: PathBuf,
    /// The merchant's slug
    #[arg(long, value_name = "SLUG")]
    pub merchant: String,
    /// The voucher batch that the codes go to; for vouchers only
    #[arg(long, value_name = "NAME", required_if_eq("kind", "vouchers"))]
    pub batch: Option<String>,
    /// Report what would happen; change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// What a file's rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    Customers,
    Vouchers,
    Rewards,
    Redemptions,
    /// People to purge, by email or customer_id; it can't be undone
    Purges,
}

impl From<Kind> for import_file::Kind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Customers => Self::Customers,
            Kind::Vouchers => Self::Vouchers,
            Kind::Rewards => Self::Rewards,
            Kind::Redemptions => Self::Redemptions,
            Kind::Purges => Self::Purges,
        }
    }
}

impl Import {
    pub fn run(self, settings: &Settings, out: &mut dyn Write) -> Result<(), Refused> {
        if self.batch.is_some() && self.kind != Kind::Vouchers {
            wrong_usage("import", "--batch goes with vouchers only");
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
