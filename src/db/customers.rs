//! Customers in the database: one by number, pages by key.

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable};

use super::{
    DbConn, Error, Scope, WriteTx,
    among::among,
    instant::At,
    schema::{audit_records, customers as c, rewards, users},
};
use crate::domain::{
    customer::{Blocked, Customer},
    email::EmailAddress,
    fold,
    ids::{CustomerNo, MerchantId, UserId},
};

#[derive(Queryable)]
pub(super) struct CustomerRow {
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

type CustomerColumns = (
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
pub(super) const COLUMNS: CustomerColumns = (
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

impl From<CustomerRow> for Customer {
    fn from(row: CustomerRow) -> Self {
        Self {
            no: CustomerNo(row.id),
            email: row.email.map(EmailAddress::stored),
            customer_id: row.customer_id,
            first_name: row.first_name,
            last_name: row.last_name,
            locale: row.locale,
            receives_emails: row.receives_emails,
            blocked: row.blocked_at.map(|at| Blocked {
                at: at.0,
                by: None,
                reason: row.blocked_reason,
            }),
            purged_at: row.purged_at.map(|at| at.0),
            purged_by: None,
            created_at: row.created_at.0,
        }
    }
}

/// How a customer is called in lists of other things.
#[derive(Queryable, Selectable)]
#[diesel(table_name = c)]
pub(super) struct CustomerNameRow {
    first_name: Option<String>,
    last_name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) customer_id: Option<String>,
    purged_at: Option<At>,
}

impl CustomerNameRow {
    /// As long as the customer is there: nothing is left of one who was purged.
    pub(super) fn unless_purged(self) -> Option<Self> {
        self.purged_at.is_none().then_some(self)
    }

    /// First and last name; the address of who has neither.
    pub(super) fn name(&self) -> Option<String> {
        let parts = [self.first_name.as_deref(), self.last_name.as_deref()];
        let name = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        if name.is_empty() { self.email.clone() } else { Some(name) }
    }
}

/// One customer of the merchant; a blocked or purged one with the name of who did it.
pub fn find(conn: &mut DbConn, scope: Scope, no: CustomerNo) -> Result<Option<Customer>, Error> {
    let row: Option<MatchedRow> = mine(scope.merchant(), no).first(conn).optional()?;
    named(conn, row)
}

/// The addresses of other customers who have this one's customer ID, the newest first.
pub fn other_addresses(
    conn: &mut DbConn,
    scope: Scope,
    customer: &Customer,
    limit: i64,
) -> Result<Vec<EmailAddress>, Error> {
    let Some(id) = &customer.customer_id else { return Ok(vec![]) };
    // The comparable form is what the index is on; an empty one is that of everybody without an ID.
    let key = fold::for_search(id);
    if key.is_empty() {
        return Ok(vec![]);
    }
    let same = c::table.filter(c::merchant_id.eq(scope.merchant().0)).filter(c::id_key.eq(key));
    let found: Vec<Option<String>> = same
        .filter(c::customer_id.eq(id))
        .filter(c::id.ne(customer.no.0))
        .order(c::id.desc())
        .limit(limit)
        .select(c::email)
        .load(conn)?;
    Ok(found.into_iter().flatten().map(EmailAddress::stored).collect())
}

/// Holds the customer as they are until the transaction ends, and answers them: a purge, a block or
/// the switch of e-mails waits for it. Others who only rely on the customer do not wait for each
/// other. `None`: not this merchant's.
pub fn hold(
    tx: &mut WriteTx<'_>,
    merchant: MerchantId,
    no: CustomerNo,
) -> Result<Option<Customer>, Error> {
    let row: Option<MatchedRow> = match &mut **tx {
        // BEGIN IMMEDIATE holds every row already.
        DbConn::Sqlite(conn) => mine(merchant, no).first(conn).optional()?,
        DbConn::Postgres(conn) => mine(merchant, no).for_share().first(conn).optional()?,
    };
    named(tx, row)
}

pub(super) type MatchedRow = (CustomerRow, Option<i64>, Option<i64>);

#[diesel::dsl::auto_type(no_type_alias)]
fn mine(merchant: MerchantId, no: CustomerNo) -> _ {
    let (merchant, no): (i64, i64) = (merchant.0, no.0);
    let columns: CustomerColumns = COLUMNS;
    c::table.filter(c::merchant_id.eq(merchant)).filter(c::id.eq(no)).select((
        columns,
        c::blocked_by,
        c::purged_by,
    ))
}

/// The customer with the names of those who blocked and purged them.
pub(super) fn named(conn: &mut DbConn, row: Option<MatchedRow>) -> Result<Option<Customer>, Error> {
    let Some((row, blocked_by, purged_by)) = row else { return Ok(None) };
    let mut customer = Customer::from(row);
    let mut name_of =
        |user: i64| users::table.find(user).select(users::name).first(conn).optional();
    if let (Some(blocked), Some(user)) = (&mut customer.blocked, blocked_by) {
        blocked.by = name_of(user)?;
    }
    if let Some(user) = purged_by {
        customer.purged_by = name_of(user)?;
    }
    Ok(Some(customer))
}

/// Locks the customer until the transaction ends, then reads them. `None`: not this merchant's.
pub fn lock(tx: &mut WriteTx<'_>, scope: Scope, no: CustomerNo) -> Result<Option<Customer>, Error> {
    if let DbConn::Postgres(conn) = &mut **tx {
        let mine = c::table.filter(c::merchant_id.eq(scope.merchant().0)).filter(c::id.eq(no.0));
        mine.select(c::id).for_update().first::<i64>(conn).optional()?;
    }
    find(tx, scope, no)
}

/// Customers below `before`, newest first.
pub fn list(
    conn: &mut DbConn,
    scope: Scope,
    before: Option<CustomerNo>,
    limit: i64,
) -> Result<Vec<Customer>, Error> {
    let rows: Vec<CustomerRow> = c::table
        .filter(c::merchant_id.eq(scope.merchant().0))
        .filter(c::id.lt(before.map_or(i64::MAX, |no| no.0)))
        .order(c::id.desc())
        .limit(limit)
        .select(COLUMNS)
        .load(conn)?;
    Ok(rows.into_iter().map(Customer::from).collect())
}

/// When something last happened to each of these customers: a record in the audit log, or a reward
/// issued.
pub fn last_activity(
    conn: &mut DbConn,
    scope: Scope,
    customers: &[CustomerNo],
) -> Result<Vec<(CustomerNo, DateTime<Utc>)>, Error> {
    use diesel::dsl::max;
    let ids = || customers.iter().map(|no| no.0);
    let (their_records, their_rewards) =
        (among(conn, audit_records::customer, ids()), among(conn, rewards::customer, ids()));
    let recorded: Vec<(Option<i64>, Option<At>)> = audit_records::table
        .filter(audit_records::merchant_id.eq(scope.merchant().0))
        .filter(their_records)
        .group_by(audit_records::customer)
        .select((audit_records::customer, max(audit_records::at)))
        .load(conn)?;
    let issued: Vec<(i64, Option<At>)> = rewards::table
        .filter(rewards::merchant_id.eq(scope.merchant().0))
        .filter(their_rewards)
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

/// Blocks the customer; only under [`lock`].
pub fn block(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    no: CustomerNo,
    by: UserId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    diesel::update(c::table.filter(c::merchant_id.eq(scope.merchant().0)).filter(c::id.eq(no.0)))
        .set((c::blocked_at.eq(At(now)), c::blocked_by.eq(by.0), c::blocked_reason.eq(reason)))
        .execute(&mut **tx)?;
    Ok(())
}

/// Takes the block away; only under [`lock`]. Who had blocked them and why stays in the audit log.
pub fn unblock(tx: &mut WriteTx<'_>, scope: Scope, no: CustomerNo) -> Result<(), Error> {
    diesel::update(c::table.filter(c::merchant_id.eq(scope.merchant().0)).filter(c::id.eq(no.0)))
        .set((
            c::blocked_at.eq(None::<At>),
            c::blocked_by.eq(None::<i64>),
            c::blocked_reason.eq(None::<String>),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// Switches the customer's e-mails; only under [`lock`].
pub fn set_receives_emails(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    no: CustomerNo,
    on: bool,
) -> Result<(), Error> {
    let mine = c::table.filter(c::merchant_id.eq(scope.merchant().0)).filter(c::id.eq(no.0));
    diesel::update(mine).set(c::receives_emails.eq(on)).execute(&mut **tx)?;
    Ok(())
}
