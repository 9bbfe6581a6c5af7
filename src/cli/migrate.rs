//! `rewarddesk migrate`.

use std::io::Write;

use super::{database::refuse_unsaid_pooler, outcome::CommandFailure};
use crate::{app::customers::keep_search, config::Settings, db};

/// Customers between two lines of progress.
const PROGRESS_EVERY: u64 = 50_000;

/// Creates the database, or brings its schema up to date
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  DATABASE_URL=sqlite:rewarddesk.db rewarddesk migrate")]
pub struct Migrate {}

/// Runs it.
pub fn run(settings: &Settings, out: &mut dyn Write) -> Result<(), CommandFailure> {
    let url = settings.database()?;
    let db = db::Database::open(&url)?;
    refuse_unsaid_pooler(&url)?;
    let done = db::migrate::migrate(&db)?;
    for name in &done {
        writeln!(out, "applied {name}")?;
    }
    if done.is_empty() {
        writeln!(out, "the schema is up to date")?;
    }
    let old = db.read(db::search_keys::count_old)?;
    if old > 0 {
        writeln!(
            out,
            "rebuilding the search keys of {old} customers; you can stop this, and the server will \
             continue it"
        )?;
        let mut next = PROGRESS_EVERY;
        keep_search::renew_keys(&db, |done| {
            if done >= next {
                // A caller that stops reading early still gets the keys.
                let _ = writeln!(out, "{done} of {old} done");
                next = done + PROGRESS_EVERY;
            }
            true
        })?;
        let left = db.read(db::search_keys::count_old)?;
        match left {
            0 => writeln!(out, "all search keys are up to date")?,
            left => writeln!(
                out,
                "{left} customers are locked by others; the server will rebuild their search keys"
            )?,
        }
    }
    keep_search::renew_users(&db)?;
    Ok(())
}
