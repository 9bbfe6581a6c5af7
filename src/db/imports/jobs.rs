//! Imports in the database: what was sent, by whom, and how it stands.

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, JoinOnDsl, NullableExpressionMethods, OptionalExtension, QueryDsl,
    Queryable, RunQueryDsl,
};
use serde_json::{Value, json};

use super::super::{
    DbConn, Error, Scope, WriteTx,
    instant::At,
    schema::{batches as b, imports as i, users as u},
};
use crate::domain::{
    batch::{PlannedBatch, Window},
    ids::{BatchId, ImportId, MerchantId, UserId},
    import::{CouponRange, Import, ImportKind, ImportState, Sender},
    zone,
};

/// In two parts: a row has more columns than diesel's tuples have by default.
#[derive(Queryable)]
struct JobRow {
    request: RequestRow,
    progress: ProgressRow,
}

#[derive(Queryable)]
struct RequestRow {
    id: i64,
    merchant: i64,
    kind: String,
    batch: Option<i64>,
    batch_name: Option<String>,
    new_batch: Option<String>,
    user: Option<i64>,
    user_name: Option<String>,
    request_id: Option<String>,
}

#[derive(Queryable)]
struct ProgressRow {
    state: String,
    file_name: String,
    bytes: i64,
    done: i64,
    total: i64,
    cancel_asked: bool,
    preview: Option<String>,
    report: Option<String>,
    failure: Option<String>,
    created_at: At,
    ended_at: Option<At>,
}

impl TryFrom<JobRow> for Import {
    type Error = Error;

    fn try_from(JobRow { request, progress }: JobRow) -> Result<Self, Error> {
        Ok(Self {
            id: ImportId(request.id),
            merchant: MerchantId(request.merchant),
            kind: request.kind.parse()?,
            batch: request.batch.map(BatchId).zip(request.batch_name),
            new_batch: request.new_batch.as_deref().map(planned_of).transpose()?,
            sender: match request.user.zip(request.user_name) {
                Some((id, name)) => Sender::User { id: UserId(id), name },
                None => Sender::Operator,
            },
            request_id: request.request_id,
            state: progress.state.parse()?,
            file_name: progress.file_name,
            bytes: progress.bytes,
            progress: (progress.done, progress.total),
            cancel_asked: progress.cancel_asked,
            preview: progress.preview,
            report: progress.report,
            failure: progress.failure,
            created_at: progress.created_at.0,
            ended_at: progress.ended_at.map(|at| at.0),
        })
    }
}

macro_rules! rows {
    () => {
        i::table
            .left_join(u::table.on(u::id.nullable().eq(i::user_id)))
            .left_join(b::table.on(b::id.nullable().eq(i::batch_id)))
            .select((
                (
                    i::id,
                    i::merchant_id,
                    i::kind,
                    i::batch_id,
                    b::name.nullable(),
                    i::new_batch,
                    i::user_id,
                    u::name.nullable(),
                    i::request_id,
                ),
                (
                    i::state,
                    i::file_name,
                    i::bytes,
                    i::progress_done,
                    i::progress_total,
                    i::cancel_asked,
                    i::preview,
                    i::report,
                    i::failure,
                    i::created_at,
                    i::ended_at,
                ),
            ))
    };
}

/// An import of whichever merchant, for the worker that holds it.
pub(super) fn load(conn: &mut DbConn, id: i64) -> Result<Import, Error> {
    rows!().filter(i::id.eq(id)).first::<JobRow>(conn)?.try_into()
}

pub fn find(conn: &mut DbConn, scope: Scope, id: ImportId) -> Result<Option<Import>, Error> {
    let row: Option<JobRow> = rows!()
        .filter(i::merchant_id.eq(scope.merchant().0))
        .filter(i::id.eq(id.0))
        .first(conn)
        .optional()?;
    row.map(Import::try_from).transpose()
}

/// The import, kept as it is until the transaction ends.
pub fn lock(tx: &mut WriteTx<'_>, scope: Scope, id: ImportId) -> Result<Option<Import>, Error> {
    // Alone and not joined: a row that had to be waited for is read afresh.
    let own =
        i::table.filter(i::merchant_id.eq(scope.merchant().0)).filter(i::id.eq(id.0)).select(i::id);
    let _: Option<i64> = match &mut **tx {
        // BEGIN IMMEDIATE holds every row already.
        DbConn::Sqlite(conn) => own.first(conn).optional()?,
        DbConn::Postgres(conn) => own.for_update().first(conn).optional()?,
    };
    find(tx, scope, id)
}

