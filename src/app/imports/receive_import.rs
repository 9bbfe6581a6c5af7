//! Takes in the file of an import piece by piece, and hands it over to be checked.

use chrono::TimeDelta;

use crate::{
    app::{Desk, Error, Member},
    db::{
        batches,
        imports::{
            jobs::{self, OwnImport},
            pieces::{self, PieceKey},
        },
        memberships,
    },
    domain::{
        Invalid,
        batch::{PlannedBatch, Window},
        ids::{BatchId, ImportId},
        import::{self, ImportKind},
        zone::{self, Bound},
    },
};

/// How long the next piece of a file may take before the import counts as broken off.
const UPLOAD_TIMEOUT: TimeDelta = TimeDelta::minutes(10);
/// How many imports may wait in a merchant: each stores a file.
const MAX_WAITING_IMPORTS: i64 = 20;

pub use crate::db::imports::jobs::ReceivedFile;

/// Opens an import; vouchers without a batch go into one that is made later.
pub fn open_import(
    desk: &Desk,
    member: &Member,
    kind: ImportKind,
    batch: Option<BatchId>,
) -> Result<ImportId, Error> {
    let now = desk.clock.now();
    desk.db.write(|tx| {
        may(tx, member, kind)?;
        if let Some(batch) = batch {
            batches::find(tx, member.scope, batch)?.ok_or(Error::NotFound)?;
        }
        if jobs::count_unfinished(tx, member.scope)? >= MAX_WAITING_IMPORTS {
            return Err(Invalid::because(
                "20 imports of this merchant are already waiting; add or cancel one of them first",
            )
            .into());
        }
        let new = jobs::NewImport {
            kind,
            batch,
            user: member.user,
            request_id: &member.request_id,
            patience: now + UPLOAD_TIMEOUT,
        };
        Ok(jobs::add(tx, member.scope, new, now)?)
    })
}

fn may(tx: &mut crate::db::WriteTx<'_>, member: &Member, kind: ImportKind) -> Result<(), Error> {
    let role = memberships::lock_role(tx, member.scope, member.user)?;
    role.filter(|role| role.may(kind.rules().permission)).map(drop).ok_or(Error::NotAllowed)
}

/// A piece of an import's file, and how much of it there is with this one.
#[derive(Debug)]
pub struct Piece {
    pub seq: i64,
    pub bytes: Vec<u8>,
    pub so_far: i64,
}

/// Keeps a piece of the file.
///
/// Errors: [`Error::NotFound`] when the import was cancelled meanwhile.
pub fn keep_piece(desk: &Desk, member: &Member, id: ImportId, piece: &Piece) -> Result<(), Error> {
    let own = OwnImport { scope: member.scope, id };
    desk.db.write(|tx| {
        if !jobs::receive(tx, own, piece.so_far, desk.clock.now() + UPLOAD_TIMEOUT)? {
            return Err(Error::NotFound);
        }
        let key = PieceKey { import: id, part: pieces::FILE, seq: piece.seq };
        Ok(pieces::add(tx, key, &piece.bytes)?)
    })
}

/// All of it is there: it is checked from now on.
pub fn close_import(
    desk: &Desk,
    member: &Member,
    id: ImportId,
    file: ReceivedFile<'_>,
) -> Result<(), Error> {
    // Some browsers send a path.
    let name = import::file_name(file.name);
    desk.db.write(|tx| {
        let file = ReceivedFile { name: &name, ..file };
        if !jobs::received(tx, OwnImport { scope: member.scope, id }, file, desk.clock.now())? {
            return Err(Error::NotFound);
        }
        Ok::<_, Error>(())
    })?;
    desk.import_wakeup.notify_one();
    Ok(())
}

/// Gives up an import whose file did not arrive, or cannot be used.
pub fn abandon_import(desk: &Desk, member: &Member, id: ImportId) -> Result<(), Error> {
    desk.db.write(|tx| {
        let Some(import) = jobs::lock(tx, member.scope, id)? else { return Ok(()) };
        jobs::cancel(tx, member.scope, &import, desk.clock.now()).map_err(Error::from)
    })?;
    desk.import_wakeup.notify_one();
    Ok(())
}

/// The settings of a new batch as they were typed.
#[derive(Debug, Clone, Default)]
pub struct TypedBatch {
    pub name: String,
    pub from: String,
    pub until: String,
    pub uses: String,
    pub case_sensitive: bool,
}

/// What is wrong with them, each at its field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InvalidBatch {
    pub name: Option<Invalid>,
    pub from: Option<Invalid>,
    pub until: Option<Invalid>,
    pub uses: Option<Invalid>,
}

/// Takes the settings of a new batch, if its name is free. Dates are days in the merchant's zone,
/// or times with an offset.
pub fn plan_batch(
    desk: &Desk,
    member: &Member,
    typed: &TypedBatch,
) -> Result<Result<PlannedBatch, InvalidBatch>, Error> {
    const MOST_USES: i64 = 1_000_000_000;
    let mut invalid = InvalidBatch::default();
    let name = crate::app::names::check("the name", &typed.name)
        .map_err(|why| invalid.name = Some(why))
        .unwrap_or_default();
    let mut bound = |text: &str, bound, at_field: fn(&mut InvalidBatch) -> &mut Option<Invalid>| {
        let text = text.trim();
        let taken = (!text.is_empty())
            .then(|| zone::parse_instant(text, member.merchant.zone, bound))
            .transpose();
        taken.unwrap_or_else(|why| {
            *at_field(&mut invalid) = Some(why);
            None
        })
    };
    let window = Window {
        from: bound(&typed.from, Bound::Start, |invalid| &mut invalid.from),
        until: bound(&typed.until, Bound::End, |invalid| &mut invalid.until),
    };
    if window.is_empty() {
        invalid.until = Some(Invalid::because("the last day can't be before the first"));
    }
    let uses_per_code = match typed.uses.trim() {
        "" => 1,
        text => {
            text.parse().ok().filter(|uses| (1..=MOST_USES).contains(uses)).unwrap_or_else(|| {
                invalid.uses = Some(Invalid::because("enter a whole number, 1 or more"));
                1
            })
        }
    };
    if invalid.name.is_none()
        && desk.db.read(|conn| batches::name_is_taken(conn, member.scope, &name))?
    {
        invalid.name = Some(name_is_taken(&name));
    }
    if invalid != InvalidBatch::default() {
        return Ok(Err(invalid));
    }
    Ok(Ok(PlannedBatch { name, window, uses_per_code, case_sensitive: typed.case_sensitive }))
}

pub(in crate::app) fn name_is_taken(name: &str) -> Invalid {
    Invalid::because(format!(
        "there is already a batch {name:?}; choose another name, or add the codes on that batch's \
         page"
    ))
}
