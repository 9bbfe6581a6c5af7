//! The audit log: append-only, oldest first by id; the people in it are looked up when it is read.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, QueryDsl,
    Queryable, RunQueryDsl,
};

use super::{
    DbConn, Error, Scope, WriteTx,
    among::among,
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

type AuditColumns = (
    i64,
    At,
    String,
    String,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    String,
    Option<String>,
    Option<(Option<String>, Option<String>, Option<String>, Option<String>, Option<At>)>,
    Option<String>,
);

#[derive(Queryable)]
struct AuditRow(AuditColumns);

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
        .select((
            a::id,
            a::at,
            a::action,
            a::actor_kind,
            a::user_id,
            users::name.nullable(),
            users::email.nullable(),
            a::customer,
            a::reward,
            a::reissue_id,
            a::details,
            a::request_id,
            (
                customers::first_name,
                customers::last_name,
                customers::email,
                customers::customer_id,
                customers::purged_at,
            )
                .nullable(),
            rewards::reward_id.nullable(),
        ))
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
    query
        .load::<AuditColumns>(conn)?
        .into_iter()
        .map(|row| ExportedRecord::try_from(AuditRow(row)))
        .collect()
}

impl TryFrom<AuditRow> for ExportedRecord {
    type Error = Error;

    fn try_from(AuditRow(row): AuditRow) -> Result<Self, Error> {
        let (
            id,
            at,
            action,
            kind,
            user_id,
            user_name,
            user_email,
            customer,
            reward,
            reissue,
            details,
            request_id,
            person,
            reward_id,
        ) = row;
        let actor = match (kind.as_str(), user_id, user_name, user_email) {
            ("user", Some(id), Some(name), Some(email)) => {
                ShownActor::User { id: UserId(id), name, email }
            }
            ("cli", ..) => ShownActor::Cli,
            _ => ShownActor::System,
        };
        let (customer_name, customer_id) = match person {
            Some((_, _, _, _, Some(_))) | None => (None, None),
            Some((first, last, email, customer_id, None)) => {
                let name = [first, last].into_iter().flatten().collect::<Vec<_>>().join(" ");
                (if name.is_empty() { email } else { Some(name) }, customer_id)
            }
        };
        Ok(Self {
            record: AuditRecord {
                id: AuditId(id),
                at: at.0,
                action,
                actor,
                customer: customer.map(CustomerNo),
                customer_name,
                reward: reward.map(RewardNo),
                reissue: reissue.map(ReissueId),
                details: details_of(&details)?,
                request_id,
            },
            customer_id,
            reward_id,
        })
    }
}
