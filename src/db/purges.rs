//! Purging: taking a person out of every table. Codes, rewards, reissues and the audit log stay,
//! without the person.

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods, NullableExpressionMethods, QueryDsl, RunQueryDsl};

use super::{
    DbConn, Error, Scope, WriteTx, customer_keys, customers,
    instant::At,
    schema::{coupons, customers as c, mails as m, rewards},
};
use crate::domain::{
    customer::Customer,
    ids::{CustomerNo, UserId},
    mail::MailState,
};

/// What a purge took away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    /// Mails that lost their address and content.
    pub mails: i64,
    /// Those of them that will not be sent any more.
    pub cancelled: i64,
}

/// What stands in the place of a reason that somebody gave for barring the customer's code.
const REASON: &str = "(purged)";

/// Locks the customer's rewards, the customer and their coupons, in the order of everybody else,
/// and reads the customer. `None`: not this merchant's.
pub fn lock(tx: &mut WriteTx<'_>, scope: Scope, no: CustomerNo) -> Result<Option<Customer>, Error> {
    let merchant = scope.merchant().0;
    let mut owned: Vec<i64> = vec![];
    if let DbConn::Postgres(conn) = &mut **tx {
        let mine = rewards::table
            .filter(rewards::merchant_id.eq(merchant))
            .filter(rewards::customer.eq(no.0));
        owned = mine.order(rewards::id).select(rewards::id).for_no_key_update().load(conn)?;
    }
    let customer = customers::lock(tx, scope, no)?;
    if let DbConn::Postgres(conn) = &mut **tx {
        let handed_out = coupons::table
            .filter(coupons::merchant_id.eq(merchant))
            .filter(coupons::reward.eq_any(owned));
        handed_out.order(coupons::id).select(coupons::id).for_no_key_update().load::<i64>(conn)?;
    }
    Ok(customer)
}

/// Takes the person away; only under [`lock`].
pub fn erase(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    no: CustomerNo,
    by: Option<UserId>,
    now: DateTime<Utc>,
) -> Result<Erased, Error> {
    let merchant = scope.merchant().0;
    let of_theirs = m::table.filter(m::merchant_id.eq(merchant)).filter(m::customer.eq(no.0));
    // Also where a worker holds it: its lease is over, and with it the right to write down what
    // became of the mail.
    let cancelled = diesel::update(of_theirs.filter(m::state.eq(MailState::Queued.as_str())))
        .set((
            m::state.eq(MailState::Cancelled.as_str()),
            m::ended_at.eq(At(now)),
            m::lease_holder.eq(None::<String>),
        ))
        .execute(&mut **tx)?;
    let mails = diesel::update(of_theirs)
        .set((
            m::recipient.eq(""),
            m::subject.eq(""),
            m::text_body.eq(""),
            m::html_body.eq(""),
            m::last_error.eq(None::<String>),
        ))
        .execute(&mut **tx)?;
    let owned = rewards::table
        .filter(rewards::merchant_id.eq(merchant))
        .filter(rewards::customer.eq(no.0))
        .select(rewards::id.nullable());
    let barred = coupons::table
        .filter(coupons::merchant_id.eq(merchant))
        .filter(coupons::reward.eq_any(owned))
        .filter(coupons::barred_reason.is_not_null());
    diesel::update(barred).set(coupons::barred_reason.eq(REASON)).execute(&mut **tx)?;
    customer_keys::destroy(tx, scope, no)?;
    let nothing = None::<String>;
    diesel::update(c::table.filter(c::merchant_id.eq(merchant)).filter(c::id.eq(no.0)))
        .set((
            (
                c::email.eq(&nothing),
                c::customer_id.eq(&nothing),
                c::first_name.eq(&nothing),
                c::last_name.eq(&nothing),
            ),
            (c::locale.eq(&nothing), c::receives_emails.eq(true)),
            (
                c::blocked_at.eq(None::<At>),
                c::blocked_by.eq(None::<i64>),
                c::blocked_reason.eq(&nothing),
            ),
            (c::search.eq(""), c::first_key.eq(""), c::last_key.eq(""), c::id_key.eq("")),
            (c::purged_at.eq(At(now)), c::purged_by.eq(by.map(|user| user.0))),
        ))
        .execute(&mut **tx)?;
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    Ok(Erased { mails: count(mails), cancelled: count(cancelled) })
}