/// Imports below `before`, newest first; those that are still arriving, or never did, are left out.
pub fn list(
    conn: &mut DbConn,
    scope: Scope,
    before: Option<ImportId>,
    limit: i64,
) -> Result<Vec<Import>, Error> {
    let rows: Vec<JobRow> = rows!()
        .filter(i::merchant_id.eq(scope.merchant().0))
        .filter(i::id.lt(before.map_or(i64::MAX, |id| id.0)))
        .filter(i::state.ne(ImportState::Receiving.as_str()))
        .order(i::id.desc())
        .limit(limit)
        .load(conn)?;
    rows.into_iter().map(Import::try_from).collect()
}

/// How many imports of the merchant have not ended.
pub fn count_unfinished(conn: &mut DbConn, scope: Scope) -> Result<i64, Error> {
    let own = i::table.filter(i::merchant_id.eq(scope.merchant().0));
    Ok(own.filter(i::ended_at.is_null()).count().get_result(conn)?)
}

/// An import about to be received.
#[derive(Debug, Clone, Copy)]
pub struct NewImport<'a> {
    pub kind: ImportKind,
    pub batch: Option<BatchId>,
    pub user: UserId,
    pub request_id: &'a str,
    /// Until when its next piece is to come.
    pub patience: DateTime<Utc>,
}

/// Opens an import whose file is about to arrive.
pub fn add(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    new: NewImport<'_>,
    now: DateTime<Utc>,
) -> Result<ImportId, Error> {
    let id: i64 = diesel::insert_into(i::table)
        .values((
            i::merchant_id.eq(scope.merchant().0),
            i::kind.eq(new.kind.as_str()),
            i::batch_id.eq(new.batch.map(|batch| batch.0)),
            i::user_id.eq(Some(new.user.0)),
            i::request_id.eq(Some(new.request_id)),
            i::state.eq(ImportState::Receiving.as_str()),
            i::file_name.eq(""),
            i::lease_until.eq(At(new.patience)),
            i::created_at.eq(At(now)),
        ))
        .returning(i::id)
        .get_result(&mut **tx)?;
    Ok(ImportId(id))
}

/// What an import has brought.
#[derive(Debug, Clone, Copy)]
pub struct ImportResult<'r> {
    /// As the code that wrote it reads it.
    pub report: &'r str,
    pub coupons: Option<CouponRange>,
}

/// An import by command, which is done as soon as anybody hears of it.
#[derive(Debug, Clone, Copy)]
pub struct DoneImport<'a> {
    pub kind: ImportKind,
    pub batch: Option<BatchId>,
    pub file_name: &'a str,
    pub bytes: i64,
    pub end: ImportResult<'a>,
    pub began_at: DateTime<Utc>,
}

