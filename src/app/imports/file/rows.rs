//! Rows into typed values: what of a row can be judged without the database. Every text, number,
//! date and yes or no goes through the checks at the end.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::{header::Layout, records::FileRecord};
use crate::{
    app::imports::findings::DamageGroup,
    domain::{
        Invalid,
        code::CouponCode,
        damage::Damage,
        email::EmailAddress,
        fold,
        import::{Column, Holds},
        invisible,
        redemption::OrderNumber,
        reward::{RewardKind, RewardProvider},
        zone::{Bound, parse_instant},
    },
};

/// A row with the way to find its columns.
#[derive(Clone, Copy)]
pub struct FileRow<'a> {
    pub layout: &'a Layout,
    pub record: &'a FileRecord,
    pub zone: Tz,
}

/// A voucher as the file tells it; what it leaves out is the batch's to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voucher {
    pub code: CouponCode,
    pub pin: Option<String>,
    pub from: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    pub max_redemptions: i64,
    pub redemptions: i64,
    pub barred_reason: Option<String>,
}

/// A customer as the file tells it. The outer `None` is a column that the file does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedCustomer {
    pub email: EmailAddress,
    pub customer_id: Option<Option<String>>,
    pub first_name: Option<Option<String>>,
    pub last_name: Option<Option<String>>,
    pub locale: Option<Option<String>>,
    /// `None` also for an empty cell: silence must not turn somebody's e-mails on or off.
    pub receives_emails: Option<bool>,
}

/// How a row says that the reward reaches the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FulfilmentWay {
    Batch,
    External(RewardProvider),
}

/// A reward as the file tells it. The outer `None` of `code` is a file without that column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedReward {
    pub reward_id: String,
    pub email: EmailAddress,
    pub kind: RewardKind,
    pub title: String,
    pub way: FulfilmentWay,
    pub batch: Option<String>,
    pub code: Option<Option<CouponCode>>,
    pub issued_at: Option<DateTime<Utc>>,
}

/// A code to bar, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedBar {
    pub code: CouponCode,
    pub reason: String,
}

/// A person to purge, by one of them or by both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedPurge {
    pub email: Option<EmailAddress>,
    pub customer_id: Option<String>,
}

/// A redemption as the file tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedRedemption {
    pub code: CouponCode,
    pub redeemed_at: DateTime<Utc>,
    pub order: Option<OrderNumber>,
}

