//! A key for each customer of whom the audit log holds personal text, wrapped; a purge destroys it.
//!
//! A record says whose it is, also to the mail worker, which serves all merchants: so do these
//! functions.

use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl};

use super::{DbConn, Error, Scope, WriteTx, among::among, customers, schema::customer_keys as k};
use crate::domain::ids::{CustomerNo, MerchantId};

/// The customer's wrapped key, held with the customer until the transaction ends; what `fresh`
/// makes where there is none yet. `None`: the customer is purged, and gets no key any more.
pub fn hold<E: From<Error>>(
    tx: &mut WriteTx<'_>,
    merchant: MerchantId,
    customer: CustomerNo,
    fresh: impl FnOnce() -> Result<String, E>,
) -> Result<Option<String>, E> {
    if customers::hold(tx, merchant, customer)?.is_none_or(|person| person.purged_at.is_some()) {
        return Ok(None);
    }
    if let Some(known) = find(tx, merchant, customer)? {
        return Ok(Some(known));
    }
    let row =
        (k::merchant_id.eq(merchant.0), k::customer.eq(customer.0), k::wrapped_key.eq(fresh()?));
    // Two may make one at once: the first one's counts.
    match &mut **tx {
        DbConn::Sqlite(conn) => diesel::insert_or_ignore_into(k::table).values(row).execute(conn),
        DbConn::Postgres(conn) => {
            diesel::insert_into(k::table).values(row).on_conflict_do_nothing().execute(conn)
        }
    }
    .map_err(Error::from)?;
    Ok(find(tx, merchant, customer)?)
}

fn find(
    conn: &mut DbConn,
    merchant: MerchantId,
    customer: CustomerNo,
) -> Result<Option<String>, Error> {
    Ok(list(conn, merchant, &[customer])?.pop().map(|(_, key)| key))
}

/// The wrapped keys of those of these customers who have one.
pub fn list(
    conn: &mut DbConn,
    merchant: MerchantId,
    of: &[CustomerNo],
) -> Result<Vec<(CustomerNo, String)>, Error> {
    let theirs = among(conn, k::customer, of.iter().map(|no| no.0));
    let rows: Vec<(i64, String)> = k::table
        .filter(k::merchant_id.eq(merchant.0))
        .filter(theirs)
        .select((k::customer, k::wrapped_key))
        .load(conn)?;
    Ok(rows.into_iter().map(|(customer, key)| (CustomerNo(customer), key)).collect())
}

/// Destroys the customer's key: nothing that was encrypted under it can be read any more.
pub fn destroy(tx: &mut WriteTx<'_>, scope: Scope, customer: CustomerNo) -> Result<(), Error> {
    let own =
        k::table.filter(k::merchant_id.eq(scope.merchant().0)).filter(k::customer.eq(customer.0));
    diesel::delete(own).execute(&mut **tx)?;
    Ok(())
}
