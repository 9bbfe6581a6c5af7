//! Search keys and addresses that an earlier version of the rules made, and making them again, some
//! customers at a time.
//!
//! A row says by which version its keys were made (see the table `customers` in the migrations). Two versions
//! of the program may write at once: what the earlier one writes is noted by its default and by a
//! trigger, and is done again here.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName, RunQueryDsl,
    dsl::sql,
    expression::SqlLiteral,
    sql_query,
    sql_types::{Array, BigInt, Nullable, Text},
};

use super::{
    DbConn, Error, WriteTx,
    among::among,
    schema::{customers as c, users as u},
};
use crate::domain::{customer::SearchKeys, email::EmailAddress, fold, ids::UserId};

/// What an UPDATE that changes the keys writes beside them: this version, with the other sign than
/// before.
pub(super) fn changed_version() -> SqlLiteral<BigInt> {
    sql(&format!("CASE keys_version WHEN {0} THEN -{0} ELSE {0} END", fold::VERSION))
}

#[derive(QueryableByName)]
struct KeyCountRow {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// The condition of the index of old keys. Two bounds, since PostgreSQL knows how many rows a range
/// of a column holds.
fn is_old() -> String {
    format!("keys_version > -{0} AND keys_version < {0}", fold::VERSION)
}

/// How many customers have keys of an earlier version.
pub fn count_old(conn: &mut DbConn) -> Result<i64, Error> {
    let sql = format!("SELECT count(*) AS n FROM customers WHERE {}", is_old());
    Ok(sql_query(sql).get_result::<KeyCountRow>(conn)?.n)
}

/// Whether any customer has keys of an earlier version.
pub fn has_old(conn: &mut DbConn) -> Result<bool, Error> {
    let sql = format!("SELECT id AS n FROM customers WHERE {} ORDER BY id LIMIT 1", is_old());
    Ok(!sql_query(sql).load::<KeyCountRow>(conn)?.is_empty())
}

#[derive(QueryableByName)]
struct Old {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    merchant_id: i64,
    #[diesel(sql_type = Nullable<Text>)]
    email: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    customer_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    first_name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    last_name: Option<String>,
    #[diesel(sql_type = Text)]
    search: String,
    #[diesel(sql_type = Text)]
    first_key: String,
    #[diesel(sql_type = Text)]
    last_key: String,
    #[diesel(sql_type = Text)]
    id_key: String,
}

impl Old {
    /// The keys by today's rules; none of a purged customer, who has no address.
    fn keys(&self) -> SearchKeys {
        let [id, first, last] =
            [&self.customer_id, &self.first_name, &self.last_name].map(Option::as_deref);
        SearchKeys::of(self.email.as_deref().unwrap_or_default(), id, first, last)
    }

