//! Customers in the database: one by number, pages by key.
//! Must not know how a search term is understood; see `customer_search`.

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};

use super::{
    DbConn, Error, Scope, WriteTx,
    instant::At,
    schema::{audit_records, customers as c, rewards, users},
};
use crate::domain::{
    customer::{Blocked, Customer},
    email::EmailAddress,
    ids::{CustomerNo, UserId},
};

#[derive(Queryable)]
pub(super) struct Row {
    id: i64,
    email: Option<String>,
    customer_id: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    locale: Option<String>,
    receives_emails: bool,
    blocked_at: Option<At>,
    blocked_reason: Option<String>,
    purged_at: Option<At>,
    created_at: At,
}

type Columns = (
    c::id,
    c::email,
    c::customer_id,
    c::first_name,
    c::last_name,
    c::locale,
    c::receives_emails,
    c::blocked_at,
    c::blocked_reason,
    c::purged_at,
    c::created_at,
);
pub(super) const COLUMNS: Columns = (
    c::id,
    c::email,
    c::customer_id,
    c::first_name,
    c::last_name,
    c::locale,
    c::receives_emails,
    c::blocked_at,
    c::blocked_reason,
    c::purged_at,
    c::created_at,
);

impl From<Row> for Customer {
    fn from(row: Row) -> Self {
        Self {
            no: CustomerNo(row.id),
            email: row.email.map(EmailAddress::stored),
            customer_id: row.customer_id,
            first_name: row.first_name,
            last_name: row.last_name,
            locale: row.locale,
            receives_emails: row.receives_emails,
            blocked: row.blocked_at.map(|at| Blocked { at: at.0, by: None, reason: row.blocked_reason }),
            purged_at: row.purged_at.map(|at| at.0),
            created_at: row.created_at.0,
        }
    }
}

/// One customer of the merchant; a blocked one with the name of who did it.
pub fn find(conn: &mut DbConn, scope: Scope, no: CustomerNo) -> Result<Option<Customer>, Error> {
    let row: Option<(Row, Option<i64>)> = c::table
        .filter(c::merchant_id.eq(scope.merchant().0))
        .filter(c::id.eq(no.0))
        .select((COLUMNS, c::blocked_by))
        .first(conn)
        .optional()?;
    let Some((row, blocked_by)) = row else { return Ok(None) };
    let mut customer = Customer::from(row);
    if let (Some(blocked), Some(user)) = (&mut customer.blocked, blocked_by) {
        blocked.by = users::table.find(user).select(users::name).first(conn).optional()?;
    }
    Ok(Some(customer))
}

/// Customers below `before`, newest first.
pub fn list(conn: &mut DbConn, scope: Scope, before: Option<CustomerNo>, limit: i64) -> Result<Vec<Customer>, Error> {
    let rows: Vec<Row> = c::table
        .filter(c::merchant_id.eq(scope.merchant().0))
        .filter(c::id.lt(before.map_or(i64::MAX, |no| no.0)))
        .order(c::id.desc())
        .limit(limit)
        .select(COLUMNS)
        .load(conn)?;
    Ok(rows.into_iter().map(Customer::from).collect())
}

/// When something last happened to each of these customers: a record in the audit log, or a reward issued.
pub fn last_activity(conn: &mut DbConn, scope: Scope, customers: &[CustomerNo]) -> Result<Vec<(CustomerNo, DateTime<Utc>)>, Error> {
    use diesel::dsl::max;
    let ids: Vec<i64> = customers.iter().map(|no| no.0).collect();
    let recorded: Vec<(Option<i64>, Option<At>)> = audit_records::table
        .filter(audit_records::merchant_id.eq(scope.merchant().0))
        .filter(audit_records::customer.eq_any(ids.clone()))
        .group_by(audit_records::customer)
        .select((audit_records::customer, max(audit_records::at)))
        .load(conn)?;
    let issued: Vec<(i64, Option<At>)> = rewards::table
        .filter(rewards::merchant_id.eq(scope.merchant().0))
        .filter(rewards::customer.eq_any(ids))
        .group_by(rewards::customer)
        .select((rewards::customer, max(rewards::issued_at)))
        .load(conn)?;
    let recorded = recorded.into_iter().filter_map(|(customer, at)| Some((customer?, at?)));
    let issued = issued.into_iter().filter_map(|(customer, at)| Some((customer, at?)));
    let mut latest = std::collections::HashMap::<i64, DateTime<Utc>>::new();
    for (customer, At(at)) in recorded.chain(issued) {
        latest.entry(customer).and_modify(|known| *known = (*known).max(at)).or_insert(at);
    }
    Ok(latest.into_iter().map(|(customer, at)| (CustomerNo(customer), at)).collect())
}

/// Blocks a customer; one who is blocked already stays as they are.
pub fn block(tx: &mut WriteTx<'_>, scope: Scope, no: CustomerNo, by: UserId, reason: &str, now: DateTime<Utc>) -> Result<bool, Error> {
    let open = c::table.filter(c::merchant_id.eq(scope.merchant().0)).filter(c::id.eq(no.0)).filter(c::blocked_at.is_null());
    let changed =
        diesel::update(open).set((c::blocked_at.eq(At(now)), c::blocked_by.eq(by.0), c::blocked_reason.eq(reason))).execute(&mut **tx)?;
    Ok(changed == 1)
}
