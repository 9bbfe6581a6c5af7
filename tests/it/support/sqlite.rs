//! SQLite for tests: one migrated file a run, copied for each test.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use rewarddesk::db::{Database, DatabaseUrl, migrate};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// A folder that goes away with the test.
pub fn directory() -> TempDir {
    tempfile::Builder::new().prefix("rewarddesk-test-").tempdir().expect("a temporary folder")
}

pub fn url_in(dir: &TempDir) -> String {
    format!("sqlite:{}", dir.path().join("desk.db").display())
}

/// A copy of the migrated file.
pub fn migrated() -> (String, TempDir) {
    let dir = directory();
    fs::copy(template(), dir.path().join("desk.db")).expect("the template can be copied");
    (url_in(&dir), dir)
}

pub fn open(path: &Path) -> SqliteConnection {
    SqliteConnection::establish(&path.to_string_lossy()).expect("the test's file opens")
}

/// The migrated file that copies are made of. Named by what the migrations are, so that processes
/// can share it: nextest runs each test in a process of its own.
fn template() -> &'static Path {
    static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let done = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("template-{}.db", fingerprint("sqlite")));
        if !done.exists() {
            let dir = directory();
            let url = url_in(&dir);
            let db = Database::open(&DatabaseUrl::parse(&url).expect("our own address"))
                .expect("a new file opens");
            migrate::migrate(&db).expect("the migrations run");
            drop(db);
            let file = dir.path().join("desk.db");
            open(&file)
                .batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")
                .expect("the file alone holds everything");
            // Appears whole or not at all, whoever else is making it.
            let copy = done.with_extension(format!("{}.part", std::process::id()));
            fs::create_dir_all(env!("CARGO_TARGET_TMPDIR"))
                .expect("the target folder can be written");
            fs::copy(&file, &copy).expect("the template can be kept");
            fs::rename(&copy, &done).expect("the template can be kept");
        }
        done
    })
}

/// Changes whenever a migration of that engine changes.
pub fn fingerprint(engine: &str) -> String {
    let mut files: Vec<PathBuf> = vec![];
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the migrations can be read") {
            let path = entry.expect("the migrations can be read").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        hash.update(file.to_string_lossy().as_bytes());
        hash.update(fs::read(&file).expect("the migrations can be read"));
    }
    hex(&hash.finalize()[..6])
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