    fn has(&self, keys: &SearchKeys) -> bool {
        (&self.search, &self.first_key, &self.last_key, &self.id_key)
            == (&keys.search, &keys.first, &keys.last, &keys.id)
    }
}

/// Makes the keys of up to `limit` customers again, and gives their addresses the form of today;
/// answers how many are done. A customer whom another transaction holds is left for the next time.
pub fn renew(tx: &mut WriteTx<'_>, limit: i64) -> Result<usize, Error> {
    let lock = if matches!(&**tx, DbConn::Postgres(_)) { " FOR UPDATE SKIP LOCKED" } else { "" };
    let sql = format!(
        "SELECT id, merchant_id, email, customer_id, first_name, last_name, search, first_key, \
         last_key, id_key FROM customers \
         WHERE {} ORDER BY id LIMIT {limit}{lock}",
        is_old()
    );
    let mut rows: Vec<Old> = sql_query(sql).load(&mut **tx)?;
    let (mut changed, mut same) = (vec![], vec![]);
    for row in &mut rows {
        renew_address(tx, row)?;
        let keys = row.keys();
        if row.has(&keys) {
            same.push(row.id);
        } else {
            changed.push((row.id, keys));
        }
    }
    // Without the text column: the search index is left alone.
    let unchanged = among(tx, c::id, same.iter().copied());
    diesel::update(c::table.filter(unchanged))
        .set(c::keys_version.eq(fold::VERSION))
        .execute(&mut **tx)?;
    store(tx, &changed)?;
    Ok(rows.len())
}

fn store(tx: &mut WriteTx<'_>, changed: &[(i64, SearchKeys)]) -> Result<(), Error> {
    let updated = match &mut **tx {
        DbConn::Sqlite(conn) => {
            let rows: Vec<_> = changed
                .iter()
                .map(|(id, keys)| (id, &keys.search, &keys.first, &keys.last, &keys.id))
                .collect();
            sql_query(
                "UPDATE customers SET search = n.value ->> 1, first_key = n.value ->> 2, last_key \
                 = n.value ->> 3, \
                     id_key = n.value ->> 4, keys_version = ?1 FROM json_each(?2) AS n WHERE \
                     customers.id = n.value ->> 0",
            )
            .bind::<BigInt, _>(fold::VERSION)
            // Texts and numbers always have a form in JSON.
            .bind::<Text, _>(serde_json::to_string(&rows).unwrap_or_default())
            .execute(conn)?
        }
        DbConn::Postgres(conn) => {
            let texts = |of: fn(&SearchKeys) -> &String| {
                changed.iter().map(|(_, keys)| of(keys).as_str()).collect::<Vec<_>>()
            };
            sql_query(
                "UPDATE customers SET search = n.search, first_key = n.first_key, last_key = \
                 n.last_key, id_key = n.id_key, keys_version = $1 \
                 FROM unnest($2, $3, $4, $5, $6) AS n (id, search, first_key, last_key, id_key) \
                 WHERE customers.id = n.id",
            )
            .bind::<BigInt, _>(fold::VERSION)
            .bind::<Array<BigInt>, _>(changed.iter().map(|(id, _)| *id).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(texts(|keys| &keys.search))
            .bind::<Array<Text>, _>(texts(|keys| &keys.first))
            .bind::<Array<Text>, _>(texts(|keys| &keys.last))
            .bind::<Array<Text>, _>(texts(|keys| &keys.id))
            .execute(conn)?
        }
    };
    if updated == changed.len() {
        Ok(())
    } else {
        Err(Error::Corrupt("not every customer's search keys were written".into()))
    }
}

/// The form of today of a stored address, where it has another one.
fn current_form(stored: &str) -> Option<EmailAddress> {
    EmailAddress::parse(stored).ok().filter(|address| address.as_str() != stored)
}

/// Gives the customer's address its form of today. One that another customer has already is left:
/// two customers are not made one here; `rewarddesk check` names them.
fn renew_address(tx: &mut WriteTx<'_>, row: &mut Old) -> Result<(), Error> {
    let Some(address) = row.email.as_deref().and_then(current_form) else { return Ok(()) };
    let taken =
        c::table.filter(c::merchant_id.eq(row.merchant_id)).filter(c::email.eq(address.as_str()));
    if taken.select(c::id).first::<i64>(&mut **tx).optional()?.is_some() {
        return Ok(());
    }
    diesel::update(c::table.filter(c::id.eq(row.id)))
        .set(c::email.eq(address.as_str()))
        .execute(&mut **tx)?;
    row.email = Some(address.as_str().to_owned());
    Ok(())
}

/// The users whose stored addresses have another form today, with that form. There are few users:
/// all are read.
pub fn users_to_renew(conn: &mut DbConn) -> Result<Vec<(UserId, EmailAddress)>, Error> {
    let all: Vec<(i64, String)> = u::table.select((u::id, u::email)).order(u::id).load(conn)?;
    Ok(all
        .into_iter()
        .filter_map(|(id, stored)| Some((UserId(id), current_form(&stored)?)))
        .collect())
}

/// Gives each of these users the address; one that another user has already is left as it was.
pub fn renew_users(tx: &mut WriteTx<'_>, users: &[(UserId, EmailAddress)]) -> Result<(), Error> {
    for (id, address) in users {
        let taken = u::table
            .filter(u::email.eq(address.as_str()))
            .select(u::id)
            .first::<i64>(&mut **tx)
            .optional()?;
        if taken.is_none() {
            diesel::update(u::table.filter(u::id.eq(id.0)))
                .set(u::email.eq(address.as_str()))
                .execute(&mut **tx)?;
        }
    }
    Ok(())
}

/// Whose address has another form today and still has the earlier one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EarlierAddresses {
    pub customers: Vec<i64>,
    pub users: Vec<i64>,
}

/// Those whose address could not get its form of today, since another has that one; and those whose
/// slice has not come yet.
pub fn earlier_addresses(conn: &mut DbConn) -> Result<EarlierAddresses, Error> {
    #[derive(QueryableByName)]
    struct Stored {
        #[diesel(sql_type = BigInt)]
        id: i64,
        #[diesel(sql_type = Text)]
        email: String,
    }
    let mut beyond_ascii = |table: &str| -> Result<Vec<i64>, Error> {
        let sql = format!(
            "SELECT id, email FROM {table} WHERE octet_length(email) > length(email) ORDER BY id"
        );
        let rows: Vec<Stored> = sql_query(sql).load(conn)?;
        Ok(rows
            .into_iter()
            .filter(|row| current_form(&row.email).is_some())
            .map(|row| row.id)
            .collect())
    };
    Ok(EarlierAddresses { customers: beyond_ascii("customers")?, users: beyond_ascii("users")? })
}
