//! `rewarddesk batch add`.

use std::io::Write;

use super::{database::open_current, outcome::CommandFailure};
use crate::{
    app::batches::add_batch::{AddBatch, add_batch},
    config::Settings,
    domain::clock::Clock,
};

/// Voucher batches: uploaded stocks of codes
#[derive(Debug, clap::Subcommand)]
pub enum BatchCommand {
    Add(BatchAddArgs),
}

/// Adds an empty voucher batch; use `import vouchers` to add codes
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Dates are YYYY-MM-DD in the merchant's time zone (the last day is included) or \
                  times with an offset.\n\n\
                  Example:\n  rewarddesk batch add \"Spring 2027\" --merchant acme-uk --valid-from \
                  2027-03-01 --valid-until 2027-05-31"
)]
pub struct BatchAddArgs {
    /// The batch's name, unique for the merchant
    name: String,
    /// The merchant's slug
    #[arg(long, value_name = "SLUG")]
    merchant: String,
    /// First day or time that its codes can be used [default: no start]
    #[arg(long, value_name = "DATE")]
    valid_from: Option<String>,
    /// Last day or time that its codes can be used [default: no end]
    #[arg(long, value_name = "DATE")]
    valid_until: Option<String>,
    /// How many times each code can be redeemed
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..=1_000_000_000))]
    uses: i64,
    /// Treat codes that differ only in case as different codes
    #[arg(long)]
    case_sensitive: bool,
}

impl BatchCommand {
    pub fn run(self, settings: &Settings, out: &mut dyn Write) -> Result<(), CommandFailure> {
        let Self::Add(add) = self;
        let new = AddBatch {
            name: add.name,
            merchant: add.merchant,
            valid_from: add.valid_from,
            valid_until: add.valid_until,
            uses_per_code: add.uses,
            case_sensitive: add.case_sensitive,
        };
        let db = open_current(settings)?;
        add_batch(&db, Clock::System.now(), &new)?;
        writeln!(
            out,
            "added the batch {:?} to {}; add codes with `rewarddesk import vouchers`",
            new.name.trim(),
            new.merchant
        )?;
        Ok(())
    }
}