impl<'a> FileRow<'a> {
    fn cell(&self, name: &str) -> Cow<'a, str> {
        self.layout.cell(self.record, name).unwrap_or_default()
    }

    /// The cell of a column that may be empty: a word for no value is an empty cell.
    fn optional(&self, name: &str) -> Cow<'a, str> {
        let cell = self.cell(name);
        let holds = self.layout.columns().find(|column| column.name == name).map(|c| c.holds);
        match holds.and_then(|holds| damage_in(holds, &cell)) {
            Some(Damage::NoValue) => Cow::default(),
            _ => cell,
        }
    }

    fn text(&self, name: &str) -> Result<Option<String>, Invalid> {
        text_of(name, &self.optional(name), MAX_TEXT_CHARS)
    }

    fn reference(&self, name: &str) -> Result<Option<String>, Invalid> {
        reference_of(name, &self.optional(name))
    }

    fn instant(&self, name: &str, bound: Bound) -> Result<Option<DateTime<Utc>>, Invalid> {
        instant_of(name, &self.optional(name), self.zone, bound)
    }

    fn number(&self, name: &str, least: i64) -> Result<Option<i64>, Invalid> {
        number_of(name, &self.cell(name), least)
    }

    /// `value` of the column, where the file has it.
    fn present<T>(
        &self,
        name: &str,
        value: impl FnOnce(&str, &str) -> Result<T, Invalid>,
    ) -> Result<Option<T>, Invalid> {
        if self.layout.columns().any(|column| column.name == name) {
            value(name, &self.optional(name)).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Whether the row has the form that its header promises, and a value in every cell that holds
    /// something.
    fn check(&self) -> Result<(), Invalid> {
        self.layout.check(self.record)?;
        for Column { name, .. } in self.layout.columns() {
            if let Some(damage) = Damage::of_any(&self.cell(name)) {
                return Err(damage.reason(if *name == "code" { "this code" } else { name }));
            }
        }
        Ok(())
    }

    pub fn voucher(&self, uses_per_code: i64) -> Result<Voucher, Invalid> {
        self.check()?;
        let voucher = Voucher {
            code: CouponCode::parse(&self.cell("code"))?,
            pin: self.reference("pin")?,
            from: self.instant("valid_from", Bound::Start)?,
            until: self.instant("expires_at", Bound::End)?,
            max_redemptions: self.number("max_redemptions", 1)?.unwrap_or(uses_per_code),
            redemptions: self.number("redemptions", 0)?.unwrap_or(0),
            barred_reason: text_of("barred_reason", &self.optional("barred_reason"), 500)?,
        };
        if voucher.redemptions > voucher.max_redemptions {
            return Err(Invalid::because(format!(
                "redemptions ({}) must not be more than max_redemptions ({})",
                voucher.redemptions, voucher.max_redemptions
            )));
        }
        if let (Some(from), Some(until)) = (voucher.from, voucher.until)
            && from >= until
        {
            return Err(Invalid::because("expires_at must be after valid_from"));
        }
        Ok(voucher)
    }

    pub fn customer(&self) -> Result<ParsedCustomer, Invalid> {
        self.check()?;
        let line = |name: &str, cell: &str| text_of(name, cell, MAX_TEXT_CHARS);
        Ok(ParsedCustomer {
            email: EmailAddress::parse(&self.cell("email"))?,
            customer_id: self.present("customer_id", reference_of)?,
            first_name: self.present("first_name", line)?,
            last_name: self.present("last_name", line)?,
            locale: self.present("locale", locale)?,
            receives_emails: yes_or_no("receives_emails", &self.cell("receives_emails"))?,
        })
    }

    pub fn reward(&self) -> Result<ParsedReward, Invalid> {
        self.check()?;
        let way = match self.cell("fulfilment").to_lowercase().as_str() {
            "batch" => FulfilmentWay::Batch,
            provider => FulfilmentWay::External(provider.parse()?),
        };
        let reward = ParsedReward {
            reward_id: required("reward_id", self.reference("reward_id")?)?,
            email: EmailAddress::parse(&self.cell("email"))?,
            kind: self.cell("kind").to_lowercase().parse()?,
            title: required("title", self.text("title")?)?,
            way,
            batch: self.text("batch")?,
            code: self.present("code", |_, cell| {
                if cell.is_empty() { Ok(None) } else { CouponCode::parse(cell).map(Some) }
            })?,
            issued_at: self.instant("issued_at", Bound::Start)?,
        };
        if let FulfilmentWay::External(provider) = reward.way {
            // The code would have nowhere to live, and dropping it in silence would lose what
            // somebody may hold.
            if reward.code.as_ref().is_some_and(Option::is_some) {
                return Err(Invalid::because(format!(
                    "only fulfilment batch can have a code; leave it empty for {}",
                    provider.as_str()
                )));
            }
            if reward.batch.is_some() {
                return Err(Invalid::because(format!(
                    "only fulfilment batch can have a batch; leave it empty for {}",
                    provider.as_str()
                )));
            }
        }
        Ok(reward)
    }

    pub fn redemption(&self) -> Result<ParsedRedemption, Invalid> {
        self.check()?;
        Ok(ParsedRedemption {
            code: CouponCode::parse(&self.cell("code"))?,
            redeemed_at: required("redeemed_at", self.instant("redeemed_at", Bound::Start)?)?,
            order: self.reference("order_id")?.and_then(|order| OrderNumber::of(&order)),
        })
    }

    pub fn bar(&self) -> Result<ParsedBar, Invalid> {
        self.check()?;
        Ok(ParsedBar {
            code: CouponCode::parse(&self.cell("code"))?,
            reason: required("reason", self.text("reason")?)?,
        })
    }

    pub fn purge(&self) -> Result<ParsedPurge, Invalid> {
        self.check()?;
        let email = Some(self.optional("email"))
            .filter(|cell| !cell.is_empty())
            .map(|cell| EmailAddress::parse(&cell))
            .transpose()?;
        let customer_id = self.reference("customer_id")?;
        if email.is_none() && customer_id.is_none() {
            return Err(Invalid::because("this row names nobody; add an email or a customer_id"));
        }
        Ok(ParsedPurge { email, customer_id })
    }

    /// What a program has left in a row that cannot be taken, where that is why.
    pub fn damage(&self) -> Option<DamageGroup> {
        self.layout.check(self.record).ok()?;
        self.layout.columns().find_map(|column| {
            let cell = self.cell(column.name);
            match damage_in(column.holds, &cell) {
                Some(Damage::NoValue) if !column.required => None,
                Some(damage) => Some(damage.into()),
                None => (column.name == "code" && invisible::first_in(&cell).is_some())
                    .then_some(DamageGroup::Invisible),
            }
        })
    }

    /// The code that a row names, also where the rest of the row cannot be taken.
    pub fn claimed_code(&self) -> Option<CouponCode> {
        CouponCode::parse(&self.cell("code")).ok()
    }

    /// The batch that a row names, also where the rest of the row cannot be taken.
    pub fn claimed_batch(&self) -> Cow<'a, str> {
        self.cell("batch")
    }
}

