//! A form with settings, pasted lines and a file: the file is kept piece by piece as it arrives,
//! all of it bounded.

use std::future::{Ready, ready};

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::{FromRequest, HttpRequest, dev::Payload, error::PayloadError};
use futures_util::StreamExt;

use crate::{
    app::{
        self, Desk, Member,
        imports::{
            pieces::PIECE,
            receive_import::{Piece, abandon_import, keep_piece, open_import},
        },
    },
    domain::{
        Invalid,
        ids::{BatchId, ImportId},
        import::ImportKind,
    },
    web::shared::errors::Error,
};

/// The largest file taken here; larger ones go through the command line.
pub const FILE_LIMIT: usize = 512 * 1024 * 1024;
/// The longest text taken here: it is kept in memory, and in the page when something is wrong with
/// it.
pub const TEXT_LIMIT: usize = 256 * 1024;
/// The limit for all other fields together, the same as in the desk's other forms.
const FIELDS_LIMIT: usize = 16 * 1024;
/// What is read to its end although it is too large: a browser that is cut off shows its own error,
/// not ours.
const MAX_DRAINED_BYTES: usize = 64 * 1024 * 1024;
/// Our forms have a dozen fields at most.
const MAX_PARTS: usize = 32;

fn file_limit() -> usize {
    fail::fail_point!("upload::limit", |bytes| bytes
        .and_then(|bytes| bytes.parse().ok())
        .unwrap_or(FILE_LIMIT));
    FILE_LIMIT
}

/// What the form held.
#[derive(Debug, Default)]
pub struct Upload {
    pub text: String,
    /// As the browser calls the file; empty where there is none.
    pub file_name: String,
    fields: Vec<(String, String)>,
    file: Option<StoredUpload>,
    pub wrong: Option<UploadRefusal>,
}

/// Why nothing of the form can be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadRefusal {
    TextTooLarge,
    FileTooLarge,
    /// It has lines and a file, or neither.
    Both,
    Nothing,
    /// The file has no bytes.
    EmptyFile,
    Refused(Invalid),
}

/// A file on its way into its import.
#[derive(Debug, Default)]
struct StoredUpload {
    import: Option<ImportId>,
    waiting: Vec<u8>,
    next: i64,
    bytes: usize,
}

/// Where the file goes.
pub struct Receiver<'r> {
    pub desk: &'r Desk,
    pub member: &'r Member,
    pub kind: ImportKind,
    pub batch: Option<BatchId>,
}

/// A form on its way. It ends where more of it comes than there is room for, fields or not. How
/// long it may take, its connection knows.
pub struct UploadForm(Multipart);

impl FromRequest for UploadForm {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let mut room = file_limit() + MAX_DRAINED_BYTES;
        let metered = payload.take().map(move |piece| {
            let piece = piece?;
            room = room.checked_sub(piece.len()).ok_or(PayloadError::Overflow)?;
            Ok(piece)
        });
        ready(Ok(Self(Multipart::new(request.headers(), metered))))
    }
}

/// Why a form can't be read.
#[allow(clippy::needless_pass_by_value, reason = "it is handed on by map_err")]
fn unreadable(error: MultipartError) -> Error {
    if matches!(error, MultipartError::Payload(PayloadError::Overflow)) {
        Error::TooLarge
    } else {
        Error::Malformed
    }
}

