//! Alerts that were raised, and who wants to hear of them.

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};

use super::{
    DbConn, Error, Scope, WriteTx,
    instant::At,
    locks::AdvisoryLock,
    prepared_sql::PreparedSql,
    schema::{alert_choices as ch, batches, memberships, stock_alerts as a, users},
};
use crate::domain::{
    email::EmailAddress,
    ids::{BatchId, MerchantId, UserId},
    stock_alert::{AlertKind, AlertMode},
};

/// An alert as lists and mails show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    pub id: i64,
    pub batch: BatchId,
    pub batch_name: String,
    pub kind: AlertKind,
    pub codes_left: i64,
    pub raised_at: DateTime<Utc>,
    /// When the stock was on the other side again.
    pub cleared_at: Option<DateTime<Utc>>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = a)]
struct StockAlertRow {
    id: i64,
    batch_id: i64,
    #[diesel(select_expression = batches::name)]
    batch_name: String,
    kind: String,
    codes_left: i64,
    raised_at: At,
    cleared_at: Option<At>,
}

impl TryFrom<StockAlertRow> for Alert {
    type Error = Error;

    fn try_from(row: StockAlertRow) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            batch: BatchId(row.batch_id),
            batch_name: row.batch_name,
            kind: row.kind.parse()?,
            codes_left: row.codes_left,
            raised_at: row.raised_at.0,
            cleared_at: row.cleared_at.map(|at| at.0),
        })
    }
}

/// The merchant's alerts that are not cleared: batch and kind.
pub fn list_open(conn: &mut DbConn, scope: Scope) -> Result<Vec<(BatchId, AlertKind)>, Error> {
    let rows: Vec<(i64, String)> = a::table
        .filter(a::merchant_id.eq(scope.merchant().0))
        .filter(a::cleared_at.is_null())
        .select((a::batch_id, a::kind))
        .load(conn)?;
    rows.into_iter().map(|(batch, kind)| Ok((BatchId(batch), kind.parse()?))).collect()
}

