//! The purchase of a lot held elsewhere, and its possible errors.

use chrono::{DateTime, Utc};
use domain::{Currency, Day, Instrument, Investment, Money, MoneyError, PortfolioId, Price, Quantity, Symbol};
use ledger::Refusal;
use ledger::lots::investment_cost;
use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

/// A purchase made elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Purchase {
    /// The instrument.
    pub ticker_symbol: Symbol,
    /// Units as of that day.
    pub quantity: Quantity,
    /// Price per unit.
    pub purchase_price: Price,
    /// The day.
    pub purchase_date: Day,
    /// The cost in addition to the price; zero or more.
    pub fee: Decimal,
    /// Currency of price and fee, if given; it must be that of the instrument.
    pub currency: Option<Currency>,
}

/// The cost of an investment, its fee included.
///
/// Errors: a cost larger than the largest amount.
pub(crate) fn cost(investment: &Investment) -> Result<Money, Refusal> {
    investment_cost(investment.quantity, investment.purchase_price, investment.fee)
}

/// An invalid field, and why.
pub type Mistake = (&'static str, String);

/// The ids and time of an investment, besides the purchase itself.
pub(crate) struct Identity {
    pub id: Uuid,
    pub portfolio_id: PortfolioId,
    pub created_at: DateTime<Utc>,
}

impl Purchase {
    /// The investment to store, or every error in it.
    pub(crate) fn recorded(
        &self,
        identity: &Identity,
        instrument: &Instrument,
        today: Day,
    ) -> Result<Investment, Vec<Mistake>> {
        let mut mistakes = Vec::new();
        if self.quantity.is_zero() {
            mistakes.push(("quantity", "must be above zero".to_owned()));
        }
        if self.purchase_date > today {
            mistakes.push(("purchase_date", format!("{} must not be in the future", self.purchase_date)));
        }
        let currency = instrument.currency;
        if self.currency.is_some_and(|given| given != currency) {
            mistakes.push(("currency", format!("must be {currency}, in which {} is priced", self.ticker_symbol)));
        }
        let fee = Money::new(self.fee, currency);
        if let Err(error) = &fee {
            mistakes.push(("fee", error.to_string()));
        }
        let Ok(fee) = fee else { return Err(mistakes) };
        let investment = Investment {
            id: identity.id,
            portfolio_id: identity.portfolio_id,
            ticker_symbol: self.ticker_symbol.clone(),
            instrument_type: instrument.instrument_type,
            quantity: self.quantity,
            purchase_price: self.purchase_price,
            purchase_date: self.purchase_date,
            fee,
            created_at: identity.created_at,
            updated_at: identity.created_at,
            version: 1,
        };
        match cost(&investment) {
            Ok(_) => {}
            Err(error @ Refusal::NegativeFee) => mistakes.push(("fee", error.to_string())),
            Err(_) => mistakes.push(("quantity", format!("with its price and fee, {}", MoneyError::TooLarge))),
        }
        if mistakes.is_empty() { Ok(investment) } else { Err(mistakes) }
    }
}

impl From<&Investment> for Purchase {
    fn from(investment: &Investment) -> Self {
        Self {
            ticker_symbol: investment.ticker_symbol.clone(),
            quantity: investment.quantity,
            purchase_price: investment.purchase_price,
            purchase_date: investment.purchase_date,
            fee: investment.fee.amount(),
            currency: Some(investment.currency()),
        }
    }
}
