//! Voucher batches. Must not know the codes in them; see `coupons`.

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, dsl::exists, select};

use super::{
    DbConn, Error, Scope, WriteTx,
    instant::{At, columns_of},
    schema::batches::{self as b, dsl},
};
use crate::domain::{batch::Window, ids::BatchId};

/// A batch about to be added.
pub struct NewBatch<'a> {
    pub name: &'a str,
    pub window: Window,
    pub uses_per_code: i64,
    pub case_sensitive: bool,
}

/// Whether the merchant has a batch of that name.
pub fn name_is_taken(conn: &mut DbConn, scope: Scope, name: &str) -> Result<bool, Error> {
    let batch = dsl::batches.filter(b::merchant_id.eq(scope.merchant().0)).filter(b::name.eq(name));
    Ok(select(exists(batch)).get_result(conn)?)
}

/// Adds an empty batch. A name that is taken is [`Error::Conflict`].
pub fn add(tx: &mut WriteTx<'_>, scope: Scope, new: &NewBatch<'_>, now: DateTime<Utc>) -> Result<BatchId, Error> {
    let (valid_from, valid_until) = columns_of(new.window);
    let id: i64 = diesel::insert_into(b::table)
        .values((
            b::merchant_id.eq(scope.merchant().0),
            b::name.eq(new.name),
            b::valid_from.eq(valid_from),
            b::valid_until.eq(valid_until),
            b::uses_per_code.eq(new.uses_per_code),
            b::case_sensitive.eq(new.case_sensitive),
            b::created_at.eq(At(now)),
        ))
        .returning(b::id)
        .get_result(&mut **tx)?;
    Ok(BatchId(id))
}
