//! Customers by address, many at once; adding and changing them.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, QueryDsl, Queryable, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{Array, BigInt, Text},
};

use super::super::{
    DbConn, Error, Scope, WriteTx,
    instant::{At, Instant},
    schema::customers as c,
    search_keys::changed_version,
};
use crate::{
    domain::{customer::SearchKeys, fold, ids::CustomerNo},
    each,
};

/// What an import may say of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedPerson {
    pub email: String,
    pub customer_id: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub locale: Option<String>,
    pub receives_emails: bool,
}

/// A customer that is there already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownCustomer {
    pub no: CustomerNo,
    pub person: ImportedPerson,
    pub purged: bool,
}

#[derive(Queryable)]
struct KnownCustomerRow {
    id: i64,
    email: Option<String>,
    customer_id: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    locale: Option<String>,
    receives_emails: bool,
    purged_at: Option<At>,
}

/// The customers with these addresses.
pub fn find_by_email(
    conn: &mut DbConn,
    scope: Scope,
    emails: &[String],
) -> Result<Vec<KnownCustomer>, Error> {
    let mut all = Vec::new();
    for some in emails.chunks(1000) {
        let query = c::table
            .filter(c::merchant_id.eq(scope.merchant().0))
            .filter(c::email.eq_any(some))
            .select((
                c::id,
                c::email,
                c::customer_id,
                c::first_name,
                c::last_name,
                c::locale,
                c::receives_emails,
                c::purged_at,
            ));
        let rows: Vec<KnownCustomerRow> = each!(conn, |conn| query.load(conn))?;
        all.extend(rows.into_iter().map(|row| KnownCustomer {
            no: CustomerNo(row.id),
            purged: row.purged_at.is_some(),
            person: ImportedPerson {
                email: row.email.unwrap_or_default(),
                customer_id: row.customer_id,
                first_name: row.first_name,
                last_name: row.last_name,
                locale: row.locale,
                receives_emails: row.receives_emails,
            },
        }));
    }
    Ok(all)
}

/// The customers who have exactly this reference of the merchant's own.
pub fn find_by_customer_id(
    conn: &mut DbConn,
    scope: Scope,
    customer_id: &str,
) -> Result<Vec<CustomerNo>, Error> {
    // The comparable form is what the index is on.
    let same = c::table
        .filter(c::merchant_id.eq(scope.merchant().0))
        .filter(c::id_key.eq(fold::for_search(customer_id)));
    let found: Vec<i64> = same.filter(c::customer_id.eq(customer_id)).select(c::id).load(conn)?;
    Ok(found.into_iter().map(CustomerNo).collect())
}

/// A customer's ID with the address that it came with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdOfAddress {
    pub customer_id: String,
    pub email: String,
}

impl IdOfAddress {
    /// Those of a person who has an ID.
    pub fn of(person: &ImportedPerson) -> Option<Self> {
        Some(Self { customer_id: person.customer_id.clone()?, email: person.email.clone() })
    }
}

#[derive(QueryableByName)]
struct TakenIdRow {
    #[diesel(sql_type = Text)]
    customer_id: String,
}

/// Those of the IDs that a customer with another address has. Each is looked up by itself and no
/// further than its first such customer: in some shops thousands have one ID.
pub fn with_other_addresses(
    conn: &mut DbConn,
    scope: Scope,
    ids: &[&IdOfAddress],
) -> Result<HashSet<String>, Error> {
    // An empty key is that of everybody without an ID: all of them would be gone through.
    let (ids, keys): (Vec<&IdOfAddress>, Vec<String>) = ids
        .iter()
        .map(|id| (*id, fold::for_search(&id.customer_id)))
        .filter(|(_, key)| !key.is_empty())
        .unzip();
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let has_other = "EXISTS (SELECT 1 FROM customers c WHERE c.merchant_id = ?1 AND c.id_key = \
        w.id_key AND c.customer_id = w.customer_id \
         AND c.email <> w.email)";
    let taken: Vec<TakenIdRow> = match conn {
        DbConn::Sqlite(conn) => {
            let rows: Vec<_> =
                ids.iter().zip(&keys).map(|(id, key)| (&id.customer_id, key, &id.email)).collect();
            sql_query(format!(
                "SELECT w.customer_id FROM (SELECT value ->> 0 AS customer_id, value ->> 1 AS \
                 id_key, value ->> 2 AS email FROM json_each(?2)) \
                 AS w WHERE {has_other}"
            ))
            .bind::<BigInt, _>(scope.merchant().0)
            // Texts always have a form in JSON.
            .bind::<Text, _>(serde_json::to_string(&rows).unwrap_or_default())
            .load(conn)?
        }
        DbConn::Postgres(conn) => {
            let has_other = has_other.replace('?', "$");
            sql_query(format!(
                "SELECT w.customer_id FROM unnest($2, $3, $4) AS w (customer_id, \
                id_key, email) WHERE {has_other}"
            ))
            .bind::<BigInt, _>(scope.merchant().0)
            .bind::<Array<Text>, _>(
                ids.iter().map(|id| id.customer_id.as_str()).collect::<Vec<_>>(),
            )
            .bind::<Array<Text>, _>(keys)
            .bind::<Array<Text>, _>(ids.iter().map(|id| id.email.as_str()).collect::<Vec<_>>())
            .load(conn)?
        }
    };
    Ok(taken.into_iter().map(|taken| taken.customer_id).collect())
}

