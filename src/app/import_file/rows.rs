//! Rows into typed values: what of a row can be judged without the database.
//! Must not know what is stored.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::{
    cells::{self, LONGEST},
    findings::Cause,
    header::Layout,
    records::Record,
};
use crate::domain::{
    Unfit,
    code::{CouponCode, is_spreadsheet_number},
    email::EmailAddress,
    redemption::OrderNumber,
    reward::{Provider, RewardKind},
    zone::Bound,
};

/// A row with the way to find its columns.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    pub layout: &'a Layout,
    pub record: &'a Record,
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
pub struct CustomerRow {
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
pub enum Way {
    Batch,
    External(Provider),
}

/// A reward as the file tells it. The outer `None` of `code` is a file without that column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RewardRow {
    pub reward_id: String,
    pub email: EmailAddress,
    pub kind: RewardKind,
    pub title: String,
    pub way: Way,
    pub batch: Option<String>,
    pub code: Option<Option<CouponCode>>,
    pub issued_at: Option<DateTime<Utc>>,
}

/// A code to bar, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BarRow {
    pub code: CouponCode,
    pub reason: String,
}

/// A person to purge, by one of them or by both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurgeRow {
    pub email: Option<EmailAddress>,
    pub customer_id: Option<String>,
}

/// A redemption as the file tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedemptionRow {
    pub code: CouponCode,
    pub redeemed_at: DateTime<Utc>,
    pub order: Option<OrderNumber>,
}

impl<'a> Row<'a> {
    fn cell(&self, name: &str) -> &'a str {
        self.layout.cell(self.record, name).unwrap_or_default()
    }

    fn text(&self, name: &str) -> Result<Option<String>, Unfit> {
        cells::text(name, self.cell(name), LONGEST)
    }

    fn instant(&self, name: &str, bound: Bound) -> Result<Option<DateTime<Utc>>, Unfit> {
        cells::instant(name, self.cell(name), self.zone, bound)
    }

    /// `value` of the column, where the file has it.
    fn present<T>(&self, name: &str, value: impl FnOnce(&str, &str) -> Result<T, Unfit>) -> Result<Option<T>, Unfit> {
        self.layout.cell(self.record, name).map(|cell| value(name, cell)).transpose()
    }

    pub fn voucher(&self, uses_per_code: i64) -> Result<Voucher, Unfit> {
        self.layout.check(self.record)?;
        let voucher = Voucher {
            code: CouponCode::parse(self.cell("code"))?,
            pin: cells::reference("pin", self.cell("pin"))?,
            from: self.instant("valid_from", Bound::Start)?,
            until: self.instant("expires_at", Bound::End)?,
            max_redemptions: cells::number("max_redemptions", self.cell("max_redemptions"), 1)?.unwrap_or(uses_per_code),
            redemptions: cells::number("redemptions", self.cell("redemptions"), 0)?.unwrap_or(0),
            barred_reason: cells::text("barred_reason", self.cell("barred_reason"), 500)?,
        };
        if voucher.redemptions > voucher.max_redemptions {
            return Err(Unfit::because(format!(
                "redemptions ({}) must not be more than max_redemptions ({})",
                voucher.redemptions, voucher.max_redemptions
            )));
        }
        if let (Some(from), Some(until)) = (voucher.from, voucher.until)
            && from >= until
        {
            return Err(Unfit::because("expires_at must lie after valid_from"));
        }
        Ok(voucher)
    }

    pub fn customer(&self) -> Result<CustomerRow, Unfit> {
        self.layout.check(self.record)?;
        let line = |name: &str, cell: &str| cells::text(name, cell, LONGEST);
        Ok(CustomerRow {
            email: EmailAddress::parse(self.cell("email"))?,
            customer_id: self.present("customer_id", cells::reference)?,
            first_name: self.present("first_name", line)?,
            last_name: self.present("last_name", line)?,
            locale: self.present("locale", locale)?,
            receives_emails: cells::yes_no("receives_emails", self.cell("receives_emails"))?,
        })
    }

    pub fn reward(&self) -> Result<RewardRow, Unfit> {
        self.layout.check(self.record)?;
        let way = match self.cell("fulfilment").to_lowercase().as_str() {
            "batch" => Way::Batch,
            provider => Way::External(provider.parse()?),
        };
        let reward = RewardRow {
            reward_id: cells::required("reward_id", cells::reference("reward_id", self.cell("reward_id"))?)?,
            email: EmailAddress::parse(self.cell("email"))?,
            kind: self.cell("kind").to_lowercase().parse()?,
            title: cells::required("title", self.text("title")?)?,
            way,
            batch: self.text("batch")?,
            code: self.present("code", |_, cell| if cell.is_empty() { Ok(None) } else { CouponCode::parse(cell).map(Some) })?,
            issued_at: self.instant("issued_at", Bound::Start)?,
        };
        if let Way::External(provider) = reward.way {
            // The code would have nowhere to live, and dropping it in silence would lose what somebody may hold.
            if reward.code.as_ref().is_some_and(Option::is_some) {
                return Err(Unfit::because(format!("only fulfilment batch has a code here; leave it empty for {}", provider.as_str())));
            }
            if reward.batch.is_some() {
                return Err(Unfit::because(format!("only fulfilment batch has a batch; leave it empty for {}", provider.as_str())));
            }
        }
        Ok(reward)
    }

    pub fn redemption(&self) -> Result<RedemptionRow, Unfit> {
        self.layout.check(self.record)?;
        Ok(RedemptionRow {
            code: CouponCode::parse(self.cell("code"))?,
            redeemed_at: cells::required("redeemed_at", self.instant("redeemed_at", Bound::Start)?)?,
            order: cells::reference("order_id", self.cell("order_id"))?.and_then(|order| OrderNumber::of(&order)),
        })
    }

    pub fn bar(&self) -> Result<BarRow, Unfit> {
        self.layout.check(self.record)?;
        Ok(BarRow { code: CouponCode::parse(self.cell("code"))?, reason: cells::required("reason", self.text("reason")?)? })
    }

    pub fn purge(&self) -> Result<PurgeRow, Unfit> {
        self.layout.check(self.record)?;
        let email = Some(self.cell("email").trim()).filter(|cell| !cell.is_empty()).map(EmailAddress::parse).transpose()?;
        let customer_id = cells::reference("customer_id", self.cell("customer_id"))?;
        if email.is_none() && customer_id.is_none() {
            return Err(Unfit::because("this row names nobody; give an e-mail or a customer_id"));
        }
        Ok(PurgeRow { email, customer_id })
    }

    /// Why a row that does not look right is rejected.
    pub fn cause(&self) -> Cause {
        let damaged = |name| is_spreadsheet_number(self.cell(name));
        let in_form = self.layout.check(self.record).is_ok();
        if in_form && self.layout.references().any(damaged) { Cause::Damaged } else { Cause::Malformed }
    }

    /// The code that a row names, also where the rest of the row cannot be taken.
    pub fn claimed_code(&self) -> Option<CouponCode> {
        CouponCode::parse(self.cell("code")).ok()
    }

    /// The batch that a row names, also where the rest of the row cannot be taken.
    pub fn claimed_batch(&self) -> &'a str {
        self.cell("batch")
    }
}

/// A language tag such as en, pt-BR or zh_Hant_TW.
fn locale(column: &str, cell: &str) -> Result<Option<String>, Unfit> {
    let fits = cell.len() <= 35 && cell.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if fits {
        Ok((!cell.is_empty()).then(|| cell.to_owned()))
    } else {
        Err(Unfit::because(format!("{column} must be a language tag such as en or pt-BR")))
    }
}
