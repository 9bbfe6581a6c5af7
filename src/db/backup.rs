//! A consistent copy of a live SQLite file.

use std::{fs::File, io, path::Path};

use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection, sql_types::Text};

use super::{Database, DbConn, Error};

/// How a copy went.
#[derive(Debug)]
pub enum Copied {
    /// It is there, of so many bytes, and SQLite finds it sound.
    Whole { bytes: u64 },
    /// There is a file already; it was not touched.
    Taken,
    /// PostgreSQL brings tools of its own.
    NotSqlite,
}

#[derive(QueryableByName)]
struct CheckRow {
    #[diesel(sql_type = Text)]
    quick_check: String,
}

/// Copies the database as it is at this moment to `target`, while others read and write. The file
/// appears under its name when it is whole, checked and on disk; it is readable by its owner only.
///
/// Errors: [`Error::Unavailable`] with what the disk or the engine says; nothing is left then.
pub fn copy(db: &Database, target: &Path) -> Result<Copied, Error> {
    if !db.is_sqlite() {
        return Ok(Copied::NotSqlite);
    }
    if target.exists() {
        return Ok(Copied::Taken);
    }
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let disk = |error: io::Error| Error::Unavailable(format!("the copy can't be written: {error}"));
    // Absolute: SQLite would read "file:…" as an address.
    let folder = folder.canonicalize().map_err(disk)?;
    let temporary = tempfile::Builder::new()
        .prefix(".rewarddesk-backup-")
        .tempfile_in(&folder)
        .map_err(disk)?;
    let path = temporary
        .path()
        .to_str()
        .ok_or_else(|| Error::Unavailable("the folder's name is not UTF-8".into()))?
        .to_owned();
    db.lend(|conn| match conn {
        // Takes no lock that a writer waits for. It overwrites nothing that is not empty.
        DbConn::Sqlite(c) => diesel::sql_query("VACUUM INTO ?")
            .bind::<Text, _>(&path)
            .execute(c)
            .map(drop)
            .map_err(Error::from),
        DbConn::Postgres(_) => Ok(()),
    })?;
    check(&path)?;
    // SQLite does not sync such a copy.
    temporary.as_file().sync_all().map_err(disk)?;
    let bytes = temporary.as_file().metadata().map_err(disk)?.len();
    match temporary.persist_noclobber(target) {
        Ok(file) => drop(file),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            return Ok(Copied::Taken);
        }
        Err(error) => return Err(disk(error.error)),
    }
    File::open(&folder).and_then(|folder| folder.sync_all()).map_err(disk)?;
    Ok(Copied::Whole { bytes })
}

/// Reads the whole copy once. Errors: [`Error::Corrupt`] with what SQLite finds first.
fn check(path: &str) -> Result<(), Error> {
    let mut copy =
        SqliteConnection::establish(path).map_err(|e| Error::Unavailable(e.to_string()))?;
    let said: CheckRow = diesel::sql_query("PRAGMA quick_check(1)").get_result(&mut copy)?;
    if said.quick_check == "ok" {
        Ok(())
    } else {
        Err(Error::Corrupt(format!("the copy is damaged: {}", said.quick_check)))
    }
}
