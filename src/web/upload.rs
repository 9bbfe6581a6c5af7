//! A form with a pasted text and a file: the file goes to a temporary one on disk piece by piece, all of it bounded.
//! Must not know what the text and the file hold.

use std::{
    fs::File,
    io::{Cursor, Read, Seek, Write},
    time::Duration,
};

use actix_multipart::{Field, Multipart};
use actix_web::web;
use futures_util::StreamExt;

use super::errors::Error;

/// The largest file taken here; larger ones go through the command line, which shows how far it is.
pub const FILE_LIMIT: usize = 8 * 1024 * 1024;
/// The longest text taken here: it is kept in memory, and in the page when something is wrong with it.
pub const TEXT_LIMIT: usize = 256 * 1024;
/// What is read to its end although it is too large: a browser that is cut off shows its own error, not ours.
const DRAINED: usize = 64 * 1024 * 1024;
/// Slower senders are cut off.
const PATIENCE: Duration = Duration::from_mins(2);

/// What the form held.
#[derive(Debug, Default)]
pub struct Upload {
    pub text: String,
    /// Has no name on disk, so that a kill leaves no codes behind.
    file: Option<File>,
    pub too_large: Option<TooLarge>,
}

/// Which part was too large; nothing of it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooLarge {
    Text,
    File,
}

impl Upload {
    /// Reads the form's fields of these names; others are left out.
    pub async fn read(form: Multipart, text: &str, file: &str) -> Result<Self, Error> {
        tokio::time::timeout(PATIENCE, Self::read_all(form, text, file)).await.map_err(|_| Error::Malformed)?
    }

    async fn read_all(mut form: Multipart, text: &str, file: &str) -> Result<Self, Error> {
        let mut upload = Self::default();
        let mut room = DRAINED;
        while let Some(field) = form.next().await {
            let mut field = field.map_err(|_| Error::Malformed)?;
            let name = field.name().unwrap_or_default().to_owned();
            if name == text {
                upload.take_text(&mut field, &mut room).await?;
            } else if name == file {
                upload.take_file(&mut field, &mut room).await?;
            } else {
                while next(&mut field, &mut room).await?.is_some() {}
            }
        }
        Ok(upload)
    }

    async fn take_text(&mut self, field: &mut Field, room: &mut usize) -> Result<(), Error> {
        let mut bytes = Vec::new();
        while let Some(piece) = next(field, room).await? {
            if bytes.len() + piece.len() > TEXT_LIMIT {
                self.too_large = Some(TooLarge::Text);
            } else if self.too_large.is_none() {
                bytes.extend_from_slice(&piece);
            }
        }
        if self.too_large.is_none() {
            self.text = String::from_utf8(bytes).map_err(|_| Error::Malformed)?;
        }
        Ok(())
    }

    async fn take_file(&mut self, field: &mut Field, room: &mut usize) -> Result<(), Error> {
        let (mut file, mut taken) = (None, 0);
        while let Some(piece) = next(field, room).await? {
            taken += piece.len();
            if taken > FILE_LIMIT {
                (self.too_large, file) = (Some(TooLarge::File), None);
                continue;
            }
            let open: Option<File> = file.take();
            let written = web::block(move || {
                let mut open = open.map_or_else(tempfile::tempfile, Ok)?;
                open.write_all(&piece).map(|()| open)
            });
            file = Some(written.await.map_err(|_| Error::Internal)?.map_err(|error| no_room(&error))?);
        }
        // A browser sends an empty part where no file was chosen; an empty file with a name is a choice.
        let chosen = field.content_disposition().and_then(|about| about.get_filename()).is_some_and(|name| !name.is_empty());
        if chosen && taken == 0 {
            file = Some(tempfile::tempfile().map_err(|error| no_room(&error))?);
        }
        self.file = file;
        Ok(())
    }

    pub fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// What was sent, for reading: the file, or else the text.
    pub fn into_source(self) -> std::io::Result<Box<dyn Read + Send>> {
        Ok(match self.file {
            Some(mut file) => {
                file.rewind()?;
                Box::new(file)
            }
            None => Box::new(Cursor::new(self.text)),
        })
    }
}

/// The next piece of a field, as long as there is room for it at all.
async fn next(field: &mut Field, room: &mut usize) -> Result<Option<web::Bytes>, Error> {
    let Some(piece) = field.next().await else { return Ok(None) };
    let piece = piece.map_err(|_| Error::Malformed)?;
    *room = room.checked_sub(piece.len()).ok_or(Error::TooLarge)?;
    Ok(Some(piece))
}

fn no_room(error: &std::io::Error) -> Error {
    tracing::error!(%error, "an upload cannot be kept; is there room in TMPDIR?");
    Error::Unavailable
}
