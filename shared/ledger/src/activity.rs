//! Activities: the record of what happened in accounts elsewhere, line by line.
//!
//! An [`Activity`] is the customer's own record. It can be corrected, and nothing of it touches the wallet.
//! [`ActivityFields`] are its fields as they come from outside, all optional; [`ActivityFields::event`] checks them and
//! makes the [`ActivityEvent`], which has exactly the fields that its type takes.

mod check;
mod event;
mod fields;
mod written;

use std::fmt;

use chrono::{DateTime, NaiveTime, Utc};
use domain::{Currency, Day, Investment, PortfolioId, Symbol};
pub use event::{
    ActivityEvent, AdjustmentDetails, BuyDetails, SellDetails, TransferInDetails, TransferOutDetails, Units,
};
pub use fields::{ActivityFields, ActivityMistake};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::exact;
use crate::refusal::Refusal;

/// The longest note, in characters.
pub const MAX_NOTE_LENGTH: usize = 500;
/// The longest id of another program, in characters.
pub const MAX_EXTERNAL_ID_LENGTH: usize = 200;

/// What an activity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivityType {
    /// Units bought.
    Buy,
    /// Units sold.
    Sell,
    /// Units that came from another account, with their cost.
    TransferIn,
    /// Units that left for another account: they are not sold.
    TransferOut,
    /// A correction of the units held, in either direction, for a reason that its note states.
    Adjustment,
    /// A split that no market data knows.
    Split,
}

/// How an activity came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivitySource {
    /// Recorded by the customer.
    Recorded,
    /// Recorded as an investment: a lot held elsewhere.
    Investment,
    /// Read from a file.
    Imported,
}

/// One line of the history of an account elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "written::Written", into = "written::Written")]
pub struct Activity {
    /// Id (`UUIDv7`); rises within a portfolio in the order of recording.
    pub id: Uuid,
    /// The portfolio that it belongs to.
    pub portfolio_id: PortfolioId,
    /// The day on which it happened.
    pub date: Day,
    /// The time of that day at the exchange, if known; to the second.
    pub time: Option<NaiveTime>,
    /// What happened.
    pub event: ActivityEvent,
    /// The customer's note.
    pub note: Option<String>,
    /// Its id in the program that it was imported from.
    pub external_id: Option<String>,
    /// How it came to be.
    pub source: ActivitySource,
    /// When it was first recorded.
    #[serde(with = "domain::instant")]
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    #[serde(with = "domain::instant")]
    pub updated_at: DateTime<Utc>,
    /// Version, counted from 1; the value of `ETag` and `If-Match`.
    pub version: u64,
}

impl Activity {
    /// Its type.
    #[must_use]
    pub fn activity_type(&self) -> ActivityType {
        self.event.activity_type()
    }

    /// The instrument.
    #[must_use]
    pub fn symbol(&self) -> &Symbol {
        self.event.symbol()
    }

    /// The currency of its amounts: that of the instrument.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.event.currency()
    }
}

/// A lot held elsewhere, as a purchase.
impl TryFrom<Investment> for Activity {
    type Error = Refusal;

    fn try_from(investment: Investment) -> Result<Self, Refusal> {
        let currency = investment.currency();
        let units = Units { symbol: investment.ticker_symbol, quantity: investment.quantity };
        let details = BuyDetails {
            amount: exact::value(investment.quantity, investment.purchase_price, currency)?,
            units,
            unit_price: investment.purchase_price,
            fee: investment.fee,
            tax: exact::zero(currency)?,
        };
        Ok(Self {
            id: investment.id,
            portfolio_id: investment.portfolio_id,
            date: investment.purchase_date,
            time: None,
            event: ActivityEvent::Buy(details),
            note: None,
            external_id: None,
            source: ActivitySource::Investment,
            created_at: investment.created_at,
            updated_at: investment.updated_at,
            version: investment.version,
        })
    }
}

impl fmt::Display for ActivityType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
            Self::TransferIn => "transfer_in",
            Self::TransferOut => "transfer_out",
            Self::Adjustment => "adjustment",
            Self::Split => "split",
        })
    }
}

#[cfg(test)]
mod tests;
