//! Investments: lots that a customer holds elsewhere and tracks here.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Currency, Day, InstrumentType, Money, MoneyError, PortfolioId, Price, Quantity, Symbol};

/// A lot held elsewhere, in the units of its purchase date: later splits are applied when it is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Investment {
    /// Id (`UUIDv7`).
    pub id: Uuid,
    /// The portfolio that it belongs to.
    pub portfolio_id: PortfolioId,
    /// The instrument held.
    pub ticker_symbol: Symbol,
    /// Kind of instrument.
    pub instrument_type: InstrumentType,
    /// Units as of the purchase date; above zero.
    pub quantity: Quantity,
    /// Price of one such unit.
    pub purchase_price: Price,
    /// The purchase date.
    pub purchase_date: Day,
    /// The cost of the purchase in addition to the price, in the currency of the instrument; zero or more.
    pub fee: Money,
    /// When it was first recorded.
    #[serde(with = "crate::instant")]
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    #[serde(with = "crate::instant")]
    pub updated_at: DateTime<Utc>,
    /// Version, counted from 1.
    pub version: u64,
}

impl Investment {
    /// Currency of the price and the fee: that of the instrument.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.fee.currency()
    }
}

/// An investment as it is stored: every decimal is text.
#[derive(Clone, Serialize, Deserialize)]
struct Written {
    id: Uuid,
    portfolio_id: PortfolioId,
    ticker_symbol: Symbol,
    instrument_type: InstrumentType,
    quantity: Quantity,
    purchase_price: Price,
    purchase_date: Day,
    fee: Decimal,
    currency: Currency,
    #[serde(with = "crate::instant")]
    created_at: DateTime<Utc>,
    #[serde(with = "crate::instant")]
    updated_at: DateTime<Utc>,
    version: u64,
}

impl TryFrom<Written> for Investment {
    type Error = MoneyError;

    fn try_from(written: Written) -> Result<Self, MoneyError> {
        Ok(Self {
            id: written.id,
            portfolio_id: written.portfolio_id,
            ticker_symbol: written.ticker_symbol,
            instrument_type: written.instrument_type,
            quantity: written.quantity,
            purchase_price: written.purchase_price,
            purchase_date: written.purchase_date,
            fee: Money::new(written.fee, written.currency)?,
            created_at: written.created_at,
            updated_at: written.updated_at,
            version: written.version,
        })
    }
}

impl From<Investment> for Written {
    fn from(investment: Investment) -> Self {
        Self {
            id: investment.id,
            portfolio_id: investment.portfolio_id,
            ticker_symbol: investment.ticker_symbol,
            instrument_type: investment.instrument_type,
            quantity: investment.quantity,
            purchase_price: investment.purchase_price,
            purchase_date: investment.purchase_date,
            fee: investment.fee.amount(),
            currency: investment.fee.currency(),
            created_at: investment.created_at,
            updated_at: investment.updated_at,
            version: investment.version,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn investment(quantity: &str, price: &str, fee: &str) -> Investment {
        let at = DateTime::UNIX_EPOCH;
        Investment {
            id: Uuid::from_u128(1),
            portfolio_id: PortfolioId(Uuid::from_u128(2)),
            ticker_symbol: "IBM".parse().unwrap(),
            instrument_type: InstrumentType::Stock,
            quantity: Quantity::parse(quantity).unwrap(),
            purchase_price: Price::parse(price).unwrap(),
            purchase_date: "2010-01-04".parse().unwrap(),
            fee: Money::parse(fee, Currency::USD).unwrap(),
            created_at: at,
            updated_at: at,
            version: 1,
        }
    }

    #[test]
    fn an_investment_is_stored_as_text_and_read_back() {
        let kept = investment("12345678.12345678", "0.10", "1.5");
        let json = serde_json::to_string(&kept).unwrap();
        assert!(json.contains(r#""quantity":"12345678.12345678""#) && json.contains(r#""fee":"1.5""#), "{json}");
        assert_eq!(serde_json::from_str::<Investment>(&json).unwrap(), kept);
    }
}
