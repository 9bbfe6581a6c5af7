//! What the audit log keeps of a person: texts encrypted under a key of that customer, which a
//! purge destroys. The log stays as it was written, its digests hold, and nobody can read them any
//! more.

use crate::{
    app::{Desk, Error, Fault, encrypted_text},
    db::{
        DbConn, Scope, WriteTx,
        audit::{self, ExportedRecord},
        customer_keys,
    },
    domain::{
        audit::{AuditRecord, Detail},
        audit_filter::RecordPlace,
        ids::{CustomerNo, MerchantId},
    },
};

/// What stands where the customer's key is gone.
pub const PURGED: &str = "(purged)";
/// What stands where the desk's secret key is not at hand, or another one than it was.
pub const ENCRYPTED: &str = "(encrypted)";

/// What the detail called `name` of a record about the customer is to hold. After a purge nothing
/// tells who it is about: the text itself.
///
/// Errors: [`Error::Fault`] without the desk's secret key, which everybody has who writes such
/// records, and without the database.
pub(in crate::app) fn seal(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    merchant: MerchantId,
    customer: CustomerNo,
    name: &str,
    text: &str,
) -> Result<Detail, Error> {
    let wrapping = wrapping_key(desk)
        .ok_or_else(|| Fault::Crypto("this needs REWARDDESK_SECRET_KEY".into()))?;
    let wrapped = customer_keys::hold(tx, merchant, customer, || {
        encrypted_text::encrypt(
            &wrapping,
            &place(merchant, customer, WRAPPED),
            &encrypted_text::random::<32>()?,
        )
    })?;
    let Some(wrapped) = wrapped else { return Ok(text.into()) };
    let key = unwrap(&wrapping, merchant, customer, &wrapped).ok_or_else(|| {
        Fault::Crypto(
            "a customer's key can't be decrypted because REWARDDESK_SECRET_KEY has changed".into(),
        )
    })?;
    Ok(encrypted_text::encrypt(&key, &place(merchant, customer, name), text.as_bytes())?.into())
}

/// Opens what can be opened, and says of the rest why it can't.
pub(in crate::app) fn open<'r>(
    conn: &mut DbConn,
    desk: &Desk,
    scope: Scope,
    records: impl Iterator<Item = &'r mut AuditRecord>,
) -> Result<(), Error> {
    let records: Vec<&mut AuditRecord> = records
        .filter(|record| record.details.iter().any(|(_, detail)| is_sealed(detail)))
        .collect();
    let customers: Vec<CustomerNo> = records.iter().filter_map(|record| record.customer).collect();
    if customers.is_empty() {
        return Ok(());
    }
    let (merchant, wrapping) = (scope.merchant(), wrapping_key(desk));
    let keys = customer_keys::list(conn, merchant, &customers)?;
    for record in records {
        let Some(customer) = record.customer else { continue };
        let wrapped = keys.iter().find(|(no, _)| *no == customer).map(|(_, key)| key);
        for (name, detail) in &mut record.details {
            if let Detail::Text(text) = detail
                && encrypted_text::is_encrypted(text)
            {
                *text = match (wrapped, &wrapping) {
                    (None, _) => PURGED.to_owned(),
                    (Some(wrapped), Some(wrapping)) => {
                        unwrap(wrapping, merchant, customer, wrapped)
                            .and_then(|key| {
                                encrypted_text::decrypt(
                                    &key,
                                    &place(merchant, customer, name),
                                    text,
                                )
                            })
                            .and_then(|bytes| String::from_utf8(bytes).ok())
                            .unwrap_or_else(|| ENCRYPTED.to_owned())
                    }
                    (Some(_), None) => ENCRYPTED.to_owned(),
                };
            }
        }
    }
    Ok(())
}

/// Up to `limit` records of the merchant's log with what can be opened of them.
pub(in crate::app) fn list(
    conn: &mut DbConn,
    desk: &Desk,
    scope: Scope,
    customer: Option<CustomerNo>,
    slice: audit::Slice<'_>,
    limit: i64,
) -> Result<Vec<AuditRecord>, Error> {
    let listed = audit::list(conn, Some(scope), customer, slice, limit)?;
    let mut records: Vec<AuditRecord> =
        listed.into_iter().map(|exported: ExportedRecord| exported.record).collect();
    open(conn, desk, scope, records.iter_mut())?;
    Ok(records)
}

/// The records at these places, in this order, with what can be opened of them.
pub(in crate::app) fn at(
    conn: &mut DbConn,
    desk: &Desk,
    scope: Scope,
    places: &[RecordPlace],
) -> Result<Vec<AuditRecord>, Error> {
    let ids: Vec<i64> = places.iter().map(|place| place.id.0).collect();
    let limit = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    let mut records = list(conn, desk, scope, None, audit::Slice::Of(&ids), limit)?;
    records.sort_by_key(|record| ids.iter().position(|id| *id == record.id.0));
    Ok(records)
}

pub(in crate::app) fn is_sealed(detail: &Detail) -> bool {
    matches!(detail, Detail::Text(text) if encrypted_text::is_encrypted(text))
}

fn wrapping_key(desk: &Desk) -> Option<encrypted_text::EncryptionKey> {
    desk.has_secret().then(|| desk.key_for("customer-keys-v1"))
}

/// No detail is called that.
const WRAPPED: &str = "";

fn unwrap(
    wrapping: &encrypted_text::EncryptionKey,
    merchant: MerchantId,
    customer: CustomerNo,
    wrapped: &str,
) -> Option<encrypted_text::EncryptionKey> {
    encrypted_text::decrypt(wrapping, &place(merchant, customer, WRAPPED), wrapped)?.try_into().ok()
}

/// What a text is bound to: fixed widths first, so that no two places read alike.
fn place(merchant: MerchantId, customer: CustomerNo, name: &str) -> Vec<u8> {
    [&merchant.0.to_be_bytes(), &customer.0.to_be_bytes(), name.as_bytes()].concat()
}
