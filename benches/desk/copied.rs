//! A copy of a world, for what changes it; thrown away afterwards.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    desk::Desk,
    rows::{execute, numbers},
};

/// A database that lives as long as this.
pub struct Copied {
    pub desk: Desk,
    /// For files beside it.
    pub folder: PathBuf,
    server: Option<String>,
}

/// The copy's name on PostgreSQL.
const NAME: &str = "bench_copy";

impl Copied {
    /// The same database once more. Nobody may be at it meanwhile.
    pub fn of(desk: &Desk, postgres: &str, folder: &Path) -> Self {
        let copy = Self::folder(desk.is_sqlite(), postgres, folder);
        if let Some(path) = desk.url.strip_prefix("sqlite:") {
            // What a server that was killed has left beside the file.
            numbers(&desk.url, "SELECT count(*) AS a, 0 AS b FROM merchants");
            execute(&desk.url, "PRAGMA wal_checkpoint(TRUNCATE)");
            fs::copy(path, folder.join("desk.db")).expect("room for a copy");
        } else {
            let of = desk.url.rsplit('/').next().expect("a name");
            let server = format!("{postgres}/postgres");
            execute(&server, &format!("DROP DATABASE IF EXISTS {NAME} WITH (FORCE)"));
            // File by file: through the write-ahead log it would be written twice.
            execute(&server, &format!("CREATE DATABASE {NAME} TEMPLATE {of} STRATEGY FILE_COPY"));
        }
        copy
    }

    /// A desk with a merchant and nothing else.
    pub fn empty(postgres: &str, engine: &str, folder: &Path) -> Self {
        let copy = Self::folder(engine == "sqlite", postgres, folder);
        if !copy.desk.is_sqlite() {
            anew(postgres, NAME);
        }
        copy.desk.done(&["migrate"]);
        copy.desk.done(&["merchant", "add", "acme", "--name", "Acme Ltd"]);
        copy
    }

    fn folder(is_sqlite: bool, postgres: &str, folder: &Path) -> Self {
        let _ = fs::remove_dir_all(folder);
        let url = if is_sqlite {
            format!("sqlite:{}", folder.join("desk.db").display())
        } else {
            format!("{postgres}/{NAME}")
        };
        let server = (!is_sqlite).then(|| format!("{postgres}/postgres"));
        Self { desk: Desk::new(&url, folder), folder: folder.to_owned(), server }
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // The server stops soon, and the next run begins with throwing it away.
            return;
        }
        if let Some(server) = &self.server {
            execute(server, &format!("DROP DATABASE IF EXISTS {NAME} WITH (FORCE)"));
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// An empty database of that name.
pub fn anew(postgres: &str, database: &str) {
    let server = format!("{postgres}/postgres");
    execute(&server, &format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"));
    execute(&server, &format!("CREATE DATABASE {database}"));
}