impl Receiver<'_> {
    /// Reads the form's `codes` and `file`, and what else there is. What was kept of a form that
    /// breaks off is given up.
    pub async fn read(&self, form: UploadForm) -> Result<Upload, Error> {
        let mut upload = Upload::default();
        let read = self.read_all(form, &mut upload).await;
        let outcome = read.map(|()| upload.judge());
        if outcome.is_err() || upload.wrong.is_some() {
            self.give_up(&mut upload).await;
        }
        outcome.map(|()| upload)
    }

    async fn read_all(
        &self,
        UploadForm(mut form): UploadForm,
        upload: &mut Upload,
    ) -> Result<(), Error> {
        let (mut parts, mut text) = (0, 0);
        while let Some(field) = form.next().await {
            let mut field = field.map_err(unreadable)?;
            parts += 1;
            if parts > MAX_PARTS {
                return Err(Error::TooLarge);
            }
            match field.name().unwrap_or_default().to_owned().as_str() {
                "codes" => upload.text = upload.take_text(&mut field, TEXT_LIMIT).await?,
                "file" => self.take_file(&mut field, upload).await?,
                name => {
                    let value = upload.take_text(&mut field, FIELDS_LIMIT).await?;
                    text += name.len() + value.len();
                    upload.fields.push((name.to_owned(), value));
                }
            }
            if text > FIELDS_LIMIT {
                return Err(Error::TooLarge);
            }
        }
        Ok(())
    }

    async fn take_file(&self, field: &mut Field, upload: &mut Upload) -> Result<(), Error> {
        // A browser sends an empty part where no file was chosen; an empty file with a name is a
        // choice.
        let name = field
            .content_disposition()
            .and_then(|about| about.get_filename())
            .unwrap_or_default()
            .to_owned();
        if upload.file.is_some() {
            return Err(Error::Malformed);
        }
        upload.file = Some(StoredUpload::default());
        while let Some(piece) = field.next().await.transpose().map_err(unreadable)? {
            let Some(kept) = upload.file.as_mut().filter(|_| upload.wrong.is_none()) else {
                continue;
            };
            kept.bytes += piece.len();
            kept.waiting.extend_from_slice(&piece);
            let is_full = kept.waiting.len() >= PIECE;
            if kept.bytes > file_limit() {
                upload.wrong = Some(UploadRefusal::FileTooLarge);
            } else if is_full {
                self.keep(upload).await?;
            }
        }
        if name.is_empty() && upload.file.as_ref().is_some_and(|kept| kept.bytes == 0) {
            upload.file = None;
        }
        upload.file_name = name;
        Ok(())
    }

    /// Puts what waits into the import, which is opened by the first piece.
    async fn keep(&self, upload: &mut Upload) -> Result<(), Error> {
        let Some(kept) = upload.file.as_mut() else { return Ok(()) };
        let (member, kind, batch) = (self.member.clone(), self.kind, self.batch);
        let import = match kept.import {
            Some(import) => import,
            None => {
                match self.desk.writing(move |desk| open_import(desk, &member, kind, batch)).await {
                    Ok(import) => *kept.import.insert(import),
                    Err(app::Error::Invalid(why)) => {
                        upload.wrong =
                            Some(UploadRefusal::Refused(Invalid::because(why.to_string())));
                        return Ok(());
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        };
        let so_far = i64::try_from(kept.bytes).unwrap_or(i64::MAX);
        let piece = Piece { seq: kept.next, bytes: std::mem::take(&mut kept.waiting), so_far };
        kept.next += 1;
        let member = self.member.clone();
        Ok(self.desk.writing(move |desk| keep_piece(desk, &member, import, &piece)).await?)
    }

    /// What there is to check, in an import of its own.
    pub async fn import(&self, upload: &mut Upload) -> Result<Option<ImportId>, Error> {
        if upload.file.is_none() {
            let waiting = upload.text.clone().into_bytes();
            upload.file =
                Some(StoredUpload { bytes: waiting.len(), waiting, ..StoredUpload::default() });
        }
        if upload.file.as_ref().is_some_and(|kept| !kept.waiting.is_empty()) {
            self.keep(upload).await?;
        }
        Ok(upload.file.as_ref().and_then(|kept| kept.import).filter(|_| upload.wrong.is_none()))
    }

    /// Gives up what was kept; what cannot be given up now is found by the import worker later.
    pub async fn give_up(&self, upload: &mut Upload) {
        let Some(import) = upload.file.take().and_then(|kept| kept.import) else { return };
        let member = self.member.clone();
        let _ = self.desk.writing(move |desk| abandon_import(desk, &member, import)).await;
    }
}

impl Upload {
    async fn take_text(&mut self, field: &mut Field, limit: usize) -> Result<String, Error> {
        let mut bytes = Vec::new();
        while let Some(piece) = field.next().await.transpose().map_err(unreadable)? {
            if bytes.len() + piece.len() > limit {
                self.wrong = Some(UploadRefusal::TextTooLarge);
            } else if self.wrong.is_none() {
                bytes.extend_from_slice(&piece);
            }
        }
        String::from_utf8(bytes).map_err(|_| Error::Malformed)
    }

    fn judge(&mut self) {
        let wrong = match (&self.file, self.text.trim().is_empty()) {
            (Some(_), false) => Some(UploadRefusal::Both),
            (None, true) => Some(UploadRefusal::Nothing),
            (Some(kept), true) if kept.bytes == 0 => Some(UploadRefusal::EmptyFile),
            _ => None,
        };
        self.wrong = self.wrong.take().or(wrong);
    }

    /// The value of another field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}