/// The merchant's alerts below `before`, newest first.
pub fn list(
    conn: &mut DbConn,
    scope: Scope,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Alert>, Error> {
    let rows: Vec<StockAlertRow> = a::table
        .inner_join(batches::table.on(batches::id.eq(a::batch_id)))
        .filter(a::merchant_id.eq(scope.merchant().0))
        .filter(a::id.lt(before.unwrap_or(i64::MAX)))
        .order(a::id.desc())
        .limit(limit)
        .select(StockAlertRow::as_select())
        .load(conn)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The merchant's alerts above `after`, oldest first.
pub fn list_after(
    conn: &mut DbConn,
    scope: Scope,
    after: i64,
    limit: i64,
) -> Result<Vec<Alert>, Error> {
    let rows: Vec<StockAlertRow> = a::table
        .inner_join(batches::table.on(batches::id.eq(a::batch_id)))
        .filter(a::merchant_id.eq(scope.merchant().0))
        .filter(a::id.gt(after))
        .order(a::id)
        .limit(limit)
        .select(StockAlertRow::as_select())
        .load(conn)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Lets one server at a time raise or gather the merchant's alerts, so that their numbers become
/// visible in order.
pub fn lock(tx: &mut WriteTx<'_>, scope: Scope) -> Result<(), Error> {
    AdvisoryLock::StockAlertsOf(scope.merchant()).wait(tx)
}

/// Raises an alert; `false`: it is raised already, perhaps by another server in this moment.
pub fn raise(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    batch: BatchId,
    kind: AlertKind,
    codes_left: i64,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let raised = PreparedSql::<()>::new(
        "INSERT INTO stock_alerts (merchant_id, batch_id, kind, codes_left, raised_at) VALUES \
         (:merchant, :batch, :kind, :codes_left, :now) ON CONFLICT DO NOTHING",
    )
    .bind("merchant", scope.merchant().0)
    .bind("batch", batch.0)
    .bind("kind", kind.as_str())
    .bind("codes_left", codes_left)
    .bind("now", At(now))
    .execute(&mut **tx)?;
    Ok(raised == 1)
}

/// Arms the alert again.
pub fn clear(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    batch: BatchId,
    kind: AlertKind,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let open = a::table
        .filter(a::merchant_id.eq(scope.merchant().0))
        .filter(a::batch_id.eq(batch.0))
        .filter(a::kind.eq(kind.as_str()))
        .filter(a::cleared_at.is_null());
    diesel::update(open).set(a::cleared_at.eq(At(now))).execute(&mut **tx)?;
    Ok(())
}

/// How this user wants to hear of the merchant's stock.
pub fn choice_of(conn: &mut DbConn, scope: Scope, user: UserId) -> Result<AlertMode, Error> {
    let mode: Option<String> = ch::table
        .filter(ch::merchant_id.eq(scope.merchant().0))
        .filter(ch::user_id.eq(user.0))
        .select(ch::mode)
        .first(conn)
        .optional()?;
    Ok(mode.map_or(Ok(AlertMode::None), |mode| mode.parse())?)
}

/// Sets it; alerts that were raised before are not told.
pub fn choose(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    user: UserId,
    mode: AlertMode,
    digest_due_at: DateTime<Utc>,
) -> Result<(), Error> {
    let mine =
        ch::table.filter(ch::merchant_id.eq(scope.merchant().0)).filter(ch::user_id.eq(user.0));
    diesel::delete(mine).execute(&mut **tx)?;
    if mode == AlertMode::None {
        return Ok(());
    }
    let latest = latest(tx, scope)?;
    diesel::insert_into(ch::table)
        .values((
            ch::merchant_id.eq(scope.merchant().0),
            ch::user_id.eq(user.0),
            ch::mode.eq(mode.as_str()),
            ch::digested_to.eq(latest),
            ch::digest_due_at.eq(At(digest_due_at)),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

fn latest(conn: &mut DbConn, scope: Scope) -> Result<i64, Error> {
    let id: Option<i64> = a::table
        .filter(a::merchant_id.eq(scope.merchant().0))
        .order(a::id.desc())
        .select(a::id)
        .first(conn)
        .optional()?;
    Ok(id.unwrap_or(0))
}

/// The active members who want each alert at once.
pub fn list_recipients(
    conn: &mut DbConn,
    scope: Scope,
) -> Result<Vec<(UserId, EmailAddress)>, Error> {
    let rows: Vec<(i64, String)> = ch::table
        .inner_join(users::table.on(users::id.eq(ch::user_id)))
        .inner_join(memberships::table.on(memberships::user_id.eq(ch::user_id)))
        .filter(ch::merchant_id.eq(scope.merchant().0))
        .filter(memberships::merchant_id.eq(scope.merchant().0))
        .filter(memberships::offered_at.is_null())
        .filter(ch::mode.eq(AlertMode::Each.as_str()))
        .filter(users::disabled_at.is_null())
        .order(users::id)
        .select((users::id, users::email))
        .load(conn)?;
    Ok(rows.into_iter().map(|(id, email)| (UserId(id), EmailAddress::stored(email))).collect())
}

/// A digest that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueDigest {
    pub scope: Scope,
    pub user: UserId,
    pub digested_to: i64,
    due_at: DateTime<Utc>,
}

/// Digests that are due, across merchants; for the desk itself.
pub fn list_due_digests(
    conn: &mut DbConn,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<DueDigest>, Error> {
    let rows: Vec<(i64, i64, i64, At)> = ch::table
        .filter(ch::mode.eq("daily"))
        .filter(ch::digest_due_at.le(At(now)))
        .order((ch::digest_due_at, ch::id))
        .limit(limit)
        .select((ch::merchant_id, ch::user_id, ch::digested_to, ch::digest_due_at))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(merchant, user, digested_to, due)| DueDigest {
            scope: Scope::of(MerchantId(merchant)),
            user: UserId(user),
            digested_to,
            due_at: due.0,
        })
        .collect())
}

/// Takes a digest in hand: the next one is due at `next`. The address it goes to; `None`: another
/// server was faster, or the user may not see this merchant any more.
pub fn take_digest(
    tx: &mut WriteTx<'_>,
    digest: &DueDigest,
    digested_to: i64,
    next: DateTime<Utc>,
) -> Result<Option<EmailAddress>, Error> {
    let mine = ch::table
        .filter(ch::merchant_id.eq(digest.scope.merchant().0))
        .filter(ch::user_id.eq(digest.user.0))
        .filter(ch::digest_due_at.eq(At(digest.due_at)));
    let taken = diesel::update(mine)
        .set((ch::digest_due_at.eq(At(next)), ch::digested_to.eq(digested_to)))
        .execute(&mut **tx)?;
    if taken == 0 {
        return Ok(None);
    }
    let email: Option<String> = users::table
        .inner_join(memberships::table.on(memberships::user_id.eq(users::id)))
        .filter(users::id.eq(digest.user.0))
        .filter(memberships::merchant_id.eq(digest.scope.merchant().0))
        .filter(memberships::offered_at.is_null())
        .filter(users::disabled_at.is_null())
        .select(users::email)
        .first(&mut **tx)
        .optional()?;
    Ok(email.map(EmailAddress::stored))
}