/// Adds an import by command; runs in the transaction that makes it visible.
pub fn add_done(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    new: DoneImport<'_>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let DoneImport { kind, batch, file_name, bytes, end, began_at } = new;
    diesel::insert_into(i::table)
        .values((
            i::merchant_id.eq(scope.merchant().0),
            i::kind.eq(kind.as_str()),
            i::batch_id.eq(batch.map(|batch| batch.0)),
            i::state.eq(ImportState::Done.as_str()),
            i::file_name.eq(file_name),
            i::bytes.eq(bytes),
            i::report.eq(Some(end.report)),
            i::first_coupon.eq(end.coupons.map(|coupons| coupons.first.0)),
            i::last_coupon.eq(end.coupons.map(|coupons| coupons.last.0)),
            i::lease_until.eq(At(now)),
            i::created_at.eq(At(began_at)),
            i::ended_at.eq(Some(At(now))),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// An import of the merchant's.
#[derive(Debug, Clone, Copy)]
pub struct OwnImport {
    pub scope: Scope,
    pub id: ImportId,
}

/// Changes the import if it is still in `state`; `false`: it is not.
macro_rules! change {
    ($tx:ident, $own:expr, $state:ident, $change:expr) => {{
        let own = i::table
            .filter(i::merchant_id.eq($own.scope.merchant().0))
            .filter(i::id.eq($own.id.0))
            .filter(i::state.eq(ImportState::$state.as_str()));
        Ok(diesel::update(own).set($change).execute(&mut **$tx)? == 1)
    }};
}

const NOBODY: Option<&str> = None;

/// So much of the file is there, and the next piece may take until then. `false`: nobody waits for
/// it any more.
pub fn receive(
    tx: &mut WriteTx<'_>,
    own: OwnImport,
    bytes: i64,
    patience: DateTime<Utc>,
) -> Result<bool, Error> {
    change!(tx, own, Receiving, (i::bytes.eq(bytes), i::lease_until.eq(At(patience))))
}

/// A file that has arrived.
#[derive(Debug, Clone, Copy)]
pub struct ReceivedFile<'a> {
    pub name: &'a str,
    /// What the batch will be that its codes go into, where that is not there yet.
    pub new_batch: Option<&'a PlannedBatch>,
}

/// All of the file is there: it can be checked. `false`: nobody waits for it any more.
pub fn received(
    tx: &mut WriteTx<'_>,
    own: OwnImport,
    file: ReceivedFile<'_>,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let change = (
        i::state.eq(ImportState::Checking.as_str()),
        i::file_name.eq(file.name),
        i::new_batch.eq(file.new_batch.map(json_of)),
        i::lease_until.eq(At(now)),
    );
    change!(tx, own, Receiving, change)
}

/// Who confirms an import, and the batch that it goes into.
#[derive(Debug, Clone, Copy)]
pub struct Confirmation<'a> {
    pub batch: Option<BatchId>,
    pub user: UserId,
    pub request_id: &'a str,
}

/// Starts what was checked.
pub fn confirm(
    tx: &mut WriteTx<'_>,
    own: OwnImport,
    Confirmation { batch, user, request_id }: Confirmation<'_>,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let change = (
        i::state.eq(ImportState::Importing.as_str()),
        i::batch_id.eq(batch.map(|batch| batch.0)),
        i::user_id.eq(Some(user.0)),
        i::request_id.eq(Some(request_id)),
        (
            i::progress_done.eq(0),
            i::progress_total.eq(0),
            i::lease_holder.eq(NOBODY),
            i::lease_until.eq(At(now)),
        ),
    );
    change!(tx, own, Checked, change)
}

/// Ends an import that nobody is importing.
pub fn cancel(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    import: &Import,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let change = (
        i::state.eq(ImportState::Cancelled.as_str()),
        i::cancel_asked.eq(true),
        i::ended_at.eq(Some(At(now))),
    );
    let own = i::table
        .filter(i::merchant_id.eq(scope.merchant().0))
        .filter(i::id.eq(import.id.0))
        .filter(i::ended_at.is_null());
    diesel::update(own).set(change).execute(&mut **tx)?;
    Ok(())
}

/// Asks the running import to stop.
pub fn ask_to_cancel(tx: &mut WriteTx<'_>, own: OwnImport) -> Result<bool, Error> {
    change!(tx, own, Importing, i::cancel_asked.eq(true))
}

fn json_of(planned: &PlannedBatch) -> String {
    let PlannedBatch { name, window, uses_per_code, case_sensitive } = planned;
    let at = |at: Option<DateTime<Utc>>| at.map(zone::rfc3339);
    json!({ "name": name, "from": at(window.from), "until": at(window.until), "uses": uses_per_code, "case_sensitive": case_sensitive })
        .to_string()
}

fn planned_of(text: &str) -> Result<PlannedBatch, Error> {
    let unreadable = || Error::Corrupt("the settings of a new batch are unreadable".into());
    let value: Value = serde_json::from_str(text).map_err(|_| unreadable())?;
    let at = |key: &str| {
        let text = value[key].as_str();
        text.map(|text| {
            DateTime::parse_from_rfc3339(text).map(|at| at.to_utc()).map_err(|_| unreadable())
        })
        .transpose()
    };
    Ok(PlannedBatch {
        name: value["name"].as_str().ok_or_else(unreadable)?.to_owned(),
        window: Window { from: at("from")?, until: at("until")? },
        uses_per_code: value["uses"].as_i64().ok_or_else(unreadable)?,
        case_sensitive: value["case_sensitive"].as_bool().ok_or_else(unreadable)?,
    })
}
