//! Merchants in the database, and the scope that the command line's operator gets.

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};

use super::{
    DbConn, Error, Scope, WriteTx,
    instant::At,
    schema::merchants::{self as m, dsl},
};
use crate::domain::{
    email::{EmailAddress, Mailbox},
    ids::MerchantId,
    merchant::{Merchant, Slug, StockRules, TicketUrl},
    zone,
};

#[derive(Queryable)]
pub(super) struct MerchantRow {
    id: i64,
    slug: String,
    name: String,
    timezone: String,
    ticket_url: Option<String>,
    account_manager_name: Option<String>,
    account_manager_email: Option<String>,
    mail_from: Option<String>,
    stock_threshold: i64,
    least_days: i64,
    requires_second_factor: bool,
}

pub(super) const COLUMNS: (
    m::id,
    m::slug,
    m::name,
    m::timezone,
    m::ticket_url,
    m::account_manager_name,
    m::account_manager_email,
    m::mail_from,
    m::stock_threshold,
    m::least_days,
    m::requires_second_factor,
) = (
    m::id,
    m::slug,
    m::name,
    m::timezone,
    m::ticket_url,
    m::account_manager_name,
    m::account_manager_email,
    m::mail_from,
    m::stock_threshold,
    m::least_days,
    m::requires_second_factor,
);

impl TryFrom<MerchantRow> for Merchant {
    type Error = Error;

    fn try_from(row: MerchantRow) -> Result<Self, Error> {
        Ok(Self {
            id: MerchantId(row.id),
            slug: Slug::stored(row.slug),
            name: row.name,
            zone: zone::parse_zone(&row.timezone)?,
            ticket_url: row.ticket_url.map(TicketUrl::stored),
            account_manager: row.account_manager_email.map(|address| Mailbox {
                name: row.account_manager_name,
                address: EmailAddress::stored(address),
            }),
            mail_from: row.mail_from.as_deref().map(Mailbox::parse).transpose()?,
            stock_rules: StockRules { threshold: row.stock_threshold, least_days: row.least_days },
            requires_second_factor: row.requires_second_factor,
        })
    }
}

/// A merchant about to be added.
pub struct NewMerchant<'a> {
    pub slug: &'a Slug,
    pub name: &'a str,
    pub zone: chrono_tz::Tz,
    pub ticket_url: Option<&'a TicketUrl>,
    pub account_manager: Option<&'a Mailbox>,
    pub mail_from: Option<&'a Mailbox>,
}

/// Adds a merchant. A slug that is taken is [`Error::Conflict`].
pub fn add(
    tx: &mut WriteTx<'_>,
    new: &NewMerchant<'_>,
    now: DateTime<Utc>,
) -> Result<Scope, Error> {
    let id: i64 = diesel::insert_into(m::table)
        .values((
            m::slug.eq(new.slug.as_str()),
            m::name.eq(new.name),
            m::timezone.eq(new.zone.name()),
            m::ticket_url.eq(new.ticket_url.map(TicketUrl::as_str)),
            m::account_manager_name.eq(new.account_manager.and_then(|a| a.name.as_deref())),
            m::account_manager_email.eq(new.account_manager.map(|a| a.address.as_str())),
            m::mail_from.eq(new.mail_from.map(ToString::to_string)),
            m::created_at.eq(At(now)),
        ))
        .returning(m::id)
        .get_result(&mut **tx)?;
    Ok(Scope::of(MerchantId(id)))
}

/// The merchant of that slug with full rights over its rows, for commands run by the machine's
/// operator.
pub fn for_operator(conn: &mut DbConn, slug: &str) -> Result<Option<(Scope, Merchant)>, Error> {
    let row: Option<MerchantRow> =
        dsl::merchants.select(COLUMNS).filter(m::slug.eq(slug)).first(conn).optional()?;
    row.map(Merchant::try_from)
        .transpose()
        .map(|found| found.map(|merchant| (Scope::of(merchant.id), merchant)))
}

/// Sets the merchant's thresholds for its batches.
pub fn set_stock_rules(tx: &mut WriteTx<'_>, scope: Scope, rules: StockRules) -> Result<(), Error> {
    diesel::update(dsl::merchants.filter(m::id.eq(scope.merchant().0)))
        .set((m::stock_threshold.eq(rules.threshold), m::least_days.eq(rules.least_days)))
        .execute(&mut **tx)?;
    Ok(())
}

/// The merchant of a scope, its row held until the transaction ends: another change of it comes
/// after.
pub fn lock(tx: &mut WriteTx<'_>, scope: Scope) -> Result<Merchant, Error> {
    let query = dsl::merchants.select(COLUMNS).filter(m::id.eq(scope.merchant().0));
    let row: MerchantRow = match &mut **tx {
        // BEGIN IMMEDIATE holds every row already.
        DbConn::Sqlite(c) => query.first(c)?,
        DbConn::Postgres(c) => query.for_no_key_update().first(c)?,
    };
    row.try_into()
}

/// Sets all that can be set.
pub fn set_settings(tx: &mut WriteTx<'_>, scope: Scope, new: &Merchant) -> Result<(), Error> {
    diesel::update(dsl::merchants.filter(m::id.eq(scope.merchant().0)))
        .set((
            m::name.eq(&new.name),
            m::timezone.eq(new.zone.name()),
            m::ticket_url.eq(new.ticket_url.as_ref().map(TicketUrl::as_str)),
            m::account_manager_name
                .eq(new.account_manager.as_ref().and_then(|contact| contact.name.as_deref())),
            m::account_manager_email
                .eq(new.account_manager.as_ref().map(|contact| contact.address.as_str())),
            m::mail_from.eq(new.mail_from.as_ref().map(ToString::to_string)),
            m::requires_second_factor.eq(new.requires_second_factor),
            m::stock_threshold.eq(new.stock_rules.threshold),
            m::least_days.eq(new.stock_rules.least_days),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// The merchant of a scope.
pub fn get(conn: &mut DbConn, scope: Scope) -> Result<Merchant, Error> {
    dsl::merchants
        .select(COLUMNS)
        .filter(m::id.eq(scope.merchant().0))
        .first::<MerchantRow>(conn)?
        .try_into()
}

/// All merchants by slug, with rights over each; for the operator's commands.
pub fn list_for_operator(conn: &mut DbConn) -> Result<Vec<(Scope, Merchant)>, Error> {
    let rows: Vec<MerchantRow> = dsl::merchants.select(COLUMNS).order(m::slug).load(conn)?;
    rows.into_iter()
        .map(|row| Merchant::try_from(row).map(|merchant| (Scope::of(merchant.id), merchant)))
        .collect()
}
