//! `rewarddesk backup`.

use std::{io::Write, path::PathBuf, time::Instant};

use super::{Refused, open_current};
use crate::{
    app::{Desk, back_up::back_up},
    config::Settings,
    db::backup::Copied,
};

/// Copies a live SQLite database to a file, consistent and checked
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The server may run meanwhile, and waits for nothing. The file holds everything, \
        codes and people included: keep it as safe \
    as the database. After a restore, start with `rewarddesk serve --hold-mail`. PostgreSQL: use \
    pg_dump.\n\n\
    Example:\n  rewarddesk backup /var/backups/rewarddesk-2027-01-31.db"
)]
pub struct Backup {
    /// The file to make; one that is there already is not touched
    file: PathBuf,
}

impl Backup {
    pub fn run(self, settings: &Settings, out: &mut dyn Write) -> Result<(), Refused> {
        let desk = Desk::for_operator(open_current(settings)?);
        let (file, from) = (self.file.display(), Instant::now());
        match back_up(&desk, &self.file)? {
            Copied::Whole { bytes } => {
                let seconds = from.elapsed().as_secs_f64();
                writeln!(
                    out,
                    "copied the database to {file}: {:.1} MB in {seconds:.1} s, checked",
                    megabytes(bytes)
                )?;
                Ok(())
            }
            Copied::Taken => Err(Refused::because(format!(
                "there is a file {file} already, and it was not touched: name another one"
            ))),
            Copied::NotSqlite => Err(Refused::because(
                "this database is PostgreSQL, which has its own tools: pg_dump --format=custom \
                 --file=FILE, and pg_restore to restore",
            )),
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "for reading; a byte more or less does not matter")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1_000_000.0
}
