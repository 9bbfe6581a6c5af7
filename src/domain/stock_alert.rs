//! Alerts of a batch's stock: which thresholds are crossed at this moment. Pure.
//! Each crossing raises one alert; it is armed again when the stock is back on the other side.

use std::str::FromStr;

use super::{
    Invalid,
    batch::{Batch, StockCounts},
    stock_forecast::{Outlook, Phase},
};

/// What an alert is about. Among those about the number of codes the later ones are graver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertKind {
    Threshold,
    /// Half of the threshold.
    Half,
    /// A tenth of it.
    Tenth,
    RunOut,
    Reserve,
    Expiring,
    Expired,
}

/// On which side of the threshold the stock is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Crossed,
    Safe,
    /// Out of its time a batch's stock is neither: what was told stays told.
    Unknown,
}

impl AlertKind {
    pub const ALL: [Self; 7] = [
        Self::Threshold,
        Self::Half,
        Self::Tenth,
        Self::RunOut,
        Self::Reserve,
        Self::Expiring,
        Self::Expired,
    ];

    /// As in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Threshold => "threshold",
            Self::Half => "half",
            Self::Tenth => "tenth",
            Self::RunOut => "run_out",
            Self::Reserve => "reserve",
            Self::Expiring => "expiring",
            Self::Expired => "expired",
        }
    }

    /// Whether it is about the number of codes, where the gravest alert says it all.
    pub fn is_of_stock(self) -> bool {
        matches!(self, Self::Threshold | Self::Half | Self::Tenth | Self::RunOut)
    }

    /// Where the stock of this batch is.
    pub fn side(self, batch: &Batch, stock: &StockCounts, outlook: &Outlook) -> Side {
        let ever = stock.usable + stock.set_aside().left() + stock.handed_out() + stock.withdrawn;
        let running = matches!(outlook.phase, Phase::Running | Phase::Expiring);
        let side = |crossed: bool| if crossed { Side::Crossed } else { Side::Safe };
        // A share of the threshold that rounds to nothing is the same as the next threshold.
        let at_most = |codes: i64| side(codes > 0 && stock.usable <= codes);
        match self {
            // A batch that was never filled has not run out.
            _ if ever == 0 => Side::Unknown,
            Self::Expiring => side(outlook.phase == Phase::Expiring && stock.usable > 0),
            Self::Expired => side(outlook.phase == Phase::Expired && stock.expired > 0),
            _ if !running => Side::Unknown,
            Self::Threshold => at_most(outlook.threshold),
            Self::Half => at_most(outlook.threshold / 2),
            Self::Tenth => at_most(outlook.threshold / 10),
            Self::RunOut => side(stock.usable == 0),
            Self::Reserve => side(stock.usable < batch.reserve),
        }
    }
}

impl FromStr for AlertKind {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| Invalid::because("this is not a line of the stock"))
    }
}

/// How a user wants to hear of a merchant's stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertMode {
    None,
    /// A mail for each alert, at once.
    Each,
    /// One mail a day, if there was an alert.
    Daily,
}

impl AlertMode {
    pub const ALL: [Self; 3] = [Self::None, Self::Each, Self::Daily];

    /// As in the database and in forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Each => "each",
            Self::Daily => "daily",
        }
    }
}

impl FromStr for AlertMode {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or_else(|| Invalid::because("choose none, each or daily"))
    }
}
