//! The desk's first user, who comes in by a link that only the machine's operator sees: there is no
//! default account.

use chrono_tz::Tz;

use super::account_mail;
use crate::{
    app::{Desk, Error, names, sign_in::passwords, tokens},
    db::{DbConn, WriteTx, account_links, audit, memberships, merchants, users},
    domain::{
        Invalid,
        account_link::LinkPurpose,
        audit::{Action, Actor, NewRecord},
        email::EmailAddress,
        merchant::Slug,
        role::Role,
        zone,
    },
};

/// A link to become the first user, while there is none; the one before it ends.
pub fn open_the_door(desk: &Desk) -> Result<Option<String>, Error> {
    desk.db.write(|tx| {
        if users::exist(tx)? {
            return Ok(None);
        }
        let (link, now) = (account_mail::new_link(desk, "setup")?, desk.clock.now());
        account_links::replace(
            tx,
            &link.hash,
            LinkPurpose::Setup,
            None,
            now,
            now + LinkPurpose::Setup.lifetime(),
        )?;
        Ok(Some(link.address))
    })
}

/// What the page asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Door {
    /// Whether a merchant is to be made, too.
    pub asks_for_merchant: bool,
}

/// The page that the link leads to; `None`: it is not, or no longer, to be followed.
pub fn look_at_door(desk: &Desk, token: &str) -> Result<Option<Door>, Error> {
    let hash = tokens::hash(token);
    desk.db.read(|conn| door(conn, desk, &hash).map(|found| found.map(|(_, door)| door)))
}

fn door(conn: &mut DbConn, desk: &Desk, hash: &str) -> Result<Option<(i64, Door)>, Error> {
    let link = account_links::find_open(conn, hash, desk.clock.now())?
        .filter(|link| link.purpose == LinkPurpose::Setup);
    let Some(link) = link else { return Ok(None) };
    if users::exist(conn)? {
        return Ok(None);
    }
    Ok(Some((link.id, Door { asks_for_merchant: merchants::list_for_operator(conn)?.is_empty() })))
}

/// What was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FirstUser {
    pub email: String,
    pub name: String,
    pub password: String,
    pub merchant: String,
    pub slug: String,
    pub timezone: String,
}

/// A field of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetUpField {
    Email,
    Name,
    Password,
    Merchant,
    Slug,
    TimeZone,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetUp {
    Done,
    Invalid(Vec<(SetUpField, Invalid)>),
    /// Somebody was quicker, or the link is too old.
    Gone,
}

/// Makes the first user an administrator of all merchants, and the first merchant where there is
/// none. Slow on purpose.
pub fn set_up(
    desk: &Desk,
    token: &str,
    typed: &FirstUser,
    request_id: &str,
) -> Result<SetUp, Error> {
    let Some(seen) = look_at_door(desk, token)? else { return Ok(SetUp::Gone) };
    let first = match judge(typed, seen) {
        Ok(first) => first,
        Err(invalid) => return Ok(SetUp::Invalid(invalid)),
    };
    let (hash, token) = (passwords::hash(&typed.password)?, tokens::hash(token));
    desk.db.write(|tx| {
        let now = desk.clock.now();
        let Some((link, found)) = door(tx, desk, &token)? else { return Ok(SetUp::Gone) };
        if found != seen || !account_links::use_up(tx, link, now)? {
            return Ok(SetUp::Gone);
        }
        let user = users::add(tx, &first.email, &first.name, &hash, now)?;
        if let Some((slug, name, zone)) = &first.merchant {
            let new = merchants::NewMerchant {
                slug,
                name,
                zone: *zone,
                ticket_url: None,
                account_manager: None,
                mail_from: None,
            };
            merchants::add(tx, &new, now)?;
        }
        for (scope, merchant) in merchants::list_for_operator(tx)? {
            let record = |action| NewRecord::new(Some(scope.merchant()), action, Actor::User(user));
            if first.merchant.is_some() {
                let added = record(Action::MerchantAdded)
                    .detail("name", merchant.name.as_str())
                    .detail("timezone", merchant.zone.name());
                append(tx, desk, added, request_id)?;
            }
            memberships::add(tx, scope, user, Role::Administrator)?;
            let added = record(Action::UserAdded)
                .detail("user", user.0)
                .detail("role", Role::Administrator.as_str());
            append(tx, desk, added, request_id)?;
        }
        Ok(SetUp::Done)
    })
}

fn append(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    record: NewRecord,
    request_id: &str,
) -> Result<(), Error> {
    audit::append(
        tx,
        &NewRecord { request_id: Some(request_id.to_owned()), ..record },
        desk.clock.now(),
    )?;
    Ok(())
}

struct CheckedForm {
    email: EmailAddress,
    name: String,
    merchant: Option<(Slug, String, Tz)>,
}

fn judge(typed: &FirstUser, door: Door) -> Result<CheckedForm, Vec<(SetUpField, Invalid)>> {
    let mut invalid = Vec::new();
    let email = note(&mut invalid, SetUpField::Email, EmailAddress::parse(&typed.email));
    let name = note(&mut invalid, SetUpField::Name, names::check("the name", &typed.name));
    note(
        &mut invalid,
        SetUpField::Password,
        passwords::check_new(&typed.password, &[&typed.email, &typed.name]),
    );
    let merchant = door.asks_for_merchant.then(|| {
        let slug = note(&mut invalid, SetUpField::Slug, Slug::parse(typed.slug.trim()));
        let name = note(
            &mut invalid,
            SetUpField::Merchant,
            names::check("the merchant's name", &typed.merchant),
        );
        let zone = note(&mut invalid, SetUpField::TimeZone, zone::parse_zone(&typed.timezone));
        Some((slug?, name?, zone?))
    });
    match (email, name, merchant) {
        (Some(email), Some(name), None) if invalid.is_empty() => {
            Ok(CheckedForm { email, name, merchant: None })
        }
        (Some(email), Some(name), Some(Some(merchant))) if invalid.is_empty() => {
            Ok(CheckedForm { email, name, merchant: Some(merchant) })
        }
        _ => Err(invalid),
    }
}

fn note<T>(
    invalid: &mut Vec<(SetUpField, Invalid)>,
    part: SetUpField,
    outcome: Result<T, Invalid>,
) -> Option<T> {
    outcome.map_err(|why| invalid.push((part, why))).ok()
}
