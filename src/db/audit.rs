//! The audit log: append-only, oldest first by id; the people in it are looked up when it is read.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, QueryDsl,
    Queryable, RunQueryDsl, Selectable, SelectableHelper,
};

use super::{
    DbConn, Error, Scope, WriteTx,
    among::among,
    customers::CustomerNameRow,
    instant::At,
    schema::{audit_records as a, customers, rewards, users},
};
use crate::domain::{
    audit::{Actor, AuditRecord, Detail, NewRecord, ShownActor},
    ids::{AuditId, CustomerNo, ReissueId, RewardNo, UserId},
};

/// Appends one record.
pub fn append(
    tx: &mut WriteTx<'_>,
    record: &NewRecord,
    now: DateTime<Utc>,
) -> Result<AuditId, Error> {
    let (kind, user) = match record.actor {
        Actor::User(id) => ("user", Some(id.0)),
        Actor::Cli => ("cli", None),
        Actor::System => ("system", None),
    };
    let id: i64 = diesel::insert_into(a::table)
        .values((
            a::merchant_id.eq(record.merchant.map(|m| m.0)),
            a::at.eq(At(now)),
            a::action.eq(record.action.as_str()),
            a::actor_kind.eq(kind),
            a::user_id.eq(user),
            a::customer.eq(record.customer.map(|c| c.0)),
            a::reward.eq(record.reward.map(|r| r.0)),
            a::batch_id.eq(record.batch.map(|b| b.0)),
            a::reissue_id.eq(record.reissue.map(|r| r.0)),
            a::details.eq(to_json(&record.details)),
            a::request_id.eq(record.request_id.as_deref()),
        ))
        .returning(a::id)
        .get_result(&mut **tx)?;
    Ok(AuditId(id))
}

fn to_json(details: &[(&'static str, Detail)]) -> String {
    let map: serde_json::Map<String, serde_json::Value> = details
        .iter()
        .map(|(key, value)| {
            let value = match value {
                Detail::Text(text) => text.as_str().into(),
                Detail::Number(number) => (*number).into(),
                Detail::Flag(flag) => (*flag).into(),
            };
            ((*key).to_owned(), value)
        })
        .collect();
    serde_json::Value::Object(map).to_string()
}

/// The details of a record from the text that is stored. Errors: [`Error::Corrupt`].
pub fn details_of(text: &str) -> Result<Vec<(String, Detail)>, Error> {
    let map: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(text).map_err(|e| Error::Corrupt(e.to_string()))?;
    Ok(map
        .into_iter()
        .map(|(key, value)| {
            let detail = match value {
                serde_json::Value::Bool(flag) => Detail::Flag(flag),
                serde_json::Value::Number(n) if n.is_i64() => {
                    Detail::Number(n.as_i64().unwrap_or_default())
                }
                serde_json::Value::String(text) => Detail::Text(text),
                other => Detail::Text(other.to_string()),
            };
            (key, detail)
        })
        .collect())
}

/// A record as exports need it: all of it, with the people looked up.
#[derive(Debug)]
pub struct ExportedRecord {
    pub record: AuditRecord,
    /// The merchant's own reference; gone after a purge.
    pub customer_id: Option<String>,
    /// The merchant's own reference of the reward.
    pub reward_id: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = a)]
struct AuditRow {
    id: i64,
    at: At,
    action: String,
    actor_kind: String,
    user_id: Option<i64>,
    #[diesel(select_expression = users::name.nullable())]
    user_name: Option<String>,
    #[diesel(select_expression = users::email.nullable())]
    user_email: Option<String>,
    customer: Option<i64>,
    reward: Option<i64>,
    reissue_id: Option<i64>,
    details: String,
    request_id: Option<String>,
    #[diesel(embed)]
    person: Option<CustomerNameRow>,
    #[diesel(select_expression = rewards::reward_id.nullable())]
    reward_id: Option<String>,
}

/// Which part of the log.
#[derive(Debug, Clone, Copy)]
pub enum Slice<'a> {
    /// Those with these ids, lowest first.
    Of(&'a [i64]),
    /// Records with a higher id, oldest first.
    After(i64),
    /// Records with a lower id, newest first.
    Before(i64),
}

/// Up to `limit` records of the merchant's log, or of the installation's own (`None`).
pub fn list(
    conn: &mut DbConn,
    scope: Option<Scope>,
    customer: Option<CustomerNo>,
    slice: Slice<'_>,
    limit: i64,
) -> Result<Vec<ExportedRecord>, Error> {
    let mut query = a::table
        .left_join(users::table.on(users::id.nullable().eq(a::user_id)))
        .left_join(
            rewards::table.on(rewards::merchant_id
                .nullable()
                .eq(a::merchant_id)
                .and(rewards::id.nullable().eq(a::reward))),
        )
        .left_join(
            customers::table.on(customers::merchant_id
                .nullable()
                .eq(a::merchant_id)
                .and(customers::id.nullable().eq(a::customer))),
        )
        .select(AuditRow::as_select())
        .limit(limit)
        .into_boxed();
    query = match scope {
        Some(scope) => query.filter(a::merchant_id.eq(scope.merchant().0)),
        None => query.filter(a::merchant_id.is_null()),
    };
    if let Some(customer) = customer {
        query = query.filter(a::customer.eq(customer.0));
    }
    query = match slice {
        Slice::Of(ids) => query.filter(among(conn, a::id, ids.iter().copied())).order(a::id.asc()),
        Slice::After(id) => query.filter(a::id.gt(id)).order(a::id.asc()),
        Slice::Before(id) => query.filter(a::id.lt(id)).order(a::id.desc()),
    };
    let rows: Vec<AuditRow> = query.load(conn)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

impl TryFrom<AuditRow> for ExportedRecord {
    type Error = Error;

    fn try_from(row: AuditRow) -> Result<Self, Error> {
        let actor = match (row.actor_kind.as_str(), row.user_id, row.user_name, row.user_email) {
            ("user", Some(id), Some(name), Some(email)) => {
                ShownActor::User { id: UserId(id), name, email }
            }
            ("cli", ..) => ShownActor::Cli,
            _ => ShownActor::System,
        };
        let person = row.person.and_then(CustomerNameRow::unless_purged);
        Ok(Self {
            record: AuditRecord {
                id: AuditId(row.id),
                at: row.at.0,
                action: row.action,
                actor,
                customer: row.customer.map(CustomerNo),
                customer_name: person.as_ref().and_then(CustomerNameRow::name),
                reward: row.reward.map(RewardNo),
                reissue: row.reissue_id.map(ReissueId),
                details: details_of(&row.details)?,
                request_id: row.request_id,
            },
            customer_id: person.and_then(|person| person.customer_id),
            reward_id: row.reward_id,
        })
    }
}
