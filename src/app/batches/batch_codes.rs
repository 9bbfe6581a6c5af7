//! A batch's codes: a page of them, one of them, or all of them as a file.

use chrono::{DateTime, Utc};

use crate::{
    app::{Desk, Error, Fault, Member},
    db::{audit, batch_codes, batches, coupons, memberships},
    domain::{
        audit::{Action, Actor, NewRecord},
        batch::Batch,
        cell::{BYTE_ORDER_MARK, harmless},
        coupon_list::{After, Condition, ListedCode},
        ids::BatchId,
        pasted::Term,
        role::Permission,
        zone,
    },
};

const PAGE_ROWS: usize = 25;

/// A page of codes.
#[derive(Debug, Clone)]
pub struct CodePage {
    pub rows: Vec<ListedCode>,
    pub next: Option<After>,
    pub now: DateTime<Utc>,
}

/// The batch's codes in this condition, after `after`.
pub fn list_codes(
    desk: &Desk,
    member: &Member,
    batch: &Batch,
    condition: Condition,
    after: Option<After>,
) -> Result<CodePage, Error> {
    let now = desk.clock.now();
    desk.db.read(|conn| {
        let limit = i64::try_from(PAGE_ROWS + 1).unwrap_or(i64::MAX);
        let mut rows = batch_codes::list(conn, member.scope, batch, condition, after, limit, now)?;
        let more = rows.len() > PAGE_ROWS;
        rows.truncate(PAGE_ROWS);
        Ok(CodePage { next: rows.last().filter(|_| more).map(batch_codes::after), rows, now })
    })
}

/// The codes that the text may mean, of those in this batch.
pub fn find_code(
    desk: &Desk,
    member: &Member,
    batch: &Batch,
    text: &str,
) -> Result<CodePage, Error> {
    let now = desk.clock.now();
    desk.db.read(|conn| {
        let found = coupons::find_pasted(conn, member.scope, &Term::read(text))?;
        let ids: Vec<i64> =
            found.iter().filter(|found| found.batch == batch.id).map(|found| found.id.0).collect();
        let rows = if ids.is_empty() {
            vec![]
        } else {
            batch_codes::load(conn, member.scope, batch, &ids)?
        };
        Ok(CodePage { rows, next: None, now })
    })
}

/// An export that has begun: it is on record, and may be read piece by piece.
#[derive(Debug, Clone)]
pub struct CodesExport {
    pub batch: Batch,
    condition: Condition,
    /// Where the next piece begins; `None` before the first.
    after: Option<After>,
    done: bool,
    /// When it began: what has expired is judged by one moment, or pages would not fit together.
    now: DateTime<Utc>,
}

/// Begins an export of the batch's codes and writes it down, before the first code leaves.
///
/// Errors: [`Error::NotFound`] outside the member's merchant, [`Error::NotAllowed`] when the
/// member's right is gone.
pub fn begin_export(
    desk: &Desk,
    member: &Member,
    id: BatchId,
    condition: Condition,
    name: &'static str,
) -> Result<CodesExport, Error> {
    desk.db.write(|tx| {
        let allowed = memberships::lock_role(tx, member.scope, member.user)?
            .filter(|role| role.may(Permission::ManageBatches));
        allowed.ok_or(Error::NotAllowed)?;
        let batch = batches::find(tx, member.scope, id)?.ok_or(Error::NotFound)?;
        let mut record = NewRecord::new(
            Some(member.scope.merchant()),
            Action::CodesExported,
            Actor::User(member.user),
        )
        .detail("batch", batch.name.as_str())
        .detail("codes", name);
        record.batch = Some(batch.id);
        record.request_id = Some(member.request_id.clone());
        let now = desk.clock.now();
        audit::append(tx, &record, now)?;
        Ok(CodesExport { batch, condition, after: None, done: false, now })
    })
}

const HEAD: [&str; 14] = [
    "code",
    "pin",
    "state",
    "valid_from",
    "expires_at",
    "max_redemptions",
    "redemptions",
    "barred_at",
    "barred_reason",
    "reward_id",
    "title",
    "customer_id",
    "customer",
    "email",
];

/// Rows a piece.
const DOWNLOAD_PIECE_ROWS: i64 = 1_000;

impl CodesExport {
    /// The next piece as CSV, and the rest of the export; nothing when it is at its end.
    pub fn next(mut self, desk: &Desk, member: &Member) -> Result<Option<(Vec<u8>, Self)>, Error> {
        if self.done {
            return Ok(None);
        }
        let rows = desk.db.read(|conn| {
            batch_codes::list(
                conn,
                member.scope,
                &self.batch,
                self.condition,
                self.after,
                DOWNLOAD_PIECE_ROWS,
                self.now,
            )
        })?;
        let mark = if self.after.is_none() { BYTE_ORDER_MARK } else { "" };
        let mut csv = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .from_writer(mark.as_bytes().to_vec());
        let mut written = if self.after.is_none() { csv.write_record(HEAD) } else { Ok(()) };
        for row in &rows {
            written = written.and_then(|()| {
                csv.write_record(cells(row).iter().map(|cell| harmless(cell).into_owned()))
            });
        }
        let bytes = written
            .map_err(std::io::Error::other)
            .and_then(|()| csv.into_inner().map_err(|e| std::io::Error::other(e.to_string())));
        let bytes = bytes.map_err(|e| Fault::template("a table", e))?;
        self.done = i64::try_from(rows.len()).unwrap_or(i64::MAX) < DOWNLOAD_PIECE_ROWS;
        self.after = rows.last().map(batch_codes::after);
        Ok(Some((bytes, self)))
    }
}

fn cells(row: &ListedCode) -> [String; 14] {
    let coupon = &row.coupon;
    let time = |at: Option<DateTime<Utc>>| at.map(zone::rfc3339).unwrap_or_default();
    let holder = row.holder.as_ref();
    let of = |text: Option<&String>| text.cloned().unwrap_or_default();
    [
        coupon.code.to_string(),
        of(coupon.pin.as_ref()),
        coupon.state.as_str().to_owned(),
        time(coupon.window.from),
        time(coupon.window.until),
        coupon.max_redemptions.to_string(),
        coupon.redemptions.to_string(),
        time(coupon.barred.as_ref().map(|barred| barred.at)),
        of(coupon.barred.as_ref().map(|barred| &barred.reason)),
        of(holder.map(|holder| &holder.reward_id)),
        of(holder.map(|holder| &holder.title)),
        of(holder.and_then(|holder| holder.customer_id.as_ref())),
        of(holder.and_then(|holder| holder.customer_name.as_ref())),
        of(holder.and_then(|holder| holder.email.as_ref())),
    ]
}