/// What a program has left in a cell in the place of a value.
fn damage_in(holds: Holds, cell: &str) -> Option<Damage> {
    match holds {
        Holds::References => Damage::of(cell),
        Holds::Words => Damage::of_text(cell),
        // A number with decimals is for the column to judge: in some it is one.
        Holds::Values => Damage::of(cell).filter(|damage| !damage.is_number()),
    }
}

/// A language tag such as en, pt-BR or zh_Hant_TW.
fn locale(column: &str, cell: &str) -> Result<Option<String>, Invalid> {
    let fits = cell.len() <= 35
        && cell.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if fits {
        Ok((!cell.is_empty()).then(|| cell.to_owned()))
    } else {
        Err(Invalid::because(format!("{column} must be a language tag such as en or pt-BR")))
    }
}

/// The longest text in most columns; longer ones are a wrong column or an attack, not a name.
const MAX_TEXT_CHARS: usize = 255;

/// One line of text in Unicode's composed form, or `None` for an empty cell. Invisible characters
/// are dropped, but for those that shape words.
fn text_of(column: &str, cell: &str, longest: usize) -> Result<Option<String>, Invalid> {
    let cell = invisible::shown(cell);
    let cell = &*fold::nfc(&cell);
    if cell.is_empty() {
        return Ok(None);
    }
    let length = cell.chars().count();
    if length > longest {
        return Err(Invalid::because(format!(
            "{column} has {length} characters; at most {longest} are allowed"
        )));
    }
    if cell.chars().any(char::is_control) {
        return Err(Invalid::because(format!(
            "{column} contains a line break or control character"
        )));
    }
    Ok(Some(cell.to_owned()))
}

/// A reference that must survive a spreadsheet, or `None` for an empty cell.
fn reference_of(column: &str, cell: &str) -> Result<Option<String>, Invalid> {
    if let Some(damage) = Damage::of(cell).filter(|damage| damage.is_number()) {
        return Err(damage.reason(column));
    }
    text_of(column, cell, MAX_TEXT_CHARS)
}

/// A date or time, or `None` for an empty cell.
fn instant_of(
    column: &str,
    cell: &str,
    zone: Tz,
    bound: Bound,
) -> Result<Option<DateTime<Utc>>, Invalid> {
    if cell.is_empty() {
        return Ok(None);
    }
    parse_instant(cell, zone, bound)
        .map(Some)
        .map_err(|why| Invalid::because(format!("{column}: {why}")))
}

/// A whole number from `least` on, or `None` for an empty cell.
fn number_of(column: &str, cell: &str, least: i64) -> Result<Option<i64>, Invalid> {
    const MAX_USES: i64 = 1_000_000_000;
    if cell.is_empty() {
        return Ok(None);
    }
    match cell.parse::<i64>() {
        Ok(number) if (least..=MAX_USES).contains(&number) => Ok(Some(number)),
        _ => Err(Invalid::because(format!(
            "{column} must be a whole number from {least} to {MAX_USES}"
        ))),
    }
}

/// yes or no, or `None` for an empty cell.
fn yes_or_no(column: &str, cell: &str) -> Result<Option<bool>, Invalid> {
    match cell.to_lowercase().as_str() {
        "" => Ok(None),
        "yes" => Ok(Some(true)),
        "no" => Ok(Some(false)),
        _ => Err(Invalid::because(format!("{column} must be yes or no"))),
    }
}

/// The value, or a sentence that the cell is empty.
fn required<T>(column: &str, value: Option<T>) -> Result<T, Invalid> {
    value.ok_or_else(|| Invalid::because(format!("{column} is empty")))
}
