//! A folder that keeps each mail as an .eml file, for the demo and for who has no relay yet.
//! A file is there whole or not at all, readable by its owner only: it holds a code.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{SendError, message::Message};
use crate::domain::Invalid;

/// The folder. It is made when the first mail is written.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at `dir`, or at `//dir` as URLs write it.
    pub fn at(dir: &str) -> Result<Self, Invalid> {
        let dir = dir.strip_prefix("//").unwrap_or(dir);
        if dir.is_empty() || dir.contains('\0') {
            return Err(Invalid::because(
                "file: must be followed by a folder's path, such as file:mails",
            ));
        }
        Ok(Self(PathBuf::from(dir)))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes the mail under its message id: a mail that is sent twice is one file.
    pub(super) async fn write(&self, message: &Message, message_id: &str) -> Result<(), SendError> {
        let (dir, name, bytes) = (self.0.clone(), file_name(message_id), message.bytes.clone());
        off_thread(move || {
            make(&dir)?;
            let draft = dir.join(format!(".{name}.tmp"));
            write_private(&draft, &bytes)?;
            fs::rename(&draft, dir.join(&name))?;
            // The name is on disk only when the folder is.
            File::open(&dir)?.sync_all()
        })
        .await
    }

    pub(super) async fn probe(&self) -> Result<(), SendError> {
        let dir = self.0.clone();
        off_thread(move || {
            make(&dir)?;
            let draft = dir.join(".probe.tmp");
            write_private(&draft, b"")?;
            fs::remove_file(draft)
        })
        .await
    }
}

async fn off_thread(
    work: impl FnOnce() -> io::Result<()> + Send + 'static,
) -> Result<(), SendError> {
    let failed =
        |why: String| SendError::Temporary(format!("the mail folder can't be written: {why}"));
    match tokio::task::spawn_blocking(work).await {
        // The kind, not the text: a path may stand in it.
        Ok(outcome) => outcome.map_err(|error| failed(error.kind().to_string())),
        Err(_) => Err(failed("the write was broken off".into())),
    }
}

fn make(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The message id as a file's name that stays inside the folder.
fn file_name(message_id: &str) -> String {
    let plain: String =
        message_id
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@') {
                    c
                } else {
                    '_'
                }
            })
            .take(200)
            .collect();
    format!("{}.eml", plain.trim_start_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_cannot_leave_the_folder() {
        assert_eq!(file_name("mail-1@desk.example"), "mail-1@desk.example.eml");
        assert_eq!(file_name("../../etc/passwd"), "_.._etc_passwd.eml");
        assert_eq!(file_name("a\0b\nc"), "a_b_c.eml");
    }
}
