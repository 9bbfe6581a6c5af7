//! `rewarddesk backup`.

use std::{io::Write, path::PathBuf, time::Instant};

use super::{database::open_current, outcome::CommandFailure};
use crate::{
    app::{Desk, operation::back_up::back_up},
    config::Settings,
    db::backup::Copied,
};

/// Copies a live SQLite database to a file, consistent and checked
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The server can keep running and isn't held up. The file contains everything, \
                  including codes and people's data: keep it as safe as the database. After a \
                  restore, start with `rewarddesk serve --hold-mail`. For PostgreSQL, use \
                  pg_dump.\n\n\
                  Example:\n  rewarddesk backup /var/backups/rewarddesk-2027-01-31.db"
)]
pub struct Backup {
    /// The file to create; an existing file is not overwritten
    file: PathBuf,
}

impl Backup {
    pub fn run(self, settings: &Settings, out: &mut dyn Write) -> Result<(), CommandFailure> {
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
            Copied::Taken => Err(CommandFailure::because(format!(
                "the file {file} already exists and was not changed; choose another name"
            ))),
            Copied::NotSqlite => Err(CommandFailure::because(
                "this database is PostgreSQL; use its own tools instead: pg_dump --format=custom \
                 --file=FILE, and pg_restore to restore",
            )),
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "for reading; a byte more or less does not matter")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1_000_000.0
}
