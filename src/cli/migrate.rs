//! `rewarddesk migrate`.

use std::io::Write;

use super::{Refused, database::refuse_unsaid_pooler};
use crate::{config::Settings, db};

/// Makes the database, or brings its schema up to date
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  DATABASE_URL=sqlite:rewarddesk.db rewarddesk migrate")]
pub struct Migrate {}

/// Runs it.
pub fn run(settings: &Settings, out: &mut dyn Write) -> Result<(), Refused> {
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
    Ok(())
}