fn keys_of(person: &ImportedPerson) -> SearchKeys {
    SearchKeys::of(
        &person.email,
        person.customer_id.as_deref(),
        person.first_name.as_deref(),
        person.last_name.as_deref(),
    )
}

/// Adds customers. None of the addresses may be taken.
pub fn insert(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    people: &[ImportedPerson],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let inserted = match &mut **tx {
        // One statement for all; see `publish::insert`.
        DbConn::Sqlite(conn) => sql_query(
            "INSERT INTO customers (merchant_id, email, customer_id, first_name, last_name, \
             locale, receives_emails, \
                 search, first_key, last_key, id_key, created_at, keys_version) \
             SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value \
             ->> 5, \
                 value ->> 6, value ->> 7, value ->> 8, value ->> 9, ?2, ?4 FROM json_each(?3)",
        )
        .bind::<BigInt, _>(scope.merchant().0)
        .bind::<Instant, _>(At(now))
        .bind::<Text, _>(as_json(people))
        .bind::<BigInt, _>(fold::VERSION)
        .execute(conn)?,
        DbConn::Postgres(conn) => {
            let values = |person: &ImportedPerson| {
                let keys = keys_of(person);
                (
                    c::merchant_id.eq(scope.merchant().0),
                    c::email.eq(person.email.clone()),
                    c::customer_id.eq(person.customer_id.clone()),
                    c::first_name.eq(person.first_name.clone()),
                    c::last_name.eq(person.last_name.clone()),
                    c::locale.eq(person.locale.clone()),
                    c::receives_emails.eq(person.receives_emails),
                    c::search.eq(keys.search),
                    c::first_key.eq(keys.first),
                    c::last_key.eq(keys.last),
                    c::id_key.eq(keys.id),
                    c::created_at.eq(At(now)),
                    c::keys_version.eq(fold::VERSION),
                )
            };
            diesel::insert_into(c::table)
                .values(people.iter().map(values).collect::<Vec<_>>())
                .execute(conn)?
        }
    };
    if inserted == people.len() {
        Ok(())
    } else {
        Err(Error::Corrupt("not every customer of a file was written".into()))
    }
}

fn as_json(people: &[ImportedPerson]) -> String {
    let rows: Vec<_> = people
        .iter()
        .map(|person| {
            let ImportedPerson {
                email,
                customer_id,
                first_name,
                last_name,
                locale,
                receives_emails,
            } = person;
            let SearchKeys { search, first, last, id } = keys_of(person);
            (
                email,
                customer_id,
                first_name,
                last_name,
                locale,
                receives_emails,
                search,
                first,
                last,
                id,
            )
        })
        .collect();
    // Texts and flags always have a form in JSON.
    serde_json::to_string(&rows).unwrap_or_default()
}

/// Gives a customer these values; one who was purged meanwhile stays purged.
pub fn update(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    no: CustomerNo,
    person: &ImportedPerson,
) -> Result<bool, Error> {
    let keys = keys_of(person);
    let there = c::table
        .filter(c::merchant_id.eq(scope.merchant().0))
        .filter(c::id.eq(no.0))
        .filter(c::purged_at.is_null());
    let updated = diesel::update(there)
        .set((
            c::customer_id.eq(person.customer_id.as_deref()),
            c::first_name.eq(person.first_name.as_deref()),
            c::last_name.eq(person.last_name.as_deref()),
            c::locale.eq(person.locale.as_deref()),
            c::receives_emails.eq(person.receives_emails),
            c::search.eq(keys.search),
            c::first_key.eq(keys.first),
            c::last_key.eq(keys.last),
            c::id_key.eq(keys.id),
            c::keys_version.eq(changed_version()),
        ))
        .execute(&mut **tx)?;
    Ok(updated == 1)
}
